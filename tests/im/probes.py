"""Carries out the table of probes: Juliet as a row has her, a probe, and what comes back."""

from datetime import datetime

from tests.im.house import DOMAINS, GET, ONE_HOST, TWO_HOSTS, TWO_SERVERS
from tests.im.probe_table import Case
from tests.im.seen import item_of
from tests.im.shipped import messaging
from tests.im.states import USER, WAYS
from tests.im.subscription_table import ADD, Item
from xmppd.stanza.stanza import Stanza
from xmppd.testing.fake_session import FakeSession
from xmppd.testing.texts import normal, read_stanzas
from xmppd.wire.namespaces import DELAY, ROSTER

JULIET = "juliet@example.org"
STRANGERS = ("unknown", "no account", "own account", "taken back")

PRESENCES = {
    "r1": "<presence id='p1'><show>away</show><status>Soft!</status></presence>",
    "r2": "<presence id='p2'><priority>5</priority></presence>",
    "negative": "<presence id='p1'><show>dnd</show><priority>-1</priority></presence>",
}
FAREWELL = "<presence type='unavailable' id='bye'><status>Parting</status></presence>"


class Wrong(AssertionError):
    """A probe has been answered with something else than the table has."""


class Scene:
    """Juliet's clients and Romeo, who probes; `where` he is, seen from her."""

    def __init__(self, case: Case, where: str) -> None:
        self.case = case
        self.host = messaging()
        self.sent: dict[str, str] = {}
        self.clients: dict[str, FakeSession] = {}
        self.left = 0.0
        self._prepare_romeo(where)
        if case.prober != "no account":
            self.host.add_account("juliet")
            self._come_to_the_state()
            self._log_in()
        self.host.overlook()

    def _prepare_romeo(self, where: str) -> None:
        domain = DOMAINS[where]
        self.romeo = f"romeo@{domain}"
        self.full = f"{self.romeo}/orchard"
        self.client: FakeSession | None = None
        if where == TWO_SERVERS:
            self.remote = self.host.remote(self.full)
            return
        host = messaging(domain, beside=self.host) if where == TWO_HOSTS else self.host
        self.client = host.login("romeo/orchard")
        self.client.sends("<presence/>")

    def _romeo_sends(self, presence: str) -> None:
        """Let Romeo send that, from his bare address if a server does it for him."""
        if self.client is not None:
            self.client.sends(presence)
        else:
            self.remote.sends(presence.replace("<presence", f"<presence from='{self.prober}'"))

    @property
    def prober(self) -> str:
        """The address the probe comes from."""
        if self.case.prober == "own account":
            return f"{JULIET}/r1"
        full = self.case.prober in ("directed to full", "taken back") or self.client is not None
        return self.full if full else self.romeo

    def _come_to_the_state(self) -> None:
        prober = self.case.prober
        if prober in STRANGERS or prober.startswith("directed"):
            return
        approved = prober.endswith(" approved")
        way = WAYS[Item(prober.removesuffix(" approved"), True, approved)]
        pen = self.host.login("juliet/pen")
        for side, type in way:
            if type == ADD:
                item = f"<item jid='{self.romeo}'/>"
                pen.sends(f"<iq type='set' id='1'><query xmlns='{ROSTER}'>{item}</query></iq>")
            elif side == USER:
                pen.sends(f"<presence type='{type}' to='{self.romeo}'/>")
            else:
                self._romeo_sends(f"<presence type='{type}' to='{JULIET}'/>")
        pen.disconnects()

    def _log_in(self) -> None:
        """Bring Juliet's clients to where the row has them; r1 is always the first."""
        contact = self.case.contact
        if contact == "never":
            return
        self._enter("r1", {"connected": "", "negative": "negative"}.get(contact, "r1"))
        if contact in ("two", "one+connected"):
            self._enter("r2", "r2" if contact == "two" else "")
        self._direct()
        if contact == "gone":
            self.clients["r1"].sends(FAREWELL)
            self.clients["r1"].disconnects()
            self.left = self.host.wall.now()
            self.host.wall.seconds += 100

    def _enter(self, resource: str, presence: str) -> None:
        self.clients[resource] = self.host.login(f"juliet/{resource}")
        if presence:
            self.sent[resource] = PRESENCES[presence]
            self.clients[resource].sends(PRESENCES[presence])

    def _direct(self) -> None:
        to = {"directed to bare": self.romeo, "directed to full": self.full}.get(self.case.prober)
        if self.case.prober == "taken back":
            to = self.full
        if to is not None:
            self.clients["r1"].sends(f"<presence id='d' to='{to}'><status>Ho!</status></presence>")
        if self.case.prober == "taken back":
            self.clients["r1"].sends(f"<presence type='unavailable' to='{to}'/>")

    def probe(self) -> None:
        """Send the probe and look at what comes back. Raises `Wrong`."""
        to = JULIET if self.case.to == "bare" else f"{JULIET}/{self.case.to}"
        before = self._item()
        self.host.overlook()
        probe = f"<presence type='probe' id='probe' to='{to}'/>"
        if self.case.prober == "own account":
            self.clients["r1"].sends(probe)
        else:
            self._romeo_sends(probe)
        self._judge(self._answers())
        if before != self._item():
            raise Wrong(f"{self.case.row}\nthe roster showed {before} and now {self._item()}")

    def _item(self) -> str:
        """Return what Juliet's roster shows of Romeo."""
        if self.case.prober == "no account":
            return ""
        pen = self.host.login("juliet/pen")
        pen.sends(GET)
        item = item_of(pen.stanzas[0], self.romeo)
        pen.disconnects()
        return item

    def _answers(self) -> list[Stanza]:
        """Return what the prober has received. Raises `Wrong` if others have, too."""
        if self.case.prober == "own account":
            answers = self.clients["r1"].stanzas
        else:
            found = self.client.stanzas if self.client else self.remote.mailbox.stanzas
            answers = tuple(found)
        unread = self.host.unread()
        asker = f"{JULIET}/r1" if self.case.prober == "own account" else self.full
        others = {jid: texts for jid, texts in unread.items() if jid != asker}
        if others and self.case.prober != "own account":
            raise Wrong(f"{self.case.row}\nothers received {others}")
        return list(answers)

    def _judge(self, answers: list[Stanza]) -> None:
        told = [self._word(answer) for answer in answers]
        allowed = self.case.allowed
        if self.client is not None and frozenset({"unsubscribed"}) in allowed:
            # His own server tells that to clients who want the roster (3.2.3), and he does not.
            allowed = (*allowed, frozenset())
        if frozenset(told) not in allowed or len(told) != len(set(told)):
            raise Wrong(f"{self.case.row}\nbut got {told or 'silence'}")
        for answer in answers:
            self._judge_envelope(answer)

    def _judge_envelope(self, answer: Stanza) -> None:
        """Hold address and id against the rules (4.3.2, 4.3.2.1)."""
        subscribed = self.case.prober == "own account" or answer.type == "unsubscribed"
        bare = self.prober.partition("/")[0]  # subscriptions are of bare JIDs
        if str(answer.to) not in ((self.prober, bare) if subscribed else (self.prober,)):
            raise Wrong(f"{self.case.row}\nthe answer is for {answer.to}")
        resource = answer.from_.resourcepart if answer.from_ else ""
        ids = {"probe"} if not self.case.id.endswith("?") else {"probe", ""}
        if self.case.id.startswith("kept"):
            sent = self.sent.get(resource, "<presence/>")
            ids = ids - {"probe"} | {read_stanzas(sent)[0].id}
        elif answer.has("status"):
            ids = {"bye"}  # the whole of the last unavailable presence (rule 3)
        if answer.id not in ids:
            raise Wrong(f"{self.case.row}\nthe answer's id is {answer.id!r}")

    def _word(self, answer: Stanza) -> str:
        """Return an answer in the table's words, or what it is if the table has no word for it."""
        assert answer.from_ is not None
        resource = answer.from_.resourcepart
        prefix = f"{resource}:" if resource else ""
        if answer.kind != "presence" or str(answer.from_.bare) != JULIET:
            return normal(answer)
        if answer.type == "unavailable":
            return f"{prefix}unavailable{self._since(answer)}"
        if answer.type:
            return f"{prefix}{answer.type}"
        children = answer.to_element().children
        if not children:
            return f"{prefix}mere"
        [whole] = read_stanzas(self.sent.get(resource, "<presence/>"))
        return resource if children == whole.to_element().children else normal(answer)

    def _since(self, answer: Stanza) -> str:
        delay = answer.child("delay", DELAY)
        if delay is None:
            return ""
        when = datetime.fromisoformat(delay.attrs["stamp"]).timestamp()
        return ":since" if when == self.left else ":since another time"


WHERE = (ONE_HOST, TWO_HOSTS, TWO_SERVERS)


def carry_out(case: Case, where: str) -> None:
    """Send a probe and look at what comes back. Raises `Wrong`."""
    Scene(case, where).probe()


def applies(case: Case, where: str) -> bool:
    """Tell whether a client of ours can send that probe.

    It does so from its full address, so it has no answer for presence sent to the bare one.
    """
    if case.prober == "own account":
        return where == ONE_HOST
    return where == TWO_SERVERS or case.prober != "directed to bare"
