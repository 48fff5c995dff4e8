"""What a domain does for its sessions: presence, other nodes, what sessions ask of it."""

from tests.plays import refusal
from tests.routing.cases import BALCONY, JULIET, DomainTestCase
from xmppd.api.moments import PASS, STOP, PresenceChanged, ToAccount, Undeliverable, Verdict
from xmppd.api.registrations import PerSession
from xmppd.api.sessions import ISession, SessionRecord
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Presence, Stanza
from xmppd.testing.texts import read_stanzas
from xmppd.wire.element import Element


class OwnPresenceTests(DomainTestCase):
    """What presence without `to` does to a session's record."""

    def setUp(self) -> None:
        super().setUp()
        self.changes: list[tuple[str, bool]] = []

        def changed(presence: Presence, session: ISession) -> Verdict:
            record = self.host.session(session.jid)
            assert record is not None and record == session.record
            self.changes.append((presence.type, record.available))
            return PASS

        self.watch(PresenceChanged, changed)

    def test_available_and_back(self) -> None:
        self.host.wall.seconds += 60
        self.juliet.sends("<presence><priority>5</priority></presence>")
        record = self.juliet.record
        self.assertEqual((True, 5), (record.available, record.priority))
        self.assertEqual(
            (self.host.wall.seconds - 60, self.host.wall.seconds), (record.since, record.active)
        )
        assert record.presence is not None
        self.assertEqual("priority", record.presence.to_element().children[0].name)  # type: ignore[union-attr]
        self.juliet.sends("<presence type='unavailable'/>")
        self.assertEqual((False, None), (self.juliet.record.available, self.juliet.record.presence))
        self.assertEqual([("", True), ("unavailable", False)], self.changes)

    def test_a_session_that_ends_goes_unavailable(self) -> None:
        """RFC 6121 4.5.2."""
        self.juliet.sends("<presence/>")
        self.juliet.disconnects()
        self.assertEqual([("", True), ("unavailable", False)], self.changes)

    def test_one_that_was_not_available_does_not(self) -> None:
        self.juliet.disconnects()
        self.assertEqual([], self.changes)

    def test_what_is_no_presence(self) -> None:
        self.juliet.sends("<presence type='error'/>")
        self.juliet.receives()
        self.juliet.sends("<presence id='1' type='probe'/>")
        self.juliet.receives(
            refusal(
                "bad-request",
                kind="presence",
                id="1",
                type="modify",
                from_=JULIET,
                to=BALCONY,
                text="presence of this type needs an address",
            )
        )
        self.assertEqual([], self.changes)
        self.assertFalse(self.juliet.record.available)

    def test_with_an_address_it_is_no_change(self) -> None:
        self.juliet.sends(f"<presence to='{self.romeo.jid}'/>")
        self.romeo.receives(f"<presence from='{BALCONY}' to='{self.romeo.jid}'/>")
        self.assertEqual([], self.changes)


class OtherNodeTests(DomainTestCase):
    """Sessions that live on another node of the cluster."""

    def setUp(self) -> None:
        super().setUp()
        self.sent: list[tuple[str, str, str]] = []
        jid = JID.parse("nurse@example.org/kitchen")
        self.host.cluster.publish(SessionRecord(jid, "far", available=True))

        def send(node: str, jid: JID, stanza: Stanza) -> None:
            self.sent.append((node, str(jid), stanza.kind))

        self.patch(self.host.cluster, "send", send)

    def test_they_are_reached(self) -> None:
        far = ("far", "nurse@example.org/kitchen", "message")
        for to in ("nurse@example.org", "nurse@example.org/kitchen"):
            self.sent.clear()
            self.juliet.sends(f"<message to='{to}'/>")
            self.assertEqual([far], self.sent)
        self.assertEqual({}, self.host.unread())

    def test_one_that_has_gone_meanwhile(self) -> None:
        jid = JID.parse("nurse@example.org/pantry")
        self.host.cluster.publish(SessionRecord(jid, self.host.cluster.node, available=True))
        self.juliet.sends("<message to='nurse@example.org'/>")
        self.assertEqual(1, len(self.sent))
        self.assertEqual({}, self.host.unread())


class SessionHostTests(DomainTestCase):
    """What sessions ask of their host."""

    def test_state_must_be_registered(self) -> None:
        class Mine:
            pass

        error = self.assertRaises(LookupError, self.juliet.state, Mine)
        self.assertIn("PerSession(Mine)", str(error))
        self.host.install("acme", [PerSession(Mine)])
        self.assertIs(self.juliet.state(Mine), self.juliet.state(Mine))

    def test_a_session_that_is_closed_publishes_nothing(self) -> None:
        self.juliet.disconnects()
        self.domain.publish(self.juliet.record)
        self.assertIsNone(self.host.session(self.juliet.jid))

    def test_urgent(self) -> None:
        """Only answers to our own requests are."""
        self.host.request(Iq(Element("ping"), to=self.juliet.jid, type="get", id="1"))
        table = [
            ("<iq type='result' id='1' to='example.org'/>", True),
            ("<iq type='error' id='1' to='example.org'/>", True),
            ("<iq type='get' id='1' to='example.org'/>", False),
            ("<iq type='result' id='2' to='example.org'/>", False),
            (f"<iq type='result' id='1' to='{JULIET}'/>", False),
            ("<message id='1' to='example.org'/>", False),
        ]
        for text, expected in table:
            [stanza] = read_stanzas(text)
            stanza.from_ = self.juliet.jid
            self.assertIs(expected, self.domain.urgent(stanza), text)


class TakenBackTests(DomainTestCase):
    """What a session has ended with before it was sent (RFC 6121 8.5)."""

    def end_with(self, *texts: str) -> None:
        session = self.juliet
        self.juliet.disconnects()
        self.domain.take_back([read_stanzas(text)[0] for text in texts], session)

    def chat(self, to: str) -> str:
        return f"<message from='romeo@example.net/orchard' to='{to}' id='1' type='chat'/>"

    def error(self, from_: str) -> str:
        to = "romeo@example.net/orchard"
        return refusal("service-unavailable", kind="message", id="1", from_=from_, to=to)

    def test_goes_to_who_is_there(self) -> None:
        """Past the watchers of what comes to the account: those have seen it."""
        self.watch(ToAccount, lambda stanza, owner: STOP)
        chamber = self.host.login("juliet/chamber")
        chamber.sends("<presence/>")
        chamber.receives()
        self.end_with(self.chat(BALCONY), self.chat(JULIET))
        chamber.receives(self.chat(BALCONY))
        self.romeo.receives()

    def test_is_kept_if_somebody_does_that(self) -> None:
        kept: list[str] = []

        async def keep(stanza: Stanza, _owner: str) -> Verdict:
            kept.append(str(stanza.to))
            return STOP

        self.watch(Undeliverable, keep)
        self.end_with(self.chat(BALCONY), "<iq type='get' id='2'/>", self.chat(JULIET))
        self.assertEqual(kept, [BALCONY, JULIET])
        self.romeo.receives()

    def test_errors_are_kept_as_well(self) -> None:
        """They would be dropped if they had found nobody in the first place."""
        error = self.chat(BALCONY).replace("chat", "error")
        self.end_with(error)
        kept: list[str] = []

        def keep(stanza: Stanza, _owner: str) -> Verdict:
            kept.append(stanza.type)
            return STOP

        self.watch(Undeliverable, keep)
        self.end_with(error)
        self.assertEqual(kept, ["error"])
        self.romeo.receives()

    def test_else_it_comes_back(self) -> None:
        self.end_with(self.chat(BALCONY), self.chat(JULIET))
        self.romeo.receives(self.error(BALCONY), self.error(JULIET))

    def test_nothing_is_kept_for_an_account_that_is_gone(self) -> None:
        kept: list[Stanza] = []
        self.watch(Undeliverable, lambda stanza, owner: kept.append(stanza))
        self.juliet.disconnects()
        self.host.accounts.delete("juliet")
        self.end_with(self.chat(JULIET))
        self.romeo.receives(self.error(JULIET))
        self.assertEqual(kept, [])
