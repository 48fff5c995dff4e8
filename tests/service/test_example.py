"""etc/xmppd.toml: it loads, it names every setting, and the defaults it shows are the real ones."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted.plugins import xmppd_builtin
from xmppd.server.config import (
    ComponentConfig,
    HostConfig,
    ModulesConfig,
    RemoteConfig,
    ServerConfig,
)
from xmppd.server.inventory import Inventory
from xmppd.service.toml import load

SHIPPED = Inventory.of(vars(xmppd_builtin).values())
EXAMPLE = Path(__file__).parents[2] / "etc" / "xmppd.toml"

# Fields that are not keys of the same name: see `xmppd.service.composing`.
OTHERWISE = {("hosts",), ("components",), ("s2s", "domains"), "settings", "sections", "name"}
# Settings that the example sets because it has to.
SET = {"data", "certificate", "key"}


def uncommented(text: str) -> str:
    """The file with every commented setting and table switched on."""
    return re.sub(r"(?m)^#(?=[a-z\[])", "", text)


def default_of(field: Field[Any]) -> Any:
    return field.default if field.default is not MISSING else field.default_factory


def settings(section: Any, key: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the key and default of every setting of a section and those in it."""
    for field in fields(section):
        if field.name in OTHERWISE or (*key, field.name) in OTHERWISE:
            continue
        default = default_of(field)
        if is_dataclass(default):
            yield from settings(type(default), (*key, field.name))
        else:
            yield (*key, field.name), default


def all_settings() -> Iterator[tuple[tuple[str, ...], Any]]:
    yield from settings(ServerConfig)
    yield from settings(HostConfig, ("host", "example.org"))
    yield from settings(ComponentConfig, ("component", "irc.example.org"))
    yield from settings(RemoteConfig, ("s2s", "domain", "example.net"))
    yield from settings(ModulesConfig, ("modules",))
    for kind, makers in (("storage", SHIPPED.stores), ("modules", SHIPPED.modules)):
        for name, maker in makers.items():
            section = maker.settings_type()
            if section is not None:
                yield from settings(section, (kind, name))


class ExampleTests(SynchronousTestCase):
    """The example, as it is and with everything switched on."""

    def setUp(self) -> None:
        self.text = EXAMPLE.read_text()
        self.shown = tomllib.loads(uncommented(self.text))

    def value(self, key: tuple[str, ...]) -> Any:
        value: Any = self.shown
        for part in key:
            self.assertIn(part, value, f"{'.'.join(key)} is not in the example")
            value = value[part]
        return value

    def test_it_loads(self) -> None:
        config = load(EXAMPLE)
        self.assertEqual([host.name for host in config.hosts], ["example.org"])
        self.assertEqual(config.listen, ServerConfig().listen)

    def test_it_loads_with_everything_switched_on(self) -> None:
        path = Path(self.mktemp())
        path.write_text(uncommented(self.text))
        self.assertEqual(load(path).limits, ServerConfig().limits)

    def test_every_setting_is_in_it_with_its_default(self) -> None:
        seen = 0
        for key, default in all_settings():
            with self.subTest(key=key):
                value = self.value(key)
                seen += 1
                if key[-1] not in SET and default is not None:
                    shown = tuple(value) if isinstance(value, list) else value
                    self.assertEqual(shown, default)
                    self.assertIs(type(shown), type(default))
        self.assertGreater(seen, 40)

    def test_modules_and_mechanisms_on_by_default_are_named(self) -> None:
        chosen = [maker.name for maker in SHIPPED.chosen_modules((), ())]
        chosen += [maker.name for maker in SHIPPED.chosen_mechanisms((), ())]
        for name in chosen:
            with self.subTest(name=name):
                self.assertIn(name.removesuffix("-PLUS"), self.text)

    def test_nothing_else_is_set_without_need(self) -> None:
        active = tomllib.loads(self.text)
        for name in ("listen", "tls", "sasl", "s2s", "limits", "storage", "log", "modules"):
            with self.subTest(name=name):
                self.assertEqual(active[name], {})
