"""Carries out the table of section 8.5 with the shipped features: what is kept comes later."""

from datetime import UTC, datetime

from tests.im.house import DOMAINS, TWO_HOSTS, TWO_SERVERS
from tests.im.shipped import messaging
from tests.im.story import JULIET, Story
from tests.plays import refusal
from tests.routing.delivery_table import Case
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.testing.texts import normal
from xmppd.wire.namespaces import DELAY

ADDRESSES = {"bare": JULIET, "match": f"{JULIET}/r1", "other": f"{JULIET}/nowhere"}
PAYLOADS = {
    "message": "<body>Soft!</body>",
    "presence": "",
    "iq": "<query xmlns='urn:example:unheard-of'/>",
}


class Wrong(AssertionError):
    """A stanza has met with something else than the table has."""


class Delivery:
    """Juliet's clients as a case has them, and Romeo, who sends from `where` he is."""

    def __init__(self, case: Case, where: str, restart: int | None = None, loses: str = "") -> None:
        self.case = case
        self.story = Story(messaging(), restart, loses)
        self.to = ADDRESSES[case.address]
        self.stamp = ""
        self.got: dict[str, list[str]] = {}
        self.came: list[str] = []
        self._prepare_romeo(where)
        if case.account:
            self.story.once(lambda: self.host.add_account("juliet"))
        for resource, priority in case.priorities.items():
            self._enter(resource, priority)
        self.host.overlook()

    @property
    def host(self) -> FakeHost:
        """Juliet's host, the one that is up."""
        return self.story.host

    def _prepare_romeo(self, where: str) -> None:
        domain = DOMAINS[where]
        self.romeo = f"romeo@{domain}/orchard"
        self.client: FakeSession | None = None
        if where == TWO_SERVERS:
            self.remote = self.host.remote(self.romeo)
            return
        if where == TWO_HOSTS:
            messaging(domain, beside=self.host)

        def enter() -> None:
            self.client = self.host.beside(domain).login("romeo/orchard")

        self.story.session("romeo", enter)

    def _enter(self, resource: str, priority: int | None) -> None:
        def step() -> None:
            session = self.host.login(f"juliet/{resource}")
            if priority is not None:
                session.sends(f"<presence><priority>{priority}</priority></presence>")

        self.story.session(resource, step)

    def stanza(self, from_: str = "", more: str = "") -> str:
        """Return the stanza as it is sent, or as it arrives."""
        kind, type = self.case.kind, f" type='{self.case.type}'" if self.case.type else ""
        sender = f" from='{from_}'" if from_ else ""
        return f"<{kind} id='s' to='{self.to}'{sender}{type}>{PAYLOADS[kind]}{more}</{kind}>"

    def carry_out(self) -> str:
        """Send the stanza and return what came of it. Raises `Wrong`."""
        self.story.once(self._send)
        outcome = self._outcome()
        if self.case.account and self._comes_later():
            outcome = "store" if outcome == "ignore" else f"{outcome} and store"
        if outcome not in self.case.allowed:
            raise Wrong(f"{self.case.row}: {sorted(self.case.allowed)}, but {outcome}")
        if "store" in self.case.allowed and outcome != "store":
            raise Wrong(f"{self.case.row}: not kept, but {outcome}")
        return outcome

    def _send(self) -> None:
        romeo = self.remote if self.client is None else self.client
        romeo.sends(self.stanza())
        self.got = self.host.unread()
        self.stamp = f"{datetime.fromtimestamp(self.host.wall.now(), UTC):%Y-%m-%dT%H:%M:%SZ}"
        self.host.wall.seconds += 60

    def _outcome(self) -> str:
        bounce = refusal(
            "service-unavailable", kind=self.case.kind, id="s", from_=self.to, to=self.romeo
        )
        if not self.got:
            return "ignore"
        if self.got == {self.romeo: [normal(bounce)]}:
            return "error"
        if any(texts != [normal(self.stanza(self.romeo))] for texts in self.got.values()):
            return f"received {self.got}"
        return "to:" + "+".join(sorted(jid.partition("/")[2] for jid in self.got))

    def _comes_later(self) -> bool:
        """Tell whether the next client to be available gets it, once (XEP-0160, XEP-0203)."""
        for resource in ("later", "last"):
            self._come(resource)
        delay = f"<delay xmlns='{DELAY}' from='example.org' stamp='{self.stamp}'/>"
        if self.came not in ([], [normal(self.stanza(self.romeo, delay))]):
            raise Wrong(f"{self.case.row}: later came {self.came}")
        return bool(self.came)

    def _come(self, resource: str) -> None:
        def step() -> None:
            client = self.host.login(f"juliet/{resource}")
            client.sends("<presence/>")
            texts = [text for text in client.take() if text.startswith(f"<{self.case.kind} ")]
            self.came += [text for text in texts if 'id="s"' in text]

        self.story.session(resource, step)


def carry_out(
    case: Case, where: str = TWO_SERVERS, restart: int | None = None, loses: str = ""
) -> tuple[int, str]:
    """Send a stanza and look what comes of it. Raises `Wrong`.

    Returns how many steps there are, the server restarts behind that one (see `Story`), and what
    came of the stanza.
    """
    delivery = Delivery(case, where, restart, loses)
    outcome = delivery.carry_out()
    return delivery.story.steps, outcome
