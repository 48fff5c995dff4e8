"""Carries out the table of requests that cannot be delivered: what Romeo sees, and what stays."""

from zope.interface import implementer

from tests.im.house import GET, ONE_HOST, ROMEO, TWO_HOSTS, TWO_SERVERS, House, words
from tests.im.seen import condition, item_of
from tests.im.states import CONTACT, USER, WAYS
from tests.im.unroutable_table import Case
from xmppd.api.router import IDomain
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.stanza import Stanza

CONDITIONS = {
    "no server": "remote-server-not-found",
    "resource at no server": "remote-server-not-found",
    "silent server": "remote-server-timeout",
}
WHERE = {"no account here": ONE_HOST, "no account beside": TWO_HOSTS}


class Wrong(AssertionError):
    """A request has met with something else than the table has."""


@implementer(IDomain)
class Unreachable:
    """All other servers, when none can be reached."""

    def __init__(self, condition: str) -> None:
        self.condition = condition

    def receive(self, stanza: Stanza) -> None:
        """Refuse a stanza."""
        raise StanzaError(self.condition)


class Request:
    """Romeo with his clients, and what he asks for."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.house = House(WHERE.get(case.to, TWO_SERVERS))
        self.contact = self.house.juliet
        if case.to in WHERE:
            self.contact = self.contact.replace("juliet", "nobody")
        self._come_to_the_state()

    def _come_to_the_state(self) -> None:
        for side, type in WAYS[self.case.before]:
            if self.case.to in WHERE:  # only roster sets lead there
                self._set(self.contact)
            else:
                self.house.sends(side, type)
        self.house.take()

    def _set(self, contact: str) -> None:
        item = f"<query xmlns='jabber:iq:roster'><item jid='{contact}'/></query>"
        self.house.first(USER).sends(f"<iq type='set' id='1'>{item}</iq>")

    @property
    def address(self) -> str:
        """Where the request is sent to."""
        if self.case.to == "malformed":
            return "juliet@@example.net"
        resource = "/chamber" if self.case.to.startswith("resource") else ""
        return f"{self.contact}{resource}"

    def ask(self) -> None:
        """Send the request and look. Raises `Wrong`."""
        if self.case.to in CONDITIONS:
            self.house.host.router.elsewhere = Unreachable(CONDITIONS[self.case.to])
        self.house.first(USER).sends(f"<presence type='subscribe' id='s' to='{self.address}'/>")
        got = {jid: stanzas for jid, stanzas in self.house.stanzas() if stanzas}
        for each in self.house.resources:
            if each.jid.startswith(ROMEO):
                stanzas = got.pop(each.jid, ())
                self._check_push(stanzas, each.interested)
                self._check_errors(stanzas, each.jid, each.available or each.interested)
        if got:
            raise Wrong(f"{self.case.row}\nothers received {got}")
        self.house.take()

    def _check_push(self, stanzas: tuple[Stanza, ...], interested: bool) -> None:
        pushes = [word for word in words(stanzas) if word.startswith("push")]
        expected = [f"push {self.case.push}"] if interested and self.case.push else []
        if pushes != expected:
            raise Wrong(f"{self.case.row}\npushed was {pushes}")

    def _check_errors(self, stanzas: tuple[Stanza, ...], client: str, told_of: bool) -> None:
        """Hold the errors one client has got against the table.

        The request had the user's bare JID, so the error is for all who are told of subscriptions
        (3.1.2); what could never be sent is answered to the client alone.
        """
        errors = [each for each in stanzas if each.type == "error"]
        told = [condition(error) for error in errors] or ["silence"]
        malformed = self.case.to == "malformed"
        mine = client == self.house.resources[0].jid if malformed else told_of
        if len(told) > 1 or told[0] not in (self.case.answers if mine else ("silence",)):
            raise Wrong(f"{self.case.row}\n{client} was told {told}")
        for error in errors:
            sender = "" if malformed else self.contact
            if error.id != "s" or (sender and str(error.from_) != sender):
                raise Wrong(f"{self.case.row}\nthe error is {error.id!r} from {error.from_}")

    def look(self) -> None:
        """Look at the roster. Raises `Wrong`."""
        window = self.house.enter(f"{ROMEO}/window")
        window.sends(GET)
        shown = item_of(window.stanzas[0], self.contact)
        window.disconnects()
        if shown != self.case.item:
            raise Wrong(f"{self.case.row}\nthe roster shows {shown}")

    def restart(self) -> None:
        """Restart the server; others can be reached then. Raises `Wrong`.

        Requests are repeated when a client comes, so the contact gets this one after all.
        """
        seen = self.house.restart().get(f"{self.house.juliet}/balcony", [])
        request = f"subscribe from {ROMEO} to {self.house.juliet}"
        expected = self.house.remote is not None and self.case.item.endswith(" ask")
        if (request in seen) != expected:
            raise Wrong(f"{self.case.row}\nafter a restart, the contact sees {seen}")

    def grant(self) -> str:
        """Let the contact say yes; return what the roster shows then."""
        self.house.sends(CONTACT, "subscribed")
        return self.house.look(USER)[0]


def carry_out(case: Case, *, restarts: bool = False) -> Request:
    """Send a request and look at what comes of it. Raises `Wrong`."""
    request = Request(case)
    if restarts:
        request.house.restart()
    request.ask()
    request.look()
    if restarts:
        request.restart()
        request.look()
    return request
