"""The part of a storage that belongs to one host, over any engine."""

from collections.abc import Callable
from typing import cast

from xmppd.api.storage import Archive, KeyValue, Map, Shape
from xmppd.storage.accounts import AccountStore
from xmppd.storage.catalogue import Catalogue, Kind, Place
from xmppd.storage.checks import text
from xmppd.storage.engine import Engine
from xmppd.storage.shapes import ArchiveStore, KeyValueStore, MapStore

ACCOUNTS = "accounts"
"""The name under which the accounts of a host are listed beside its stores."""

_KINDS: dict[object, Kind] = {KeyValue: Kind.KEY_VALUE, Map: Kind.MAP, Archive: Kind.ARCHIVE}


class Host:
    """Implements `xmppd.api.storage.HostStorage`."""

    def __init__(
        self, domain: str, engine: Engine, catalogue: Catalogue, new_id: Callable[[], str]
    ) -> None:
        self._domain = text(domain)
        self._engine = engine
        self._catalogue = catalogue
        self._new_id = new_id
        place = catalogue.open(domain, ACCOUNTS, Kind.ACCOUNTS)
        self._accounts = AccountStore(engine, place, catalogue)

    @property
    def accounts(self) -> AccountStore:
        """The host's accounts."""
        return self._accounts

    def open(self, name: str, shape: type[Shape]) -> Shape:
        """Return the store of that name, made at its first use.

        Raises `StorageError` if the name has another shape, `ValueError` if it is no name, and
        `TypeError` if `shape` is not one of the three.
        """
        kind = _KINDS.get(shape)
        if kind is None:
            raise TypeError(f"{shape!r} is no shape of a store")
        return cast("Shape", self._store(self._catalogue.open(self._domain, name, kind)))

    def _store(self, place: Place) -> KeyValueStore | MapStore | ArchiveStore:
        if place.kind is Kind.KEY_VALUE:
            return KeyValueStore(self._engine, place)
        if place.kind is Kind.MAP:
            return MapStore(self._engine, place)
        return ArchiveStore(self._engine, place, self._new_id)
