"""Stream Limits Advertisement (XEP-0478): what is told is what is enforced."""

from dataclasses import replace
from xml.etree.ElementTree import Element

from twisted.trial.unittest import SynchronousTestCase

from tests.c2s.client import Client
from tests.c2s.house import HouseCase
from tests.c2s.texts import opening, plain
from xmppd.api.registrations import StreamContext
from xmppd.modules.limits_notice import LimitsNotice
from xmppd.testing.fake_host import FakeHost
from xmppd.wire.serializer import serialize

NS = "urn:xmpp:stream-limits:0"


class ElementTests(SynchronousTestCase):
    """`LimitsNotice`."""

    def test_shown(self) -> None:
        notice = LimitsNotice(FakeHost())
        size, idle = "<max-bytes>10000</max-bytes>", "<idle-seconds>60</idle-seconds>"
        table = [((10_000, 60), size + idle), ((10_000, 0), size), ((0, 60), idle)]
        for (max_bytes, idle_seconds), inner in table:
            context = StreamContext(
                "example.org", True, max_bytes=max_bytes, idle_seconds=idle_seconds
            )
            shown = notice.limits(context)
            assert shown is not None
            self.assertEqual(serialize(shown).decode(), f'<limits xmlns="{NS}">{inner}</limits>')
        self.assertIsNone(notice.limits(StreamContext("example.org", True)))


class StreamTests(HouseCase):
    """On the streams of a whole server, with limits that are soon reached."""

    def setUp(self) -> None:
        super().setUp()
        clients = self.house.clients
        limits = clients.settings.limits
        parser = replace(limits.parser, stanza=20_000, tag=5_000)
        clients.settings = replace(
            clients.settings,
            limits=replace(limits, parser=parser, unauthenticated=10_000),
            idle_seconds=300.5,
        )
        self.house.install(*LimitsNotice(FakeHost()).registrations())

    def told(self, features: Element) -> dict[str, str | None]:
        limits = features.find(f"{{{NS}}}limits")
        assert limits is not None
        return {child.tag.removeprefix(f"{{{NS}}}"): child.text for child in limits}

    def logged_in(self) -> Client:
        client = self.house.connect()
        client.sends(opening())
        client.takes()
        client.sends(plain("juliet"), opening())
        return client

    def test_before_login(self) -> None:
        client = self.house.connect()
        client.sends(opening())
        (features,) = client.takes()
        self.assertEqual(self.told(features), {"max-bytes": "10000"})
        element, end = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>", "</auth>"
        client.sends(element + "=" * (10_001 - len(element) - len(end)) + end)
        client.fails_with("policy-violation")

    def test_after_login(self) -> None:
        client = self.logged_in()
        _, features = client.takes()
        self.assertEqual(self.told(features), {"max-bytes": "20000", "idle-seconds": "300"})
        client.binds()
        message, end = "<message to='capulet.example' type='headline'><body>", "</body></message>"
        client.sends(message + "x" * (20_000 - len(message) - len(end)) + end)
        client.receives()
        client.sends(message + "x" * (20_001 - len(message) - len(end)) + end)
        client.fails_with("policy-violation")
