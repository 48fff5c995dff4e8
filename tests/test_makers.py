"""Declarations in plugin files: what they accept, and what they load."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.plugin import IPlugin
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface
from zope.interface.verify import verifyObject

from xmppd.makers import (
    ClusterMaker,
    IClusterMaker,
    IMechanismMaker,
    IModuleMaker,
    IStoreMaker,
    MakerError,
    MechanismMaker,
    ModuleMaker,
    StoreContext,
    StoreMaker,
    Xep,
)
from xmppd.sasl.plain import Plain
from xmppd.server.stores import SqliteSettings
from xmppd.storage.memory import MemoryStorage

HERE = "tests.test_makers"


@dataclass(frozen=True)
class Settings:
    """The section of a module."""

    after: int = 1


class Named:
    """A mechanism of whatever name it is given."""

    def __init__(self, name: str, **options: object) -> None:
        self.name = name
        self.options = options


def credentials(facts: object) -> object:
    return facts


NOT_CALLABLE = 7


class DeclarationTests(SynchronousTestCase):
    """What cannot be declared is refused where it stands, in plain words."""

    def test_they_are_plugins_of_their_kind(self) -> None:
        table: list[tuple[object, type[Interface]]] = [
            (ModuleMaker("ping", "acme.Ping"), IModuleMaker),
            (MechanismMaker("PLAIN", "acme.Plain"), IMechanismMaker),
            (StoreMaker("memory", "acme.memory"), IStoreMaker),
            (ClusterMaker("redis", "acme.cluster"), IClusterMaker),
        ]
        for maker, interface in table:
            with self.subTest(maker=maker):
                self.assertTrue(verifyObject(IPlugin, maker))
                self.assertTrue(verifyObject(interface, maker))

    def test_misuse(self) -> None:
        table: list[tuple[Callable[[], object], str]] = [
            (lambda: ModuleMaker("Ping", "a.B"), "'Ping' cannot be the name of a module"),
            (lambda: ModuleMaker("", "a.B"), "'' cannot be the name of a module"),
            (lambda: ModuleMaker("a--b", "a.B"), "'a--b' cannot be the name of a module"),
            (lambda: ModuleMaker("ping", "Ping"), "module ping: 'Ping' is not like"),
            (lambda: ModuleMaker("ping", "a.b:C"), "module ping: 'a.b:C' is not like"),
            (lambda: MechanismMaker("plain", "a.B"), "'plain' cannot be the name of a mechanism"),
            (lambda: MechanismMaker("X" * 21, "a.B"), "cannot be the name of a mechanism"),
            (lambda: StoreMaker("x y", "a.B"), "'x y' cannot be the name of a store"),
            (lambda: Xep("199", "2.0"), 'a XEP is named like "0199"'),
            (lambda: Xep("0199", "two"), 'a XEP is named like "0199"'),
            (lambda: Xep("0199", "2.0", "done"), "completeness is one of complete, partial"),  # type: ignore[arg-type]
        ]
        for declare, message in table:
            with self.subTest(message=message):
                self.assertIn(message, str(self.assertRaises(MakerError, declare)))

    def test_declaring_imports_nothing(self) -> None:
        maker = ModuleMaker("ping", "no_such_package.Ping", config="no_such_package.Settings")
        self.assertEqual(str(maker), "module ping (no_such_package.Ping)")


class LoadTests(SynchronousTestCase):
    """The code is imported on use; what goes wrong then is one sentence."""

    def test_code(self) -> None:
        self.assertIs(ModuleMaker("named", f"{HERE}.Named").load(), Named)

    def test_settings(self) -> None:
        self.assertIs(ModuleMaker("m", "a.B", config=f"{HERE}.Settings").settings_type(), Settings)
        self.assertIsNone(ModuleMaker("m", "a.B").settings_type())

    def test_faults(self) -> None:
        table: list[tuple[Callable[[], object], str]] = [
            (
                ModuleMaker("m", "no_such_package.M").load,
                "module m (no_such_package.M): no_such_package.M cannot be imported (ObjectNot",
            ),
            (ModuleMaker("m", f"{HERE}.Missing").load, "cannot be imported (AttributeError: "),
            (ModuleMaker("m", f"{HERE}.NOT_CALLABLE").load, "nothing that can be called"),
            (
                ModuleMaker("m", "a.B", config=f"{HERE}.Named").settings_type,
                f"module m (a.B): {HERE}.Named is no dataclass",
            ),
            (
                ModuleMaker("m", "a.B", config=f"{HERE}.NOT_CALLABLE").settings_type,
                "is no dataclass",
            ),
            (
                MechanismMaker("X", f"{HERE}.Named", arguments=("Y",)).make,
                "the code makes a mechanism named Y",
            ),
        ]
        for use, message in table:
            with self.subTest(message=message):
                self.assertIn(message, str(self.assertRaises(MakerError, use)))


class MechanismTests(SynchronousTestCase):
    """Mechanisms are made with their arguments; only weak ones hear of clear streams."""

    def test_arguments_and_weakness(self) -> None:
        table: list[tuple[bool, bool, dict[str, object]]] = [
            (False, False, {}),
            (False, True, {}),
            (True, False, {}),
            (True, True, {"allow_clear": True}),
        ]
        for weak, allowed, expected in table:
            with self.subTest(weak=weak, allowed=allowed):
                maker = MechanismMaker("X", f"{HERE}.Named", arguments=("X",), weak_in_clear=weak)
                made: Any = maker.make(allow_clear=allowed)
                self.assertEqual(made.options, expected)

    def test_a_shipped_one(self) -> None:
        maker = MechanismMaker("PLAIN", "xmppd.sasl.plain.Plain", weak_in_clear=True)
        self.assertEqual(maker.make(allow_clear=True), Plain(allow_clear=True))

    def test_credentials(self) -> None:
        maker = MechanismMaker("X", "a.B", credentials=f"{HERE}.credentials")
        self.assertIs(maker.credentials_factory(), credentials)
        self.assertIsNone(MechanismMaker("X", "a.B").credentials_factory())


class StoreTests(SynchronousTestCase):
    """Stores are made of a context, without effects."""

    def test_make(self) -> None:
        context = StoreContext(Path("/nowhere"), None, Clock(), lambda: None, lambda: "id")
        maker = StoreMaker("memory", "xmppd.server.stores.memory")
        self.assertIsInstance(maker.make(context), MemoryStorage)

    def test_settings_of_a_shipped_one(self) -> None:
        maker = StoreMaker("s", "a.B", config="xmppd.server.stores.SqliteSettings")
        self.assertIs(maker.settings_type(), SqliteSettings)
