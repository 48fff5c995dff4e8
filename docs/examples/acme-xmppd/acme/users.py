"""Acme's users: names with scrypt hashes, and the key by which the web site signs tokens.

The file is JSON: `{"key": "...", "users": {"juliet": {"salt": "...", "hash": "..."}}}`, all values
hexadecimal. A token is `juliet:1767225600:...`: the name, when it ends (seconds since 1970) and the
HMAC-SHA-256 of both, hexadecimal.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from acme.token import IToken


@dataclass(frozen=True, slots=True)
class Password:
    """What is kept of a password."""

    salt: bytes = field(repr=False)
    hash: bytes = field(repr=False)

    @classmethod
    def of(cls, password: bytes, salt: bytes) -> "Password":
        """Hash a password; takes long enough to want a thread."""
        return cls(salt, hashlib.scrypt(password, salt=salt, n=2**14, r=8, p=1))

    def is_of(self, password: bytes) -> bool:
        """Tell whether that is the password."""
        return hmac.compare_digest(self.of(password, self.salt).hash, self.hash)


# Somebody unknown is compared with this, and takes as long as a user with a wrong password.
_NOBODY = Password(b"salt", bytes(64))


def sign(key: bytes, name: str, end: int) -> bytes:
    """Return a token for the user of that name, good until `end` (seconds since 1970)."""
    what = f"{name}:{end}".encode()
    return b"%b:%b" % (what, hmac.digest(key, what, "sha256").hex().encode())


@implementer(ICredentialsChecker)
class AcmeUsers:
    """Checks passwords and tokens; `now` returns the seconds since 1970."""

    credentialInterfaces = (IUsernamePassword, IToken)

    def __init__(
        self, key: bytes, users: Mapping[str, Password], now: Callable[[], float] = time.time
    ) -> None:
        self._key = key
        self._users = users
        self._now = now

    @classmethod
    def of_file(cls, path: str) -> "AcmeUsers":
        """Read a file. Raises OSError or ValueError."""
        kept = json.loads(Path(path).read_text())
        users = {
            name: Password(bytes.fromhex(one["salt"]), bytes.fromhex(one["hash"]))
            for name, one in kept["users"].items()
        }
        return cls(bytes.fromhex(kept["key"]), users)

    def requestAvatarId(self, credentials: Any) -> "Deferred[bytes | tuple[()]]":
        """Fire with the user's name as UTF-8, or fail with `UnauthorizedLogin`."""
        if IToken.providedBy(credentials):
            name = self._signed(credentials.token)
            return fail(UnauthorizedLogin()) if name is None else succeed(name.encode())
        kept = self._users.get(credentials.username.decode(), _NOBODY)
        checked = deferToThread(kept.is_of, credentials.password)
        return checked.addCallback(self._welcome, credentials.username)

    def _signed(self, token: bytes) -> str | None:
        """Return whom a token was made for, None for one that is not good (any more)."""
        try:
            name, end, _ = token.decode().split(":")
            good = hmac.compare_digest(sign(self._key, name, int(end)), token)
        except ValueError:
            return None
        return name if good and int(end) > self._now() and name in self._users else None

    def _welcome(self, right: bool, username: bytes) -> bytes:
        if not right:
            raise UnauthorizedLogin
        return username
