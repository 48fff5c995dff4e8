"""Session establishment (RFC 3921 section 3)."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.registrations import StreamContext, StreamFeature
from xmppd.modules.session import Rfc3921Session
from xmppd.testing.fake_host import FakeHost
from xmppd.wire.serializer import serialize

SESSION = "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>"


class SessionTests(SynchronousTestCase):
    """`Rfc3921Session`."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.host.load(Rfc3921Session)

    def test_offered_after_login(self) -> None:
        [feature] = [record for _, record in self.host.registry.records(StreamFeature)]
        self.assertEqual(("after-login", ()), (feature.when, feature.takes))
        offered = feature.element(StreamContext("example.org", secure=True, account="juliet"))
        assert offered is not None
        self.assertEqual(
            b'<session xmlns="urn:ietf:params:xml:ns:xmpp-session"><optional/></session>',
            serialize(offered),
        )

    def test_established(self) -> None:
        juliet = self.host.login("juliet/balcony")
        for to in ("example.org", "juliet@example.org", ""):
            address = f"to='{to}'" if to else ""
            juliet.sends(f"<iq type='set' id='sess_1' {address}>{SESSION}</iq>")
            juliet.receives(
                f"<iq type='result' id='sess_1' from='{to or 'juliet@example.org'}'"
                f" to='{juliet.jid}'/>"
            )
