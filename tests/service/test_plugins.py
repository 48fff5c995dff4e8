"""The search for plugins, in packages made for the test."""

import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from twisted.trial.unittest import SynchronousTestCase

from twisted import plugins
from twisted.plugins import xmppd_builtin
from xmppd.makers import Maker, MakerError
from xmppd.server.inventory import Inventory
from xmppd.service.plugins import discover

GOOD = """
from xmppd.makers import ModuleMaker, StoreMaker
greeting = ModuleMaker("acme-greeting", "acme.Greeting")
store = StoreMaker("acme", "acme.store")
nothing = 7
"""


class PluginTests(SynchronousTestCase):
    """What is found, and what is said of what is not."""

    def package(self, **files: str) -> ModuleType:
        """Make a plugin package of these files; nothing of it is left behind."""
        base = Path(self.mktemp()).absolute()
        name = f"plugins_of_test_{id(self)}_{len(sys.modules)}"
        folder = base / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        for file, text in files.items():
            (folder / f"{file}.py").write_text(text)
        sys.path.insert(0, str(base))
        self.addCleanup(sys.path.remove, str(base))
        package = import_module(name)
        self.addCleanup(self.forget, name)
        return package

    def forget(self, name: str) -> None:
        for module in [each for each in sys.modules if each.partition(".")[0] == name]:
            del sys.modules[module]

    def test_shipped_ones_come_first(self) -> None:
        found = discover(self.package())
        shipped = [each for each in vars(xmppd_builtin).values() if isinstance(each, Maker)]
        kinds = (found.modules, found.mechanisms, found.stores, found.clusters)
        listed = [maker for kind in kinds for maker in kind.values()]
        self.assertCountEqual(listed, shipped)
        self.assertEqual(found.troubles, ())

    def test_others(self) -> None:
        found = discover(self.package(acme_xmppd=GOOD))
        self.assertEqual(list(found.modules)[-1], "acme-greeting")
        self.assertEqual(list(found.stores)[-1], "acme")

    def test_what_is_installed(self) -> None:
        found = discover()
        self.assertEqual(found.modules["ping"], xmppd_builtin.ping)
        self.assertLessEqual({"xmppd", "file"}, set(found.user_stores))

    def test_two_of_one_name(self) -> None:
        package = self.package(
            acme_xmppd="from xmppd.makers import ModuleMaker\n"
            "ping = ModuleMaker('ping', 'acme.Ping')\n"
        )
        error = self.assertRaises(MakerError, discover, package)
        self.assertEqual(
            str(error),
            "two plugins are called ping: module ping (xmppd.modules.ping.Ping) and "
            "module ping (acme.Ping)",
        )

    def test_files_that_cannot_be_imported(self) -> None:
        table = [
            ("import no_such_package", "(ModuleNotFoundError: No module named 'no_such_package')"),
            ("x = (", "(SyntaxError: "),
            ("raise RuntimeError('broken')", "(RuntimeError: broken)"),
            (
                "from xmppd.makers import ModuleMaker\nx = ModuleMaker('X', 'a.B')",
                "(MakerError: 'X' cannot be the name of a module)",
            ),
        ]
        for text, reason in table:
            with self.subTest(text=text):
                found = discover(self.package(acme_xmppd=text))
                self.flushLoggedErrors()
                (trouble,) = found.troubles
                self.assertIn("acme_xmppd.py cannot be imported (", trouble)
                self.assertIn(reason, trouble)
                error = self.assertRaises(MakerError, found.store, "acme")
                self.assertIn(reason, str(error))

    def test_an_error_that_names_no_file_of_ours(self) -> None:
        package = self.package(acme_xmppd="raise RuntimeError('broken')")
        package.__path__.append("/nowhere")
        # The file is found through a link whose target is elsewhere.
        folder = Path(package.__path__[0])
        elsewhere = Path(self.mktemp()).absolute()
        (folder / "acme_xmppd.py").rename(elsewhere)
        (folder / "acme_xmppd.py").symlink_to(elsewhere)
        found = discover(package)
        self.flushLoggedErrors()
        self.assertEqual(
            found.troubles, ("a plugin file cannot be imported (RuntimeError: broken)",)
        )

    def test_a_cache_that_cannot_be_written(self) -> None:
        package = self.package(acme_xmppd=GOOD)
        # A directory of that name stops even root.
        Path(package.__path__[0], "dropin.cache", "in-the-way").mkdir(parents=True)
        found = discover(package)
        self.assertIn("acme-greeting", found.modules)
        self.assertEqual(found.troubles, ())

    def test_the_plugin_folder_is_no_package(self) -> None:
        folder = Path(xmppd_builtin.__file__).parent
        self.assertFalse((folder / "__init__.py").exists())
        self.assertIn(str(folder), map(os.path.abspath, plugins.__path__))


class ShippedTests(SynchronousTestCase):
    """Everything that is shipped can be loaded."""

    def test_code(self) -> None:
        inventory: Inventory = discover()
        for kind in (inventory.modules, inventory.mechanisms, inventory.stores):
            for maker in kind.values():
                with self.subTest(maker=str(maker)):
                    self.assertTrue(callable(maker.load()))

    def test_mechanisms_have_the_names_they_are_listed_under(self) -> None:
        for name, maker in discover().mechanisms.items():
            with self.subTest(name=name):
                self.assertEqual(maker.make(allow_clear=True).name, name)

    def test_modules_say_what_they_implement(self) -> None:
        for name, maker in discover().modules.items():
            with self.subTest(name=name):
                self.assertTrue(all(xep.number and xep.version for xep in maker.xeps))
