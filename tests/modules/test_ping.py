"""XMPP Ping (XEP-0199)."""

from twisted.trial.unittest import SynchronousTestCase

from tests.plays import refusal
from xmppd.api.registrations import ACCOUNT, HOST, OWN_ACCOUNT, SERVICE
from xmppd.modules.ping import Ping
from xmppd.testing.fake_host import FakeHost

PING = "<ping xmlns='urn:xmpp:ping'/>"


class PingTests(SynchronousTestCase):
    """`Ping`."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.host.load(Ping)
        self.juliet = self.host.login("juliet/balcony")

    def test_from_a_client(self) -> None:
        """XEP-0199 4.2: to its server, to its own account, without `to`."""
        for to in ("example.org", "juliet@example.org", ""):
            address = f"to='{to}'" if to else ""
            self.juliet.sends(f"<iq type='get' id='c2s1' {address}>{PING}</iq>")
            self.juliet.receives(
                f"<iq type='result' id='c2s1' from='{to or 'juliet@example.org'}'"
                f" to='{self.juliet.jid}'/>"
            )

    def test_from_a_server(self) -> None:
        """XEP-0199 4.3."""
        server = self.host.remote("example.net")
        server.sends(f"<iq type='get' id='s2s1' to='example.org'>{PING}</iq>")
        server.receives("<iq type='result' id='s2s1' from='example.org' to='example.net'/>")

    def test_from_client_to_client(self) -> None:
        """XEP-0199 4.4: that is the other client's affair."""
        nurse = self.host.login("nurse/kitchen")
        nurse.sends(f"<iq type='get' id='e2e1' to='{self.juliet.jid}'>{PING}</iq>")
        self.juliet.receives(
            f"<iq type='get' id='e2e1' from='{nurse.jid}' to='{self.juliet.jid}'>{PING}</iq>"
        )

    def test_to_a_client_that_is_not_there(self) -> None:
        """XEP-0199 section 7."""
        nurse = self.host.login("nurse/kitchen")
        nurse.sends(f"<iq type='get' id='1' to='juliet@example.org/chamber'>{PING}</iq>")
        nurse.receives(
            refusal(
                "service-unavailable",
                id="1",
                from_="juliet@example.org/chamber",
                to=str(nurse.jid),
            )
        )

    def test_to_somebody_elses_account(self) -> None:
        nurse = self.host.login("nurse/kitchen")
        nurse.sends(f"<iq type='get' id='1' to='juliet@example.org'>{PING}</iq>")
        nurse.receives(
            refusal("service-unavailable", id="1", from_="juliet@example.org", to=str(nurse.jid))
        )

    def test_it_is_no_set(self) -> None:
        self.juliet.sends(f"<iq type='set' id='1' to='example.org'>{PING}</iq>")
        self.juliet.receives(
            refusal("service-unavailable", id="1", from_="example.org", to=str(self.juliet.jid))
        )

    def test_where_it_is_announced(self) -> None:
        """XEP-0199 section 5."""
        announced = [at for at in (HOST, OWN_ACCOUNT, ACCOUNT, SERVICE) if self.host.features(at)]
        self.assertEqual([HOST, OWN_ACCOUNT, SERVICE], announced)
        self.assertEqual(("urn:xmpp:ping",), self.host.features(HOST))
