"""Which configuration is meant: a file's, or what a server runs with that is told nothing."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from xmppd.server.assemble import Server, build
from xmppd.server.config import ServerConfig, without_a_file
from xmppd.server.hosts import ModuleRefused
from xmppd.server.inventory import Inventory
from xmppd.server.users import UserStoreError
from xmppd.service.collaborators import real
from xmppd.service.listening import loopback
from xmppd.service.toml import ConfigError, at_line, load

VARIABLE = "XMPPD_CONFIG"
"""The environment variable that names the file where no option does."""


def configuration(
    file: str | None, inventory: Inventory, environ: Mapping[str, str]
) -> tuple[ServerConfig, Path | None]:
    """Return the configuration and its file; None for the file if there is none.

    Without a file, data are kept in `var` in the working directory. Raises `ConfigError`.
    """
    named = file or environ.get(VARIABLE)
    if named:
        path = Path(named).absolute()
        return load(path, inventory), path
    return without_a_file(Path("var").absolute(), loopback()), None


def put_together(
    config: ServerConfig, file: Path | None, inventory: Inventory, reactor: Any
) -> Server:
    """Return the server of a configuration, see `build`; what is wrong in the file has its line.

    Raises what `build` does, and `ConfigError`.
    """
    try:
        return build(config, inventory, real(reactor, config.dns))
    except UserStoreError as error:
        if file is None:
            raise
        raise at_line(file, ("host", error.host, "users"), str(error)) from None
    except ModuleRefused as error:
        if file is None:
            raise
        raise at_line(file, ("host", error.host, "modules", error.module), error.why) from None


def unused(config: ServerConfig, file: Path | None, inventory: Inventory) -> tuple[str, ...]:
    """Return sentences on what the file of a running server says but the server does not do.

    `config` is what it was started with. Never raises `ConfigError`.
    """
    if file is None:
        return ()
    try:
        found = load(file, inventory)
    except ConfigError as error:
        return (f"the settings in use stay, and the server could not start again: {error}",)
    different = [
        _TABLES.get(each.name, each.name)
        for each in fields(ServerConfig)
        if getattr(found, each.name) != getattr(config, each.name)
    ]
    if not different:
        return ()
    what = ", ".join(different)
    return (f"{file} has changed ({what}); restart the server to have that used",)


_TABLES = {"hosts": "host or modules", "components": "component"}
