"""Carries out the table of requests to full JIDs: who asks, and what comes of it."""

from collections.abc import Callable

from tests.im.house import TWO_SERVERS
from tests.im.scene import Scene
from tests.im.sharing_table import Request
from tests.im.story import JULIET
from tests.plays import refusal
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq
from xmppd.testing.texts import normal
from xmppd.wire.element import Element

QUERY = "<query xmlns='urn:example:unheard-of'/>"
ROOM = "room@rooms.example.com"
OURS = ("own resource", "host itself")


class Wrong(AssertionError):
    """A request has met with something else than the table has."""


class Asking:
    """Juliet with one client and somebody who asks it; `where` Romeo is, seen from her."""

    def __init__(
        self, request: Request, where: str, restart: int | None = None, loses: str = ""
    ) -> None:
        self.request = request
        state = request.asker if request.asker not in SPECIAL else "unknown"
        contact = "connected" if request.resource == "connected" else "one"
        self.scene = Scene(state, contact, where, restart, loses)
        self.asker = SPECIAL.get(request.asker, Asking.romeo)(self)
        self.host = self.scene.host
        self.host.overlook()

    def romeo(self) -> str:
        """Let Romeo ask."""
        return self.scene.full

    def own_resource(self) -> str:
        """Let another client of Juliet's ask."""
        self.scene.enter("r2", "")
        return f"{JULIET}/r2"

    def host_itself(self) -> str:
        """Let the server ask for itself."""
        return "example.org"

    def room_itself(self) -> str:
        """Let the room ask in which Juliet is."""
        return self._enter_room(ROOM)

    def room_occupant(self) -> str:
        """Let somebody else in that room ask."""
        return self._enter_room(f"{ROOM}/tybalt")

    def _enter_room(self, asker: str) -> str:
        self.scene.host.remote(f"{ROOM}/juliet")
        self.scene.says("r1", f"<presence to='{ROOM}/juliet'/>")
        return asker

    def other_resource_told(self) -> str:
        """Let Romeo ask, whom another client of Juliet's has told of itself."""
        self.scene.enter("r2", "r2")
        self.scene.says("r2", f"<presence to='{self.scene.full}'/>")
        return self.scene.full

    def _send(self, iq: str) -> None:
        if self.asker == "example.org":
            request = Iq(Element("query", "urn:example:unheard-of"), type="get", id="q")
            request.to = JID.parse(self.address)
            self.host.request(request).addErrback(lambda _: None)
        elif self.asker.startswith(JULIET):
            self.scene.clients["r2"].sends(iq)
        elif self.asker == self.scene.full and self.scene.client is not None:
            self.scene.client.sends(iq)
        else:
            self.host.remote(self.asker).sends(iq)

    @property
    def address(self) -> str:
        """The full JID that is asked."""
        return f"{JULIET}/r9" if self.request.resource == "r9" else f"{JULIET}/r1"

    def ask(self, type: str) -> None:
        """Send the request and look. Raises `Wrong`."""
        self._send(f"<iq type='{type}' id='q' to='{self.address}'>{QUERY}</iq>")
        got = self.host.unread()
        asked = f"<iq type='{type}' id='q' from='{self.asker}' to='{self.address}'>{QUERY}</iq>"
        no = refusal("service-unavailable", id="q", from_=self.address, to=self.asker)
        expected = {
            "delivered": {f"{JULIET}/r1": [normal(asked)]},
            "refused": {self.asker: [normal(no)]},
        }[self.request.answer]
        if got != expected:
            raise Wrong(f"{self.request.row}\nbut got {got}")


SPECIAL: dict[str, Callable[[Asking], str]] = {
    "own resource": Asking.own_resource,
    "host itself": Asking.host_itself,
    "room itself": Asking.room_itself,
    "room occupant": Asking.room_occupant,
    "other resource told": Asking.other_resource_told,
}


def carry_out(request: Request, where: str, restart: int | None = None, loses: str = "") -> int:
    """Send a request of both types and look what comes of it. Raises `Wrong`.

    Returns how many steps led there; the server restarts behind that one (see `Story`).
    """
    steps = 0
    for type in ("get",) if request.asker == "host itself" else ("get", "set"):
        asking = Asking(request, where, restart, loses)
        asking.ask(type)
        steps = asking.scene.story.steps
    return steps


def applies(request: Request, where: str) -> bool:
    """Tell whether it makes a difference where Romeo is."""
    return where == TWO_SERVERS or request.asker not in (*OURS, "room itself", "room occupant")
