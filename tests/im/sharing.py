"""Carries out the table of requests to full JIDs: who asks, and what comes of it."""

from collections.abc import Callable

from tests.im.house import TWO_SERVERS
from tests.im.probe_table import Case
from tests.im.probes import JULIET, Scene
from tests.im.sharing_table import Request
from tests.plays import refusal
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq
from xmppd.testing.texts import normal
from xmppd.wire.element import Element

QUERY = "<query xmlns='urn:example:unheard-of'/>"
ROOM = "room@rooms.example.com"
OURS = ("own resource", "host itself")

Send = Callable[[str], None]


class Wrong(AssertionError):
    """A request has met with something else than the table has."""


class Asking:
    """Juliet with one client and somebody who asks it; `where` Romeo is, seen from her."""

    def __init__(self, request: Request, where: str) -> None:
        self.request = request
        state = request.asker if request.asker not in SPECIAL else "unknown"
        contact = "connected" if request.resource == "connected" else "one"
        self.scene = Scene(Case(state, "r1", contact, (), "", ""), where)
        self.host, self.r1 = self.scene.host, self.scene.clients["r1"]
        self.asker, self.send = SPECIAL.get(request.asker, Asking.romeo)(self)
        self.host.overlook()

    def romeo(self) -> tuple[str, Send]:
        """Let Romeo ask."""
        client = self.scene.client
        return self.scene.full, self.scene.remote.sends if client is None else client.sends

    def own_resource(self) -> tuple[str, Send]:
        """Let another client of Juliet's ask."""
        return f"{JULIET}/r2", self.host.login("juliet/r2").sends

    def host_itself(self) -> tuple[str, Send]:
        """Let the server ask for itself."""

        def send(_text: str) -> None:
            iq = Iq(Element("query", "urn:example:unheard-of"), type="get", id="q")
            iq.to = JID.parse(self.address)
            self.host.request(iq).addErrback(lambda _: None)

        return "example.org", send

    def room_itself(self) -> tuple[str, Send]:
        """Let the room ask in which Juliet is."""
        return self._enter_room(ROOM)

    def room_occupant(self) -> tuple[str, Send]:
        """Let somebody else in that room ask."""
        return self._enter_room(f"{ROOM}/tybalt")

    def _enter_room(self, asker: str) -> tuple[str, Send]:
        self.host.remote(f"{ROOM}/juliet")
        self.r1.sends(f"<presence to='{ROOM}/juliet'/>")
        return asker, self.host.remote(asker).sends

    def other_resource_told(self) -> tuple[str, Send]:
        """Let Romeo ask, whom another client of Juliet's has told of itself."""
        r2 = self.host.login("juliet/r2")
        r2.sends("<presence/>", f"<presence to='{self.scene.full}'/>")
        return self.romeo()

    @property
    def address(self) -> str:
        """The full JID that is asked."""
        return f"{JULIET}/r9" if self.request.resource == "r9" else f"{JULIET}/r1"

    def ask(self, type: str) -> None:
        """Send the request and look. Raises `Wrong`."""
        self.send(f"<iq type='{type}' id='q' to='{self.address}'>{QUERY}</iq>")
        got = self.host.unread()
        asked = f"<iq type='{type}' id='q' from='{self.asker}' to='{self.address}'>{QUERY}</iq>"
        no = refusal("service-unavailable", id="q", from_=self.address, to=self.asker)
        expected = {
            "delivered": {f"{JULIET}/r1": [normal(asked)]},
            "refused": {self.asker: [normal(no)]},
        }[self.request.answer]
        if got != expected:
            raise Wrong(f"{self.request.row}\nbut got {got}")


SPECIAL = {
    "own resource": Asking.own_resource,
    "host itself": Asking.host_itself,
    "room itself": Asking.room_itself,
    "room occupant": Asking.room_occupant,
    "other resource told": Asking.other_resource_told,
}


def carry_out(request: Request, where: str) -> None:
    """Send a request of both types and look what comes of it. Raises `Wrong`."""
    for type in ("get",) if request.asker == "host itself" else ("get", "set"):
        Asking(request, where).ask(type)


def applies(request: Request, where: str) -> bool:
    """Tell whether it makes a difference where Romeo is."""
    return where == TWO_SERVERS or request.asker not in (*OURS, "room itself", "room occupant")
