"""Juliet and Romeo with the features of RFC 6121, in one server, for tests of each of them."""

from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from xmppd.modules.presence import PresenceSessions
from xmppd.modules.probes import Probes
from xmppd.modules.roster import Rosters
from xmppd.modules.subscriptions import Subscriptions
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.wire.namespaces import ROSTER

JULIET, ROMEO = "juliet@example.org", "romeo@example.net"
BALCONY, ORCHARD = f"{JULIET}/balcony", f"{ROMEO}/orchard"


def install(host: FakeHost) -> FakeHost:
    """Load rosters, subscriptions, presence and probes."""
    for feature in (Rosters, PresenceSessions, Subscriptions, Probes):
        host.load(feature)
    return host


def presence(type: str, to: str, from_: str = "", id: str = "", inner: str = "") -> str:
    """Return a presence stanza; what is empty is left out."""
    attrs = {"type": type, "from": from_, "to": to, "id": id}
    given = "".join(f" {name}='{value}'" for name, value in attrs.items() if value)
    return f"<presence{given}>{inner}</presence>"


class PeopleCase(SynchronousTestCase):
    """Juliet's balcony and Romeo's orchard, on two hosts of one server; both are interested."""

    def setUp(self) -> None:
        self.capulet = install(FakeHost())
        self.montague = install(FakeHost("example.net", beside=self.capulet))
        self.juliet = self.interested(self.capulet.login("juliet/balcony"))
        self.romeo = self.interested(self.montague.login("romeo/orchard"))

    def interested(self, client: FakeSession) -> FakeSession:
        """Let a client ask for its roster."""
        client.sends(f"<iq type='get' id='roster'><query xmlns='{ROSTER}'/></iq>")
        client.take()
        return client

    def available(self) -> None:
        """Let both send initial presence."""
        self.juliet.sends("<presence/>")
        self.romeo.sends("<presence/>")
        self.capulet.unread()

    def befriend(self) -> None:
        """Bring about a mutual subscription."""
        self.juliet.sends(presence("subscribe", ROMEO))
        self.romeo.sends(presence("subscribed", JULIET), presence("subscribe", JULIET))
        self.juliet.sends(presence("subscribed", ROMEO))
        self.capulet.unread()

    def pushes(self, client: FakeSession) -> list[str]:
        """Return what a client is told: presence as it is, of roster pushes what the items say."""
        return list(self._told(client))

    def _told(self, client: FakeSession) -> Iterator[str]:
        for stanza in client.stanzas:
            query = stanza.child("query", ROSTER)
            item = None if query is None else query.child()
            if item is not None:
                known = ("subscription", "ask", "approved")
                yield " ".join(item.attrs[name] for name in known if name in item.attrs)
            else:
                yield f"{stanza.type or 'available'} from {stanza.from_}"
        client.take()
