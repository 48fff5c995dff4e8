"""Accounts without keys: passwords as a dict, and whatever goes wrong with them on demand."""

from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from xmppd.api.auth import IPasswords
from xmppd.api.host import IHost
from xmppd.api.registrations import Provide, Registration
from xmppd.api.storage import AccountExists


class PlainPasswords:
    """A feature that provides `IPasswords`.

    - `kept`: passwords by name; `failure`: what the next change fails with.
    - `deleting`: what deleting an account waits for.
    """

    def __init__(self, host: IHost) -> None:
        self.sole = True
        self.kept: dict[str, str] = {}
        self.failure: Exception | None = None
        self.deleting: Deferred[None] = succeed(None)

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield Provide(IPasswords, self)

    def create(self, localpart: str, password: str) -> "Deferred[Any]":
        """Create an account."""
        if localpart in self.kept:
            return fail(AccountExists(localpart))
        return self._put(localpart, password)

    def set_password(self, localpart: str, password: str) -> "Deferred[Any]":
        """Change a password."""
        return self._put(localpart, password)

    def delete(self, localpart: str) -> "Deferred[None]":
        """Delete an account."""
        if localpart not in self.kept:
            return fail(KeyError(localpart))

        def delete(_: None) -> None:
            del self.kept[localpart]

        return self.deleting.addCallback(delete)

    def _put(self, localpart: str, password: str) -> "Deferred[Any]":
        failure, self.failure = self.failure, None
        if failure is not None:
            return fail(failure)
        self.kept[localpart] = password
        return succeed(localpart)
