"""A back end that keeps everything in memory and nothing longer than the process lives."""

from collections import Counter
from collections.abc import Callable

from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import IReactorTime

from xmppd.api.storage import Account, Page, Range, StorageError, Ticket
from xmppd.storage import memory_pages
from xmppd.storage.catalogue import Catalogue
from xmppd.storage.engine import Census
from xmppd.storage.hosts import Host
from xmppd.storage.state import State
from xmppd.storage.tickets import TicketCounter
from xmppd.storage.turns import Turn, Turns
from xmppd.storage.writes import Write


class MemoryStorage:
    """Implements `xmppd.api.storage.Storage`.

    `clock` tells when a reactor turn is over, which is when its writes are committed; `new_id`
    returns unpredictable ids for archives.
    """

    def __init__(self, clock: IReactorTime, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._catalogue = Catalogue()
        self._state = State()
        self._running = False
        self._tickets = TicketCounter()
        self._turns = Turns(clock, self._tickets, self._ended)

    @property
    def tickets(self) -> TicketCounter:
        """How far commits have got."""
        return self._tickets

    def start(self) -> None:
        """Begin to take reads and writes."""
        self._catalogue.start()
        self._running = True

    def host(self, domain: str) -> Host:
        """Return the part that belongs to the host `domain`."""
        return Host(domain, self, self._catalogue, self._new_id)

    def stop(self) -> Deferred[None]:
        """Commit what is outstanding; fires when that is done."""
        self._turns.end()
        self._running = False
        return self._tickets.reached(self._tickets.issued)

    def write(self, *writes: Write, size: int = 0) -> Ticket:
        """Take writes; see `xmppd.storage.engine.Engine`, as for all the methods below."""
        self._rows().apply(writes)
        return self._turns.add(writes, size)

    def value(self, store: int, owner: str) -> bytes | None:
        """Return the owner's value."""
        return self._rows().values.get((store, owner))

    def pair(self, store: int, owner: str, key: str) -> bytes | None:
        """Return the owner's value under `key`."""
        return self._rows().pairs.get((store, owner), {}).get(key)

    def account(self, store: int, localpart: str) -> Account | None:
        """Return the account of that localpart."""
        return self._rows().accounts.get(store, {}).get(localpart)

    def account_like(self, store: int, skeleton: str) -> Account | None:
        """Return the account of that skeleton."""
        return self._rows().like(store, skeleton)

    def pairs(self, store: int, owner: str) -> Deferred[list[tuple[str, bytes]]]:
        """Return all the owner's pairs in the order of their keys."""
        return execute(lambda: sorted(self._rows().pairs.get((store, owner), {}).items()))

    def page(
        self, store: int, owner: str, range: Range, limit: int, backwards: bool
    ) -> Deferred[Page]:
        """Return a page of the owner's archive."""
        return execute(
            lambda: memory_pages.page(
                self._rows().archives.get((store, owner), {}), range, limit, backwards
            )
        )

    def entries(self, store: int, owner: str) -> Deferred[int]:
        """Return how many entries the owner's archive has."""
        return execute(lambda: len(self._rows().archives.get((store, owner), {})))

    def localparts(self, store: int, after: str, limit: int) -> Deferred[list[str]]:
        """Return at most `limit` localparts behind `after`, in order."""
        return execute(
            lambda: sorted(name for name in self._rows().accounts.get(store, {}) if name > after)[
                :limit
            ]
        )

    def census(self, store: int) -> Deferred[Census]:
        """Count the accounts."""
        return execute(self._census, store)

    def _census(self, store: int) -> Census:
        accounts = self._rows().accounts.get(store, {})
        having = Counter(hash for account in accounts.values() for hash in account.keys)
        keyed = sum(1 for account in accounts.values() if account.keys)
        return Census(len(accounts), keyed, having)

    def _rows(self) -> State:
        if not self._running:
            raise StorageError("the storage is not running")
        return self._state

    def _ended(self, turn: Turn) -> None:
        self._tickets.settle(turn.last)
