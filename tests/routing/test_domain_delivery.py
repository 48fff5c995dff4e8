"""RFC 6121 section 8.5 on the wire: every case of the table, sent by somebody of another server."""

from twisted.trial.unittest import SynchronousTestCase

from tests.plays import refusal
from tests.routing.delivery_table import Case, cases
from xmppd.api.moments import STOP, Undeliverable, Verdict
from xmppd.api.registrations import Watch
from xmppd.stanza.stanza import Stanza
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.texts import normal

ROMEO = "romeo@example.net/orchard"
ADDRESSES = {
    "bare": "juliet@example.org",
    "match": "juliet@example.org/r1",
    "other": "juliet@example.org/nowhere",
}
PAYLOADS = {
    "message": "<body>Soft!</body>",
    "presence": "",
    "iq": "<query xmlns='urn:example:unheard-of'/>",
}


class Keeper:
    """Keeps what is undeliverable."""

    def __init__(self) -> None:
        self.kept: list[tuple[Stanza, str]] = []

    def keep(self, stanza: Stanza, localpart: str) -> Verdict:
        self.kept.append((stanza, localpart))
        return STOP


class OnTheWireTests(SynchronousTestCase):
    """What all parties see, with and without somebody who keeps messages."""

    def play(self, case: Case, keeper: Keeper | None) -> str:
        """Send the case's stanza and return the outcome, in the words of the table."""
        host = FakeHost()
        if keeper is not None:
            host.install("keeper", [Watch(Undeliverable, keeper.keep)])
        if case.account:
            host.add_account("juliet")
        for resource, priority in case.priorities.items():
            session = host.login(f"juliet/{resource}")
            if priority is not None:
                session.sends(f"<presence><priority>{priority}</priority></presence>")
        romeo = host.remote(ROMEO)
        to = ADDRESSES[case.address]
        type = f" type='{case.type}'" if case.type else ""
        sent = f"<{case.kind} id='s' to='{to}'{type}>{PAYLOADS[case.kind]}</{case.kind}>"
        romeo.sends(sent)
        got = host.unread()
        if keeper is not None and keeper.kept:
            self.assertEqual({}, got, case.row)
            self.assertEqual("juliet", keeper.kept[0][1])
            return "store"
        if not got:
            return "ignore"
        if ROMEO in got:
            bounce = refusal("service-unavailable", kind=case.kind, id="s", from_=to, to=ROMEO)
            self.assertEqual({ROMEO: [normal(bounce)]}, got, case.row)
            return "error"
        for texts in got.values():  # once each, unchanged, `to` included
            [text] = texts
            self.assertEqual(normal(sent.replace(" id=", f" from='{ROMEO}' id=")), text, case.row)
        return "to:" + "+".join(sorted(jid.partition("/")[2] for jid in got))

    def test_table(self) -> None:
        for case in cases():
            self.assertIn(self.play(case, None), case.allowed - {"store"}, case.row)

    def test_table_with_somebody_who_keeps_messages(self) -> None:
        kept = 0
        for case in cases():
            outcome = self.play(case, Keeper())
            self.assertIn(outcome, case.allowed, case.row)
            self.assertEqual("store" in case.allowed, outcome == "store", case.row)
            kept += outcome == "store"
        self.assertGreater(kept, 10)
