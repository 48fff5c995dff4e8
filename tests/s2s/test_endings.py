"""How servers that we call end what they have begun, and what senders are told (RFC 6120 4.9)."""

from tests.c2s.texts import CLOSE, stream_error
from tests.s2s.test_incoming import ERRORS
from tests.s2s.test_outgoing import (
    AUTH,
    DIALBACK,
    EXTERNAL,
    JULIET,
    ROMEO,
    OutgoingCase,
    header,
    message,
    ping,
    sent,
)
from tests.s2s.world import CAPULET, MONTAGUE, Peer, service
from xmppd.s2s.dialback import make_key


class EndingTests(OutgoingCase):
    """How others end what they have begun."""

    def test_closing_instead_of_an_answer_to_external(self) -> None:
        """Dialback is tried then, as if there had been a failure (design of XEP-0178 3)."""
        for last in (
            CLOSE,
            stream_error("not-authorized"),
            stream_error("not-authorized") + CLOSE,
            "",
        ):
            self.sends(message())
            first = self.secured(EXTERNAL, DIALBACK)
            first.receives(AUTH)
            before = len(self.place.peers)
            if last:
                first.sends(last)
            else:
                first.transport.abortConnection()
                self.world.turn()
            self.assertEqual(len(self.place.peers), before + 1)
            peer = self.secured(EXTERNAL, DIALBACK)
            peer.takes()
            peer.sends(f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='valid'/>")
            peer.receives(sent())
            peer.sends(CLOSE)
            first.sends(CLOSE)
            self.world.passes(3700)

    def test_what_is_not_remembered(self) -> None:
        """A server that takes no dialback either is shown our certificate the next time."""
        self.sends(ping())
        first = self.secured(EXTERNAL)
        first.takes()
        first.transport.abortConnection()
        self.world.turn()
        second = self.secured(EXTERNAL)
        second.takes()
        second.sends(f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='invalid'/>")
        self.assertEqual(self.bounced("p")[0], "internal-server-error")
        self.world.passes(60)
        self.sends(message())
        self.ready()
        self.called().receives(sent())

    def test_what_is_remembered_has_an_end(self) -> None:
        self.test_closing_instead_of_an_answer_to_external()
        self.sends(message("2"))
        self.ready()
        self.called().receives(sent("2"))

    def test_errors_and_what_senders_are_told(self) -> None:
        """RFC 6120 4.9.3, 8.3.3."""
        for condition, told in (
            ("host-unknown", "remote-server-not-found"),
            ("host-gone", "remote-server-not-found"),
            ("invalid-from", "remote-server-timeout"),
            ("not-authorized", "remote-server-timeout"),
            ("policy-violation", "remote-server-timeout"),
            ("unsupported-version", "remote-server-not-found"),
            ("system-shutdown", "remote-server-timeout"),
            ("undefined-condition", "remote-server-timeout"),
            ("no-such-thing", "remote-server-timeout"),
        ):
            self.sends(ping())
            self.called().sends(header(), stream_error(condition) + CLOSE)
            self.assertEqual(self.bounced("p")[0], told, condition)
            self.world.passes(2000)

    def test_text_of_others(self) -> None:
        """It is passed on as text: no markup, no control characters, and not without end."""
        said = "&lt;body/&gt;\u202e\u0085" + "x" * 2000
        error = (
            "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
            f"<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{said}</text></stream:error>"
        )
        self.sends(ping())
        self.called().sends(header(), error)
        _, text = self.bounced("p")
        self.assertIn("<body/>\ufffd", text)
        self.assertLess(len(text), 700)


class PipelinedTests(OutgoingCase):
    """What comes together with the last answer of a negotiation."""

    def answered(self, more: str) -> Peer:
        self.sends(message())
        peer = self.secured(DIALBACK)
        peer.takes()
        peer.sends(f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='valid'/>" + more)
        return peer

    def test_what_may_come(self) -> None:
        peer = self.answered("<stream:features/>")
        peer.receives(sent())

    def test_what_ends_the_stream(self) -> None:
        """Nothing is sent over it; what waits goes over the next one."""
        for more, last in (
            ("<x xmlns='urn:x'/>", stream_error("unsupported-stanza-type")),
            ("<x xmlns='urn:x'/>" * 5, stream_error("unsupported-stanza-type")),
            ("<!-- -->", stream_error("restricted-xml")),
            (f"<message from='{ROMEO}' to='{JULIET}'/>", stream_error("invalid-from")),
            (stream_error("reset"), ""),
            (CLOSE, ""),
        ):
            peer = self.answered(more)
            peer.receives(last)
            self.assertTrue(peer.reader.ended)
            peer.sends(CLOSE)
            self.world.passes(4)
            self.ready()
            self.called().receives(sent())
            self.world.passes(70)
            self.called().sends(CLOSE)
        self.juliet.receives()


class RefusedDialbackTests(OutgoingCase):
    """Dialback errors, and what senders are told (XEP-0220 2.5)."""

    def test_conditions(self) -> None:
        for condition, told, is_final in (
            ("item-not-found", "remote-server-not-found", True),
            ("policy-violation", "remote-server-timeout", True),
            ("not-authorized", "remote-server-timeout", True),
            ("not-acceptable", "remote-server-timeout", True),
            ("forbidden", "remote-server-timeout", True),
            ("remote-connection-failed", "remote-server-timeout", False),
            ("remote-server-not-found", "remote-server-timeout", False),
            ("remote-server-timeout", "remote-server-timeout", False),
            ("resource-constraint", "remote-server-timeout", False),
            ("no-such-thing", "remote-server-timeout", False),
        ):
            self.sends(ping())
            peer = self.secured(DIALBACK)
            peer.takes()
            peer.sends(
                f"<db:result from='{MONTAGUE}' to='{CAPULET}' type='error'>"
                f"<error type='cancel'><{condition} xmlns='{ERRORS}'/></error></db:result>"
            )
            (came,) = self.juliet.take()
            self.assertIn(f"<{told} ", came)
            kind = "cancel" if is_final else "wait"
            self.assertIn(f'<error type="{kind}">', came, condition)
            self.world.passes(1000)

    def test_a_key_is_of_use_for_one_stream(self) -> None:
        """The id, which the other side has chosen, is in it, and so are both domains."""
        secret = service(self.server).around.secret
        self.sends(ping())
        peer = self.secured(DIALBACK)
        (request,) = peer.takes()
        self.assertEqual(request.text, make_key(secret, MONTAGUE, CAPULET, "s1"))
        for other in (
            make_key(secret, CAPULET, MONTAGUE, "s1"),
            make_key(secret, MONTAGUE, CAPULET, "s2"),
            make_key(secret, "evil.example", CAPULET, "s1"),
        ):
            self.assertNotEqual(request.text, other)
