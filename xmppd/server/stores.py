"""The back ends that come with xmppd, as `StoreMaker` wants them called."""

from dataclasses import dataclass
from pathlib import Path

from xmppd.api.storage import Storage
from xmppd.makers import StoreContext
from xmppd.server.config import ServerConfig
from xmppd.storage.memory import MemoryStorage
from xmppd.storage.sqlite import SqliteStorage


@dataclass(frozen=True, slots=True)
class SqliteSettings:
    """The section `[storage.sqlite]`.

    `file` is the database's path; None for `xmppd.sqlite` in the data directory.
    """

    file: Path | None = None


def database_file(config: ServerConfig) -> Path | None:
    """Return the file in which a server would keep its data; None for stores without one."""
    if config.storage.store != "sqlite":
        return None
    settings: SqliteSettings = config.storage.settings or SqliteSettings()
    return settings.file or config.data / "xmppd.sqlite"


def memory(context: StoreContext) -> Storage:
    """Make a storage that forgets everything when the server stops."""
    return MemoryStorage(context.clock, context.new_id)


def sqlite(context: StoreContext) -> Storage:
    """Make the storage that keeps all hosts in one SQLite file."""
    settings: SqliteSettings = context.settings or SqliteSettings()
    path = settings.file or context.data / "xmppd.sqlite"
    return SqliteStorage(
        path, clock=context.clock, to_reactor=context.to_reactor, new_id=context.new_id
    )
