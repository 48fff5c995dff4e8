"""The tables of a configuration file, put together into one `ServerConfig`.

Most tables are read as their dataclasses say. What is special: there are many `[host."NAME"]` and
`[component."NAME"]`, `[modules]` stands for every host that does not say otherwise, and the
sections of modules and stores have the types their makers name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from xmppd.makers import ConfiguredMaker, MakerError
from xmppd.server.config import (
    ComponentConfig,
    HostConfig,
    ModulesConfig,
    RemoteConfig,
    ServerConfig,
    ServersConfig,
    StorageConfig,
)
from xmppd.server.inventory import Inventory
from xmppd.service.reading import Key, Misfit, Reader
from xmppd.stanza.prep import PrepError, domainpart

Table = dict[str, Any]


class Composer:
    """Makes the configuration. Every method raises `Misfit`, or `MakerError` for broken plugins."""

    def __init__(self, reader: Reader, inventory: Inventory) -> None:
        self._reader = reader
        self._inventory = inventory

    def server(self, raw: Table) -> ServerConfig:
        """Return what the whole file says; whether it makes sense is left to `validate`."""
        general = raw.get("modules", {})
        self._modules({}, general, ("modules",))  # what is wrong there is no host's fault
        return self._reader.section(
            ServerConfig,
            raw,
            (),
            skip=("host", "component", "s2s", "modules", "storage"),
            hosts=self._hosts(raw.get("host", {}), general),
            components=self._components(raw.get("component", {})),
            s2s=self._servers(raw.get("s2s", {})),
            storage=self._storage(raw.get("storage", {})),
        )

    def _hosts(self, raw: object, general: Table) -> tuple[HostConfig, ...]:
        return tuple(
            self._host(name, table, key, general)
            for name, table, key in self._named("host", HostConfig, raw)
        )

    def _components(self, raw: object) -> tuple[ComponentConfig, ...]:
        return tuple(
            self._reader.section(ComponentConfig, table, key, name=name)
            for name, table, key in self._named("component", ComponentConfig, raw)
        )

    def _servers(self, raw: object) -> ServersConfig:
        table = self._reader.table(raw, ("s2s",))
        domains = tuple(
            self._reader.section(RemoteConfig, one, key, name=name)
            for name, one, key in self._named(
                "domain", RemoteConfig, table.get("domain", {}), ("s2s",)
            )
        )
        return self._reader.section(
            ServersConfig, table, ("s2s",), skip=("domain",), domains=domains
        )

    def _named(
        self, what: str, kind: type[Any], raw: object, within: Key = ()
    ) -> Iterator[tuple[str, Table, Key]]:
        """Yield the tables of that name with the domain, in normal form, that each is about."""
        place = (*within, what)
        if isinstance(raw, list):
            begin = ".".join(place)
            raise Misfit(place, "is a list", f'begin each {what} like [{begin}."example.org"]')
        names: set[str] = set()
        for written, value in self._reader.table(raw, place).items():
            key = (*place, written)
            try:
                name = domainpart(written)
            except PrepError as error:
                raise Misfit(key, str(error), f"name the {what} by its domain") from None
            if name in names:
                raise Misfit(key, f"the {what} is there twice", "remove one of the two")
            names.add(name)
            table = self._reader.table(value, key)
            _check_quotes(table, key, kind)
            yield name, table, key

    def _host(self, name: str, table: Table, key: Key, general: Table) -> HostConfig:
        modules = self._modules(general, table.get("modules", {}), (*key, "modules"))
        return self._reader.section(
            HostConfig, table, key, skip=("modules",), name=name, modules=modules
        )

    def _modules(self, general: object, own: object, key: Key) -> ModulesConfig:
        """Read the modules of a host: its `own` table laid over the `general` one."""
        configured = [name for name, maker in self._inventory.modules.items() if maker.config]
        ours, theirs = (
            self._reader.section(ModulesConfig, table, key, skip=tuple(configured), sections={})
            for table in (own, general)
        )
        enable = [name for name in theirs.enable if name not in ours.disable]
        disable = [name for name in theirs.disable if name not in ours.enable]
        modules = ModulesConfig((*enable, *ours.enable), (*disable, *ours.disable))
        chosen = self._chosen(modules)
        sections = {}
        layers = [self._reader.table(table, key) for table in (general, own)]
        for name in configured:
            tables = [table[name] for table in layers if name in table]
            if tables or name in chosen:
                sections[name] = self._section(self._inventory.modules[name], tables, (*key, name))
        return replace(modules, sections=sections)

    def _chosen(self, modules: ModulesConfig) -> set[str]:
        try:
            chosen = self._inventory.chosen_modules(modules.enable, modules.disable)
        except MakerError:  # a name that is not there: `validate` knows which
            return set()
        return {maker.name for maker in chosen}

    def _storage(self, raw: object) -> StorageConfig:
        stores = {name: maker for name, maker in self._inventory.stores.items() if maker.config}
        config = self._reader.section(
            StorageConfig, raw, ("storage",), skip=tuple(stores), settings=None
        )
        table = self._reader.table(raw, ("storage",))
        sections = {
            name: self._section(maker, [table[name]] if name in table else [], ("storage", name))
            for name, maker in stores.items()
            if name in table or name == config.store
        }
        return replace(config, settings=sections.get(config.store))

    def _section(self, maker: ConfiguredMaker, tables: Sequence[object], key: Key) -> object:
        """Read the settings of a module or store, later tables laid over earlier ones."""
        merged: Table = {}
        for table in tables:
            merged |= self._reader.table(table, key)
        kind = maker.settings_type()
        assert kind is not None  # only makers with a section get here
        return self._reader.section(kind, merged, key)


def _check_quotes(table: Table, key: Key, kind: type[Any]) -> None:
    """Notice [host.example.org], which is a table `org` in a table `example`."""
    known = {field.name for field in fields(kind)}
    for name, value in table.items():
        if isinstance(value, dict) and name not in known:
            raise Misfit(
                (*key, name),
                "there is no such table",
                f'put a name with dots into quotes: [{".".join(key[:-1])}."example.org"]',
            )
