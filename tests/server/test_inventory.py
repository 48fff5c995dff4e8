"""What a configuration can name."""

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from tests.server.makers import DIGEST, DISCO, EXTERNAL, FILTER, MAKERS, PING, SCRAM, inventory
from xmppd.makers import ClusterMaker, MakerError, ModuleMaker
from xmppd.server.inventory import Inventory


class SortingTests(SynchronousTestCase):
    """Makers are found again by kind and name."""

    def test_by_kind(self) -> None:
        cluster = ClusterMaker("ring", "acme.ring")
        found = Inventory.of((*MAKERS, cluster, object()))
        self.assertEqual(list(found.modules), ["disco", "ping", "acme-filter"])
        self.assertEqual(list(found.stores), ["memory", "disk", "sqlite"])
        self.assertEqual(found.clusters, {"ring": cluster})
        self.assertIs(found.mechanisms["SCRAM"], SCRAM)

    def test_two_of_one_name(self) -> None:
        other = ModuleMaker("ping", "other.Ping")
        error = self.assertRaises(MakerError, Inventory.of, (PING, other))
        self.assertEqual(
            str(error),
            "two plugins are called ping: module ping (acme.Ping) and module ping (other.Ping)",
        )

    def test_the_same_one_twice_is_one(self) -> None:
        self.assertEqual(list(Inventory.of((PING, PING)).modules), ["ping"])

    def test_a_module_and_a_store_may_share_a_name(self) -> None:
        found = Inventory.of((ModuleMaker("memory", "a.B"), *MAKERS))
        self.assertIn("memory", found.modules)
        self.assertIn("memory", found.stores)


class ChoiceTests(SynchronousTestCase):
    """Defaults, what is enabled besides, and what is disabled."""

    def test_modules(self) -> None:
        table = [
            ((), (), [DISCO, PING]),
            (("acme-filter",), (), [DISCO, PING, FILTER]),
            (("acme-filter", "ping"), ("disco",), [PING, FILTER]),
            ((), ("disco", "ping"), []),
        ]
        for enable, disable, expected in table:
            with self.subTest(enable=enable, disable=disable):
                self.assertEqual(inventory().chosen_modules(enable, disable), expected)

    def test_mechanisms_keep_their_order(self) -> None:
        table = [
            ((), (), [SCRAM, EXTERNAL]),
            (("DIGEST-MD5",), (), [SCRAM, DIGEST, EXTERNAL]),
            (("DIGEST-MD5",), ("SCRAM",), [DIGEST, EXTERNAL]),
        ]
        for enable, disable, expected in table:
            with self.subTest(enable=enable, disable=disable):
                self.assertEqual(inventory().chosen_mechanisms(enable, disable), expected)

    def test_a_store(self) -> None:
        self.assertEqual(inventory().store("memory").name, "memory")


class MissingTests(SynchronousTestCase):
    """A name that is not there is answered with what is, and the likely one."""

    def test_messages(self) -> None:
        found = inventory()
        table: list[tuple[Callable[[], object], str]] = [
            (
                lambda: found.chosen_modules(("pnig",), ()),
                "there is no module 'pnig'; did you mean 'ping'? found: disco, ping, acme-filter",
            ),
            (lambda: found.chosen_modules((), ("zzz",)), "there is no module 'zzz'; found: disco"),
            (lambda: found.chosen_mechanisms(("OAUTH",), ()), "there is no mechanism 'OAUTH'"),
            (lambda: found.store("mysql"), "there is no store 'mysql'"),
            (
                lambda: found.check_user_store("ldap:secret"),
                "there is no user store 'ldap'; found: xmppd, file",
            ),
            (lambda: Inventory.of(()).store("x"), "there is no store 'x'; found: none"),
        ]
        for ask, message in table:
            with self.subTest(message=message):
                self.assertIn(message, str(self.assertRaises(MakerError, ask)))

    def test_a_user_store_that_is_there(self) -> None:
        inventory().check_user_store("file:/etc/users")
        self.assertRaises(MakerError, inventory().check_user_store, "files:/etc/users")

    def test_plugin_files_that_failed_are_told(self) -> None:
        found = Inventory.of(MAKERS, troubles=("acme.py cannot be imported (ImportError: x)",))
        error = self.assertRaises(MakerError, found.store, "acme")
        self.assertTrue(str(error).endswith("; acme.py cannot be imported (ImportError: x)"))
