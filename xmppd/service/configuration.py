"""Which configuration is meant: a file's, or what a server runs with that is told nothing."""

from collections.abc import Mapping
from pathlib import Path

from xmppd.server.config import ServerConfig, without_a_file
from xmppd.server.inventory import Inventory
from xmppd.service.listening import loopback
from xmppd.service.toml import load

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
