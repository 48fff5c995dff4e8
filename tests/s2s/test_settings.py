"""Which domains there is traffic with, and what is asked of them."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.s2s.settings import DomainPolicy
from xmppd.server.config import HostConfig, RemoteConfig, ServerConfig, ServersConfig
from xmppd.server.servers import server_settings


class SettingsTests(SynchronousTestCase):
    """The values a configuration comes to."""

    def test_whom_there_is_traffic_with(self) -> None:
        for allowed, blocked, domain, expected in (
            ((), (), "a.example", True),
            ((), ("a.example",), "a.example", False),
            ((), ("a.example",), "sub.a.example", False),
            ((), ("a.example",), "ba.example", True),
            (("a.example",), (), "a.example", True),
            (("a.example",), (), "x.y.a.example", True),
            (("a.example",), (), "b.example", False),
            (("a.example",), ("b.a.example",), "b.a.example", False),
            (("a.example",), ("a.example",), "a.example", False),
        ):
            config = ServerConfig(
                (HostConfig("h"),), s2s=ServersConfig(allowed=allowed, blocked=blocked)
            )
            found = server_settings(config).permits(domain)
            self.assertIs(found, expected, (allowed, blocked, domain))

    def test_policies(self) -> None:
        s2s = ServersConfig(
            dialback=False,
            domains=(
                RemoteConfig("a.example", dialback=True, port=5),
                RemoteConfig("b.example", require_valid_certificate=False, host="192.0.2.1"),
            ),
        )
        settings = server_settings(ServerConfig((HostConfig("h"),), s2s=s2s))
        self.assertEqual(settings.policy("c.example"), DomainPolicy(dialback=False))
        self.assertEqual(settings.policy("a.example"), DomainPolicy(port=5))
        self.assertEqual(
            settings.policy("b.example"),
            DomainPolicy(dialback=False, require_valid_certificate=False, host="192.0.2.1"),
        )
        placed = [settings.policy(f"{name}.example").is_placed for name in "abc"]
        self.assertEqual(placed, [True, True, False])
