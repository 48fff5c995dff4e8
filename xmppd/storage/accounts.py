"""The accounts of one host over any engine.

Whether a name is free is looked up and the write made without a pause between, on the one thread
that writes: two clients registering one name in the same moment get one account.
"""

from dataclasses import replace

from twisted.internet.defer import Deferred, execute

from xmppd.api.storage import Account, AccountExists, Ticket
from xmppd.storage.catalogue import Catalogue, Kind, Place
from xmppd.storage.checks import micros, seconds, text
from xmppd.storage.engine import Engine
from xmppd.storage.writes import ClearPairs, DropAccount, Purge, PutAccount, PutValue, Write


class AccountStore:
    """Implements `xmppd.api.storage.Accounts`.

    `catalogue` knows what else the host has stored, which goes when an account is deleted.
    """

    def __init__(self, engine: Engine, place: Place, catalogue: Catalogue) -> None:
        self._engine = engine
        self._place = place
        self._catalogue = catalogue

    def get(self, localpart: str) -> Deferred[Account | None]:
        """Return the account of that prepared localpart or None."""
        return execute(self._engine.account, self._place.number, text(localpart))

    def find(self, skeleton: str) -> Deferred[Account | None]:
        """Return the account of that skeleton or None."""
        return execute(self._engine.account_like, self._place.number, text(skeleton))

    def create(self, account: Account) -> Deferred[Ticket]:
        """Add an account; fails with `AccountExists` if its localpart or skeleton is taken."""
        return execute(self._create, account)

    def update(self, account: Account) -> Deferred[Ticket]:
        """Replace the account of that localpart; fails with `KeyError` if there is none."""
        return execute(self._update, account)

    def delete(self, localpart: str) -> Deferred[Ticket]:
        """Remove the account and all it owns; fails with `KeyError` if there is none."""
        return execute(self._delete, text(localpart))

    def localparts(self, after: str = "", limit: int = 1000) -> Deferred[list[str]]:
        """Return at most `limit` localparts behind `after`, in order."""
        return self._engine.localparts(self._place.number, text(after), limit)

    def count(self) -> Deferred[int]:
        """Return how many accounts there are."""
        return self._engine.census(self._place.number).addCallback(lambda census: census.accounts)

    def lacking(self, hash: str) -> Deferred[int]:
        """Return how many accounts have keys, but none for that SCRAM hash."""
        return self._engine.census(self._place.number).addCallback(
            lambda census: census.keyed - census.having.get(hash, 0)
        )

    def _create(self, account: Account) -> Ticket:
        account = _checked(account)
        store = self._place.number
        if self._engine.account(store, account.localpart) is not None:
            raise AccountExists(account.localpart)
        self._refuse_confusable(account)
        return self._engine.write(PutAccount(store, account))

    def _update(self, account: Account) -> Ticket:
        account = _checked(account)
        old = self._known(account.localpart)
        put = PutAccount(self._place.number, account)
        if old.skeleton == account.skeleton:
            return self._engine.write(put)
        self._refuse_confusable(account)
        return self._engine.write(self._drop(old), put)

    def _delete(self, localpart: str) -> Ticket:
        account = self._known(localpart)
        writes = [_forget(place, localpart) for place in self._catalogue.of(self._place.domain)]
        return self._engine.write(
            self._drop(account), *(write for write in writes if write is not None)
        )

    def _known(self, localpart: str) -> Account:
        account = self._engine.account(self._place.number, localpart)
        if account is None:
            raise KeyError(localpart)
        return account

    def _refuse_confusable(self, account: Account) -> None:
        if self._engine.account_like(self._place.number, account.skeleton) is not None:
            raise AccountExists(account.localpart)

    def _drop(self, account: Account) -> DropAccount:
        return DropAccount(self._place.number, account.localpart, account.skeleton)


def _forget(place: Place, owner: str) -> Write | None:
    """Return the write that removes everything of `owner` from one store."""
    match place.kind:
        case Kind.KEY_VALUE:
            return PutValue(place.number, owner, None)
        case Kind.MAP:
            return ClearPairs(place.number, owner)
        case Kind.ARCHIVE:
            return Purge(place.number, owner, None)
        case Kind.ACCOUNTS:
            return None


def _checked(account: Account) -> Account:
    """Return a copy of `account` that every back end gives back unchanged.

    Raises `ValueError` for an empty localpart, which owns what belongs to the host itself.
    """
    if not (account.localpart and account.skeleton and all(account.keys)):
        raise ValueError("an account without localpart or skeleton, or keys for a nameless hash")
    text(account.localpart)
    text(account.skeleton)
    keys = {text(hash): keys for hash, keys in account.keys.items()}
    return replace(account, keys=keys, created=seconds(micros(account.created)))
