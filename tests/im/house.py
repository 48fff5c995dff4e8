"""Romeo, the user, and Juliet, the contact, with their clients on one server or on two."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.im.seen import item_of, seen
from tests.im.shipped import messaging
from tests.im.subscription_table import ADD, REMOVE
from xmppd.stanza.stanza import Stanza
from xmppd.testing.fake_session import FakeSession
from xmppd.testing.remote import FakeRemote
from xmppd.wire.namespaces import ROSTER

ONE_HOST, TWO_HOSTS, TWO_SERVERS = "one host", "two hosts", "two servers"

ROMEO = "romeo@example.org"
DOMAINS = {ONE_HOST: "example.org", TWO_HOSTS: "example.net", TWO_SERVERS: "example.net"}

GET = f"<iq type='get' id='get'><query xmlns='{ROSTER}'/></iq>"
HERE = "<presence/>"


@dataclass(slots=True)
class Resource:
    """One client: what it sends when it has logged in."""

    jid: str
    available: bool = True
    interested: bool = True
    session: FakeSession | None = field(default=None, repr=False)


class House:
    """Two people, logged in with all their clients; their hosts have the shipped features."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.host = messaging("example.org")
        domain = DOMAINS[where]
        if where == TWO_HOSTS:
            messaging(domain, beside=self.host)
        self.juliet = f"juliet@{domain}"
        self.remote: FakeRemote | None = None
        self.resources = [
            Resource(f"{ROMEO}/orchard"),
            Resource(f"{ROMEO}/garden", interested=False),
            Resource(f"{ROMEO}/attic", available=False),
        ]
        if where == TWO_SERVERS:
            self.remote = self.host.remote(f"{self.juliet}/balcony")
        else:
            self.resources.append(Resource(f"{self.juliet}/balcony"))
        self.log_in()

    @property
    def people(self) -> tuple[str, str]:
        """The bare addresses of the user and the contact."""
        return ROMEO, self.juliet

    def log_in(self) -> dict[str, list[str]]:
        """Log in everybody; return what they see by that."""
        for each in self.resources:
            each.session = self.enter(each.jid)
            each.session.sends(*([GET] if each.interested else []))
            each.session.sends(*([HERE] if each.available else []))
        return self.take()

    def enter(self, jid: str) -> FakeSession:
        """Log in one more client, without a word."""
        client, _, resource = jid.partition("/")
        localpart, _, domain = client.partition("@")
        return self.host.beside(domain).login(f"{localpart}/{resource}")

    def restart(self) -> dict[str, list[str]]:
        """Restart the server and log in everybody; return what they see by that."""
        self.host = self.host.restarted()
        return self.log_in()

    def sends(self, side: int, type: str, resource: str = "") -> None:
        """Let the first client of a side send that to the other side, or to a resource of it."""
        to = self.people[1 - side]
        stanza = f"<presence type='{type}' to='{to}{resource}'/>"
        if type in (ADD, REMOVE):
            gone = " subscription='remove'" if type == REMOVE else ""
            item = f"<query xmlns='{ROSTER}'><item jid='{to}'{gone}/></query>"
            stanza = f"<iq type='set' id='1'>{item}</iq>"
        if side and self.remote is not None:
            self.remote.sends(stanza.replace(" to=", f" from='{self.juliet}' to="))
        else:
            self.first(side).sends(stanza)

    def first(self, side: int) -> FakeSession:
        """Return the client that sends for a side."""
        session = next(each for each in self.resources if each.jid.startswith(self.people[side]))
        assert session.session is not None
        return session.session

    def stanzas(self) -> Iterator[tuple[str, tuple[Stanza, ...]]]:
        """Yield what has come for each, by the address of the client."""
        for each in self.resources:
            assert each.session is not None
            yield each.jid, each.session.stanzas
        if self.remote is not None:
            yield str(self.remote.jid), tuple(self.remote.mailbox.stanzas)

    def take(self) -> dict[str, list[str]]:
        """Return in words what has come for each since the last look, in order."""
        found = {jid: words(stanzas) for jid, stanzas in self.stanzas() if stanzas}
        self.host.overlook()
        return found

    def look(self, side: int) -> tuple[str, list[str], list[str]]:
        """Log in with one more client of a side, and leave.

        Returns what its roster shows of the other side, then what it and Juliet's server see as
        it becomes available.
        """
        window = self.enter(f"{self.people[side]}/window")
        window.sends(GET)
        [result] = window.stanzas
        item = item_of(result, self.people[1 - side])
        self.host.overlook()
        window.sends(HERE)
        mine = words(window.stanzas)
        theirs = [] if self.remote is None else words(self.remote.mailbox.stanzas)
        window.disconnects()
        self.host.overlook()
        return item, mine, theirs


def words(stanzas: Iterable[Stanza]) -> list[str]:
    """Return stanzas in words."""
    return [seen(stanza) for stanza in stanzas]
