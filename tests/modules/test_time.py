"""Entity Time (XEP-0202)."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.registrations import HOST
from xmppd.modules.time import Time
from xmppd.testing.fake_host import FakeHost


class TimeTests(SynchronousTestCase):
    """`Time`."""

    def test_the_time(self) -> None:
        table = [
            (0.0, "1970-01-01T00:00:00Z"),
            (1_166_551_115.0, "2006-12-19T17:58:35Z"),
            (1_166_551_115.25, "2006-12-19T17:58:35.250Z"),
        ]
        host = FakeHost()
        host.load(Time)
        romeo = host.remote("romeo@example.net/orchard")
        for seconds, text in table:
            host.wall.seconds = seconds
            romeo.sends("<iq type='get' id='t' to='example.org'><time xmlns='urn:xmpp:time'/></iq>")
            romeo.receives(
                "<iq type='result' id='t' from='example.org' to='romeo@example.net/orchard'>"
                f"<time xmlns='urn:xmpp:time'><tzo>+00:00</tzo><utc>{text}</utc></time></iq>"
            )
        self.assertEqual(("urn:xmpp:time",), host.features(HOST))
