"""Juliet with her clients as a row has her, and Romeo, whom she has as a row says."""

from collections.abc import Callable

from tests.im.house import DOMAINS, TWO_HOSTS, TWO_SERVERS
from tests.im.shipped import messaging
from tests.im.states import USER, WAYS, Step
from tests.im.story import JULIET, Story
from tests.im.subscription_table import ADD, Item
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.wire.namespaces import ROSTER

NO_ITEM = ("unknown", "own account", "taken back", "directed to bare", "directed to full")

PRESENCES = {
    "r1": "<presence id='p1'><show>away</show><status>Soft!</status></presence>",
    "r2": "<presence id='p2'><priority>5</priority></presence>",
    "negative": "<presence id='p1'><show>dnd</show><priority>-1</priority></presence>",
}
FAREWELL = "<presence type='unavailable' id='bye'><status>Parting</status></presence>"

AWAY_SECONDS = 100


class Scene:
    """Juliet's clients and Romeo; `where` he is, seen from her.

    `prober` and `contact` are as in `tests.im.probe_table`, `restart` and `loses` as in `Story`.
    """

    def __init__(
        self,
        prober: str,
        contact: str,
        where: str,
        restart: int | None = None,
        loses: str = "",
    ) -> None:
        self.kind = prober
        self.story = Story(messaging(), restart, loses)
        self.sent: dict[str, str] = {}
        self.clients: dict[str, FakeSession] = {}
        self.left = 0.0
        self._prepare_romeo(where)
        if prober != "no account":
            self.story.once(lambda: self.host.add_account("juliet"))
            self._come_to_the_state()
            self._log_in(contact)
        self.host.overlook()

    @property
    def host(self) -> FakeHost:
        """Juliet's host, the one that is up."""
        return self.story.host

    def _prepare_romeo(self, where: str) -> None:
        domain = DOMAINS[where]
        self.romeo = f"romeo@{domain}"
        self.full = f"{self.romeo}/orchard"
        self.client: FakeSession | None = None
        if where == TWO_SERVERS:
            self.remote = self.host.remote(self.full)
            return
        if where == TWO_HOSTS:
            messaging(domain, beside=self.host)

        def enter() -> None:
            self.client = self.host.beside(domain).login("romeo/orchard")
            self.client.sends("<presence/>")

        self.story.session("romeo", enter)

    @property
    def prober(self) -> str:
        """The address a probe comes from."""
        if self.kind == "own account":
            return f"{JULIET}/r1"
        full = self.kind in ("directed to full", "taken back") or self.client is not None
        return self.full if full else self.romeo

    def romeo_sends(self, presence: str) -> None:
        """Let Romeo send that, from his bare address if a server does it for him."""
        if self.client is not None:
            self.client.sends(presence)
        else:
            self.remote.sends(presence.replace("<presence", f"<presence from='{self.prober}'"))

    def _come_to_the_state(self) -> None:
        if self.kind in NO_ITEM:
            return
        approved = self.kind.endswith(" approved")
        for step in WAYS[Item(self.kind.removesuffix(" approved"), True, approved)]:
            self.story.once(self._saying(step))

    def _saying(self, step: Step) -> Callable[[], None]:
        """Return what lets Juliet, or Romeo, say that about their subscriptions."""
        side, type = step

        def say() -> None:
            pen = self.host.login("juliet/pen")
            if type == ADD:
                item = f"<item jid='{self.romeo}'/>"
                pen.sends(f"<iq type='set' id='1'><query xmlns='{ROSTER}'>{item}</query></iq>")
            elif side == USER:
                pen.sends(f"<presence type='{type}' to='{self.romeo}'/>")
            else:
                self.romeo_sends(f"<presence type='{type}' to='{JULIET}'/>")
            pen.disconnects()

        return say

    def _log_in(self, contact: str) -> None:
        """Bring Juliet's clients to where the row has them; r1 is always the first."""
        if contact == "never":
            return
        self.enter("r1", {"connected": "", "negative": "negative"}.get(contact, "r1"))
        if contact in ("two", "one+connected"):
            self.enter("r2", "r2" if contact == "two" else "")
        self._direct()
        if contact == "gone":
            self.story.over("r1")
            self.story.once(self._leave)
            self.host.wall.seconds += AWAY_SECONDS

    def enter(self, resource: str, presence: str) -> None:
        """Log in a client of Juliet's and let it send one of `PRESENCES`, or none."""

        def step() -> None:
            self.clients[resource] = self.host.login(f"juliet/{resource}")
            if presence:
                self.sent[resource] = PRESENCES[presence]
                self.clients[resource].sends(PRESENCES[presence])

        self.story.session(resource, step)

    def _leave(self) -> None:
        self.clients["r1"].sends(FAREWELL)
        self.clients["r1"].disconnects()
        self.left = self.host.wall.now()

    def _direct(self) -> None:
        to = self.romeo if self.kind == "directed to bare" else self.full
        if self.kind.startswith("directed") or self.kind == "taken back":
            presence = f"<presence id='d' to='{to}'><status>Ho!</status></presence>"
            self.says("r1", presence)
        if self.kind == "taken back":
            self.says("r1", f"<presence type='unavailable' to='{to}'/>")

    def says(self, resource: str, presence: str) -> None:
        """Let a client of Juliet's send that, in every session it has."""
        self.story.session(resource, lambda: self.clients[resource].sends(presence))
