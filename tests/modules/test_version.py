"""Software Version (XEP-0092)."""

from twisted.trial.unittest import SynchronousTestCase

import xmppd
from xmppd.api.registrations import HOST, SERVICE
from xmppd.modules.version import Version, VersionSettings
from xmppd.testing.fake_host import FakeHost


class VersionTests(SynchronousTestCase):
    """`Version`."""

    def ask(self, *settings: VersionSettings) -> str:
        """Return what stands in the answer behind name and version."""
        host = FakeHost()
        host.load(Version, *settings)
        for at in (HOST, SERVICE):
            self.assertEqual(("jabber:iq:version",), host.features(at))
        romeo = host.remote("romeo@example.net/orchard")
        romeo.sends(
            "<iq type='get' id='version_1' to='example.org'><query xmlns='jabber:iq:version'/></iq>"
        )
        [answer] = romeo.take()
        head = (
            '<iq from="example.org" id="version_1" to="romeo@example.net/orchard" type="result">'
            '<query xmlns="jabber:iq:version">'
            f"<name>xmppd</name><version>{xmppd.__version__}</version>"
        )
        self.assertTrue(answer.startswith(head), answer)
        return answer.removeprefix(head).removesuffix("</query></iq>")

    def test_name_and_version(self) -> None:
        """XEP-0092 section 2; the operating system is nobody's business (section 5)."""
        self.assertEqual("", self.ask())
        self.assertEqual("", self.ask(VersionSettings()))

    def test_operating_system(self) -> None:
        self.assertEqual("<os>Fish &amp; Chips 7</os>", self.ask(VersionSettings("Fish & Chips 7")))
