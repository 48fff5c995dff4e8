"""Which configuration is meant."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from tests.server.makers import inventory
from twisted.plugins import xmppd_builtin
from xmppd.api.host import IHost
from xmppd.api.registrations import Registration
from xmppd.makers import ModuleMaker
from xmppd.server.config import HostConfig
from xmppd.server.hosts import ModuleRefused
from xmppd.server.inventory import Inventory
from xmppd.server.users import UserStoreError
from xmppd.service.configuration import configuration, put_together, unused
from xmppd.service.plugins import discover
from xmppd.service.toml import ConfigError


class Unmade:
    """A module that cannot be made."""

    def __init__(self, host: IHost) -> None:
        raise KeyError("boom")


class Hookless:
    """A module that fails when asked what it hooks."""

    def __init__(self, host: IHost) -> None:
        """Take the host."""

    def registrations(self) -> Iterator[Registration]:
        """Fail."""
        raise RuntimeError("no hooks")


class ConfigurationTests(SynchronousTestCase):
    """An option counts before the environment, and that before nothing."""

    def file(self, domain: str) -> str:
        path = Path(self.mktemp()).absolute()
        path.write_text(f'[host."{domain}"]\n[tls]\ndevelopment = true\n')
        return str(path)

    def test_files(self) -> None:
        one, other = self.file("one.example"), self.file("other.example")
        table = [
            (one, {}, "one.example"),
            (one, {"XMPPD_CONFIG": other}, "one.example"),
            (None, {"XMPPD_CONFIG": other}, "other.example"),
        ]
        for option, environ, expected in table:
            with self.subTest(expected=expected, environ=environ):
                config, path = configuration(option, inventory(), environ)
                self.assertEqual(config.hosts[0].name, expected)
                self.assertTrue(path is not None and path.is_absolute())

    def test_nothing(self) -> None:
        for environ in ({}, {"XMPPD_CONFIG": ""}):
            with self.subTest(environ=environ):
                config, path = configuration(None, inventory(), environ)
                self.assertIsNone(path)
                self.assertEqual(config.data, Path("var").absolute())
                self.assertIn("127.0.0.1", config.listen.addresses)

    def test_a_user_store_that_cannot_be_used(self) -> None:
        found = discover()
        for users, line in (('users = ["file:/nowhere/users"]', 2), ("", 1)):
            path = Path(self.mktemp()).absolute()
            path.write_text(f'[host."example.org"]\n{users}\n[tls]\ndevelopment = true\n')
            config, _ = configuration(str(path), found, {})
            broken = HostConfig("example.org", users=("file:/nowhere/users",))
            config = replace(config, hosts=(broken,))
            error = self.assertRaises(ConfigError, put_together, config, path, found, reactor)
            what = "the user store 'file' cannot be read: /nowhere/users: No such file or directory"
            key = 'host."example.org".users'
            self.assertEqual(str(error), f"{path}:{line}: {key}: {what}")
        self.assertRaises(UserStoreError, put_together, config, None, found, reactor)

    def test_a_module_that_cannot_work_there(self) -> None:
        found = discover()
        guests = '[host."example.org"]\nanonymous = true\nusers = []\n[tls]\ndevelopment = true\n'
        why = 'it needs accounts of this server\'s own ("xmppd" among the users)'
        for enabling, line in (
            ('[modules]\nenable = ["register"]\n', 6),
            ('[modules]\nenable = ["register"]\n[modules.register]\nremoval = true\n', 8),
            ('[host."example.org".modules]\nenable = ["register"]\n', 6),
        ):
            path = Path(self.mktemp()).absolute()
            path.write_text(guests + enabling)
            config, _ = configuration(str(path), found, {})
            error = self.assertRaises(ConfigError, put_together, config, path, found, reactor)
            key = 'host."example.org".modules.register'
            self.assertEqual(str(error), f"{path}:{line}: {key}: {why}")
        refused = self.assertRaises(ModuleRefused, put_together, config, None, found, reactor)
        self.assertEqual(str(refused), f"module register cannot be made for example.org: {why}")

    def test_modules_of_others_that_fail(self) -> None:
        for kind, why in (("Unmade", "KeyError: 'boom'"), ("Hookless", "RuntimeError: no hooks")):
            code = f"{__name__}.{kind}"
            makers = (*vars(xmppd_builtin).values(), ModuleMaker("acme-test", code))
            found = Inventory.of(makers, ("xmppd",))
            path = Path(self.mktemp()).absolute()
            enabling = '[modules]\nenable = ["acme-test"]\n'
            path.write_text(f'[host."example.org"]\n[tls]\ndevelopment = true\n{enabling}')
            config, _ = configuration(str(path), found, {})
            error = self.assertRaises(ConfigError, put_together, config, path, found, reactor)
            key = 'host."example.org".modules.acme-test'
            self.assertEqual(str(error), f"{path}:4: {key}: {code} failed ({why})")

    def test_a_file_that_is_not_there(self) -> None:
        self.assertRaises(ConfigError, configuration, "/nowhere/x", inventory(), {})

    def test_what_has_changed_since_the_start(self) -> None:
        start = '[host."one.example"]\n[tls]\ndevelopment = true\n'
        path = Path(self.mktemp()).absolute()
        path.write_text(start)
        config, _ = configuration(str(path), inventory(), {})
        for text, said in (
            (start, ""),
            ("# a remark\n" + start, ""),
            (start + "[s2s]\nidle_seconds = 60.0\n", f"{path} has changed (s2s); restart"),
            (
                'shutdown_seconds = 5.0\n[host."two.example"]\n[tls]\ndevelopment = true\n',
                f"{path} has changed (host or modules, shutdown_seconds); restart",
            ),
            (start + "[s2s]\nidle = 1\n", f"could not start again: {path}:5: s2s.idle: there is"),
        ):
            with self.subTest(text=text):
                path.write_text(text)
                found = unused(config, path, inventory())
                self.assertEqual(len(found), bool(said))
                self.assertIn(said, "".join(found))
        self.assertEqual(unused(config, None, inventory()), ())
