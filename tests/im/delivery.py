"""Carries out the table of section 8.5 with the shipped features: what is kept comes later."""

from tests.im.shipped import messaging
from tests.plays import refusal
from tests.routing.delivery_table import Case
from xmppd.testing.texts import normal
from xmppd.wire.namespaces import DELAY

ROMEO = "romeo@example.net/orchard"
JULIET = "juliet@example.org"
ADDRESSES = {"bare": JULIET, "match": f"{JULIET}/r1", "other": f"{JULIET}/nowhere"}
PAYLOADS = {
    "message": "<body>Soft!</body>",
    "presence": "",
    "iq": "<query xmlns='urn:example:unheard-of'/>",
}
NOON = "2026-01-01T12:00:00Z"


class Wrong(AssertionError):
    """A stanza has met with something else than the table has."""


class Delivery:
    """Juliet's clients as a case has them, and Romeo, who sends from another server."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.host = messaging()
        if case.account:
            self.host.add_account("juliet")
        for resource, priority in case.priorities.items():
            session = self.host.login(f"juliet/{resource}")
            if priority is not None:
                session.sends(f"<presence><priority>{priority}</priority></presence>")
        self.romeo = self.host.remote(ROMEO)
        self.to = ADDRESSES[case.address]
        self.host.overlook()

    def stanza(self, from_: str = "", more: str = "") -> str:
        """Return the stanza as it is sent, or as it arrives."""
        kind, type = self.case.kind, f" type='{self.case.type}'" if self.case.type else ""
        sender = f" from='{from_}'" if from_ else ""
        return f"<{kind} id='s' to='{self.to}'{sender}{type}>{PAYLOADS[kind]}{more}</{kind}>"

    def carry_out(self) -> str:
        """Send the stanza and return what came of it. Raises `Wrong`."""
        self.romeo.sends(self.stanza())
        outcome = self._outcome(self.host.unread())
        kept = self.case.account and self._comes_later()
        if kept:
            outcome = "store" if outcome == "ignore" else f"{outcome} and store"
        if outcome not in self.case.allowed:
            raise Wrong(f"{self.case.row}: {sorted(self.case.allowed)}, but {outcome}")
        if "store" in self.case.allowed and outcome != "store":
            raise Wrong(f"{self.case.row}: not kept, but {outcome}")
        return outcome

    def _outcome(self, got: dict[str, list[str]]) -> str:
        bounce = refusal(
            "service-unavailable", kind=self.case.kind, id="s", from_=self.to, to=ROMEO
        )
        if not got:
            return "ignore"
        if got == {ROMEO: [normal(bounce)]}:
            return "error"
        if any(texts != [normal(self.stanza(ROMEO))] for texts in got.values()):
            return f"received {got}"
        return "to:" + "+".join(sorted(jid.partition("/")[2] for jid in got))

    def _comes_later(self) -> bool:
        """Tell whether the next client to be available gets it, once (XEP-0160, XEP-0203)."""
        self.host.wall.seconds += 60
        self.host = self.host.restarted()
        found = []
        for resource in ("later", "last"):
            client = self.host.login(f"juliet/{resource}")
            client.sends("<presence/>")
            found += [text for text in client.take() if text.startswith(f"<{self.case.kind} ")]
        found = [text for text in found if 'id="s"' in text]
        delay = f"<delay xmlns='{DELAY}' from='example.org' stamp='{NOON}'/>"
        if found not in ([], [normal(self.stanza(ROMEO, delay))]):
            raise Wrong(f"{self.case.row}: later came {found}")
        return bool(found)


def carry_out(case: Case) -> str:
    """Send a stanza and return what came of it. Raises `Wrong`."""
    return Delivery(case).carry_out()
