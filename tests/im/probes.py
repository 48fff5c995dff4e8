"""Carries out the table of probes: Juliet as a row has her, a probe, and what comes back."""

from datetime import datetime

from tests.im.house import GET, ONE_HOST, TWO_SERVERS
from tests.im.probe_table import Case
from tests.im.scene import Scene
from tests.im.seen import item_of
from tests.im.story import JULIET
from xmppd.stanza.stanza import Stanza
from xmppd.testing.texts import normal, read_stanzas
from xmppd.wire.namespaces import DELAY


class Wrong(AssertionError):
    """A probe has been answered with something else than the table has."""


class Probing:
    """A scene, a probe, and what comes back."""

    def __init__(self, case: Case, scene: Scene) -> None:
        self.case = case
        self.scene = scene
        self.host, self.client = scene.host, scene.client

    def probe(self) -> None:
        """Send the probe and look at what comes back. Raises `Wrong`."""
        before = self._item()
        self.host.overlook()
        self.ask()
        self._judge(self._answers())
        if before != self._item():
            raise Wrong(f"{self.case.row}\nthe roster showed {before} and now {self._item()}")

    def ask(self) -> None:
        """Send the probe."""
        to = JULIET if self.case.to == "bare" else f"{JULIET}/{self.case.to}"
        probe = f"<presence type='probe' id='probe' to='{to}'/>"
        if self.case.prober == "own account":
            self.scene.clients["r1"].sends(probe)
        else:
            self.scene.romeo_sends(probe)

    def _item(self) -> str:
        """Return what Juliet's roster shows of Romeo."""
        if self.case.prober == "no account":
            return ""
        pen = self.host.login("juliet/pen")
        pen.sends(GET)
        item = item_of(pen.stanzas[0], self.scene.romeo)
        pen.disconnects()
        return item

    def _answers(self) -> list[Stanza]:
        """Return what the prober has received. Raises `Wrong` if others have, too."""
        if self.case.prober == "own account":
            answers = self.scene.clients["r1"].stanzas
        else:
            found = self.client.stanzas if self.client else self.scene.remote.mailbox.stanzas
            answers = tuple(found)
        unread = self.host.unread()
        asker = f"{JULIET}/r1" if self.case.prober == "own account" else self.scene.full
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
        bare = self.scene.prober.partition("/")[0]  # subscriptions are of bare JIDs
        if str(answer.to) not in (
            (self.scene.prober, bare) if subscribed else (self.scene.prober,)
        ):
            raise Wrong(f"{self.case.row}\nthe answer is for {answer.to}")
        resource = answer.from_.resourcepart if answer.from_ else ""
        ids = {"probe"} if not self.case.id.endswith("?") else {"probe", ""}
        if self.case.id.startswith("kept"):
            sent = self.scene.sent.get(resource, "<presence/>")
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
        [whole] = read_stanzas(self.scene.sent.get(resource, "<presence/>"))
        return resource if children == whole.to_element().children else normal(answer)

    def _since(self, answer: Stanza) -> str:
        delay = answer.child("delay", DELAY)
        if delay is None:
            return ""
        when = datetime.fromisoformat(delay.attrs["stamp"]).timestamp()
        return ":since" if when == self.scene.left else ":since another time"


def carry_out(case: Case, where: str, restart: int | None = None, loses: str = "") -> int:
    """Send a probe and look at what comes back. Raises `Wrong`.

    Returns how many steps led there; the server restarts behind that one (see `Story`).
    """
    scene = Scene(case.prober, case.contact, where, restart, loses)
    Probing(case, scene).probe()
    return scene.story.steps


def applies(case: Case, where: str) -> bool:
    """Tell whether a client of ours can send that probe.

    It does so from its full address, so it has no answer for presence sent to the bare one.
    """
    if case.prober == "own account":
        return where == ONE_HOST
    return where == TWO_SERVERS or case.prober != "directed to bare"
