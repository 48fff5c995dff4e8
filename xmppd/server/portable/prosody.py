"""The data directory of a Prosody with internal storage (0.9 and later; util.datamanager).

It holds DOMAIN/STORE/USER.dat and .list, each part of a name percent-encoded.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_to_bytes

from xmppd.sasl.exchange import ScramKeys
from xmppd.server.portable import prosody_values as values
from xmppd.server.portable.lua import LuaError, Table, Value, read_items, read_return
from xmppd.server.portable.values import Found, SourceError, Trouble, User
from xmppd.stanza.jid import JID
from xmppd.stanza.prep import PrepError, domainpart, foreign_localpart

MAX_FILE_BYTES = 64 * 1024 * 1024
"""The largest file that is read."""

_READ = frozenset(
    {"accounts", "roster", "vcard", "private", "offline", "blocklist", "privacy", "lastlog"}
    | {"lastlog2"}
)
_UNIMPORTANT = frozenset({"activity", "cron", "invite_token", "tokens", "auth_tokens"})
_DATABASE = re.compile(r"\.sqlite3?\Z|\.db\Z")


class ProsodyData:
    """All hosts of a data directory; implements `Source`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[Found | Trouble]:
        try:
            entries = sorted(os.scandir(self._path), key=lambda entry: entry.name)
        except OSError as error:
            raise SourceError(f"{self._path}: cannot be read ({error.strerror})") from None
        folders = [self._path / entry.name for entry in entries if entry.is_dir()]
        hosts = [each for each in folders if "%2e" in each.name or (each / "accounts").is_dir()]
        if not hosts:
            why = "no directory in it is a host's"
            if any(_DATABASE.search(entry.name) for entry in entries):
                why = "its data are in SQL; have prosody-migrator make internal storage of them"
            raise SourceError(f"{self._path}: is no data directory of Prosody that is read: {why}")
        return (found for each in hosts for found in _HostData(each).read())


class _HostData:
    """The directory of one host."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Iterator[Found | Trouble]:
        try:
            domain = domainpart(_decoded(self._path.name))
        except (PrepError, ValueError):
            yield Trouble(f"{self._path}: its name is that of no domain")
            return
        try:
            stores = sorted(each.name for each in os.scandir(self._path) if each.is_dir())
            names = self._names(stores)
        except OSError as error:
            yield Trouble(f"{error.filename}: cannot be read ({error.strerror})")
            return
        yield from self._left_out(domain, stores)
        for name in names:
            try:
                yield Found(domain, _UserFiles(self._path, name, domain).read())
            except ValueError as error:
                yield Trouble(f"{self._path}: the user in {name}.dat cannot be read: {error}")

    def _names(self, stores: list[str]) -> list[str]:
        """Return the users' names as files have them.

        Where no accounts are kept, whoever has a roster or anything else is one.
        """
        with_users = ["accounts"] if "accounts" in stores else [s for s in stores if s in _READ]
        found = set()
        for store in with_users:
            for entry in os.scandir(self._path / store):
                stem, _, ending = entry.name.rpartition(".")
                if stem and ending in ("dat", "list"):
                    found.add(stem)
        return sorted(found)

    def _left_out(self, domain: str, stores: list[str]) -> Iterator[Trouble]:
        kinds: Counter[str] = Counter()
        for store in stores:
            if store not in _READ | _UNIMPORTANT:
                kind = _decoded(store).partition("_")[0] if store.startswith("pep") else store
                kinds[kind] += sum(1 for _ in os.scandir(self._path / store))
        for kind, count in sorted(kinds.items()):
            yield Trouble(f"{domain}: the store {kind} ({count} files) is not known here", False)


@dataclass(slots=True)
class _UserFiles:
    """The files of one user; `name` as files have it."""

    path: Path
    name: str
    domain: str
    left_out: dict[str, None] = field(default_factory=dict)

    def read(self) -> User:
        """Return the user. Raises `ValueError` if the name, or what it logs in with, is damaged."""
        localpart = _decoded(self.name)
        owner = JID.make(foreign_localpart(localpart), self.domain)
        account = values.table(self._load("accounts"))
        return User(
            localpart,
            password=values.text(account.get("password")),
            keys=self._keys(account),
            created=values.number(account.get("created")),
            disabled=account.get("disabled") is True,
            roster=values.roster(self._table("roster"), owner, self._skip),
            messages=values.messages(self._list("offline"), self.domain, self._skip),
            vcard=values.vcard(self._table("vcard"), self._skip),
            private=values.private(self._table("private"), self._skip),
            blocked=self._blocked(),
            last=values.last_seen(self._table("lastlog2") or self._table("lastlog")),
            left_out=tuple(self.left_out),
        )

    def _keys(self, account: Table) -> dict[str, ScramKeys]:
        try:
            return values.keys(account)
        except ValueError as error:
            self._skip(str(error))
            return {}

    def _blocked(self) -> tuple[JID, ...]:
        own = self._table("blocklist")
        if own:
            return values.blocked(own, self._skip)
        return values.blocked_by_privacy_lists(self._table("privacy"), self._skip)

    def _table(self, store: str) -> Table:
        try:
            return values.table(self._load(store))
        except ValueError as error:
            self._damaged(store, error)
            return {}

    def _list(self, store: str) -> list[Value]:
        try:
            return read_items(self._bytes(store, "list") or b"")
        except ValueError as error:
            self._damaged(store, error)
            return []

    def _load(self, store: str) -> Value:
        data = self._bytes(store, "dat")
        return None if data is None else read_return(data)

    def _bytes(self, store: str, ending: str) -> bytes | None:
        file = self.path / store / f"{self.name}.{ending}"
        try:
            if file.stat().st_size > MAX_FILE_BYTES:
                raise LuaError("it is too large")
            return file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ValueError(f"it cannot be read ({error.strerror})") from None

    def _damaged(self, store: str, error: ValueError) -> None:
        self._skip(f"the store {store}, as a file of it is damaged: {error}")

    def _skip(self, what: str) -> None:
        self.left_out[what] = None


def _decoded(name: str) -> str:
    """Return what a percent-encoded name stands for. Raises `ValueError` if that is no UTF-8."""
    return unquote_to_bytes(name).decode()
