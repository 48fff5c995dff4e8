"""What follows from settings."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from xmppd.server.config import HostConfig, ServerConfig, TlsConfig, without_a_file

OWN, OWN_KEY = Path("/own.pem"), Path("/own-key.pem")
ALL, ALL_KEY = Path("/all.pem"), Path("/all-key.pem")


class ConfigTests(SynchronousTestCase):
    """A host's own settings count before those for all."""

    def test_identity_files(self) -> None:
        everybody = TlsConfig(certificate=ALL, key=ALL_KEY)
        table = [
            (HostConfig("a", OWN, OWN_KEY), everybody, (OWN, OWN_KEY)),
            (HostConfig("a"), everybody, (ALL, ALL_KEY)),
            (HostConfig("a", OWN, OWN_KEY), TlsConfig(), (OWN, OWN_KEY)),
            (HostConfig("a"), TlsConfig(), None),
        ]
        for host, tls, expected in table:
            with self.subTest(host=host, tls=tls):
                config = ServerConfig(hosts=(host,), tls=tls)
                self.assertEqual(config.identity_files(host), expected)

    def test_tls_required(self) -> None:
        table = [
            (None, True, True),
            (None, False, False),
            (False, True, False),
            (True, False, True),
        ]
        for own, general, expected in table:
            with self.subTest(own=own, general=general):
                host = HostConfig("a", tls_required=own)
                config = ServerConfig(hosts=(host,), tls=TlsConfig(required=general))
                self.assertIs(config.tls_required(host), expected)

    def test_places(self) -> None:
        config = without_a_file(Path("/data"), ("127.0.0.1",))
        self.assertEqual(config.lock_file, Path("/data/lock"))
        self.assertEqual(config.development_directory, Path("/data/development"))

    def test_without_a_file_only_this_machine_can_connect(self) -> None:
        config = without_a_file(Path("/data"), ("127.0.0.1",))
        self.assertEqual(config.listen.addresses, ("127.0.0.1",))
        self.assertEqual([host.name for host in config.hosts], ["localhost"])
        self.assertTrue(config.tls.development)

    def test_strings_that_may_hold_passwords_are_not_shown(self) -> None:
        host = HostConfig("a", users=("memory:juliet:hunter2",))
        self.assertNotIn("hunter2", repr(ServerConfig(hosts=(host,))))
