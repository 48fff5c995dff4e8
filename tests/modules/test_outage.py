"""Service Outage Status (XEP-0455)."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.modules.disco import Disco
from xmppd.modules.outage import Outage, OutageSettings
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.texts import normal
from xmppd.wire.namespaces import DISCO_INFO


class OutageTests(SynchronousTestCase):
    """What everybody is shown, and what cannot be configured."""

    def info(self, *settings: OutageSettings) -> str:
        host = FakeHost()
        host.load(Disco)
        host.load(Outage, *settings)
        romeo = host.remote("romeo@example.net/orchard")
        romeo.sends(f"<iq type='get' id='1' to='example.org'><query xmlns='{DISCO_INFO}'/></iq>")
        [answer] = romeo.take()
        return answer

    def test_nothing_to_show(self) -> None:
        for settings in ((), (OutageSettings(),)):
            self.assertNotIn("urn:xmpp:sos:0", self.info(*settings))

    def test_shown(self) -> None:
        settings = OutageSettings(("https://a.example/status.json", "http://b.example/"))
        form = normal(
            "<x xmlns='jabber:x:data' type='result'>"
            "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:sos:0</value></field>"
            "<field var='external-status-addresses'>"
            "<value>https://a.example/status.json</value><value>http://b.example/</value>"
            "</field></x>"
        )
        self.assertIn(form, self.info(settings))

    def test_what_is_no_web_address(self) -> None:
        for address in ("", "status.example.org", "mailto:a@b", "xmpp:a@b", "ftp://a.example/x"):
            self.assertRaises(ValueError, OutageSettings, (address,))
