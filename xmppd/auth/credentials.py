"""Credentials for twisted.cred, made of what a SASL exchange found out.

Usernames and passwords are UTF-8 bytes, as the checkers of twisted.cred compare them. None of
these objects shows a secret in its `repr`.
"""

import hmac
from functools import partial

from twisted.cred.credentials import IUsernameHashedPassword, IUsernamePassword
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface, implementer

from xmppd.api.auth import ICertificateCredentials, IScramCredentials
from xmppd.api.host import IWorkers
from xmppd.auth.locked import is_locked
from xmppd.sasl.digest_md5 import DigestFacts
from xmppd.sasl.exchange import ScramKeys
from xmppd.sasl.external import ExternalFacts
from xmppd.sasl.plain import PlainFacts
from xmppd.sasl.scram import ScramFacts
from xmppd.stanza.prep import saslprep

_SPENT = "spent"


class IFinalData(Interface):
    """Credentials with something to tell the client once they were found right."""

    final: bytes | None = Attribute(
        "additional data of the success (RFC 4422 section 3.6); None until the proof has held"
    )


@implementer(IUsernamePassword, IUsernameHashedPassword)
class PlainCredentials:
    """A name and its claimed password.

    `checkPassword` also serves the checkers that know passwords and compare nothing themselves.
    """

    def __init__(self, facts: PlainFacts) -> None:
        self.username = facts.username.encode()
        self.password = facts.password.encode()

    def checkPassword(self, password: bytes) -> bool:
        """Tell whether `password`, as somebody stored it, is the claimed one."""
        if is_locked(password):
            return False
        try:
            stored = saslprep(password.decode(), allow_unassigned=True)
        except ValueError:
            return False
        return hmac.compare_digest(stored.encode(), self.password)


@implementer(IScramCredentials, IUsernameHashedPassword, IFinalData)
class ScramCredentials:
    """A finished SCRAM exchange, for stores that keep keys and for stores that keep passwords.

    `final` is the server's signature. The keys of a password are derived by `workers`.
    """

    def __init__(self, facts: ScramFacts, workers: IWorkers) -> None:
        self.username = facts.username.encode()
        self.hash = facts.hash
        self.final: bytes | None = None
        self._facts = facts
        self._workers = workers
        self._derived = False

    def check_keys(self, keys: ScramKeys) -> bool:
        """Tell whether the client's proof holds for these keys."""
        self.final = self._facts.check(keys.stored_key, keys.server_key)
        return self.final is not None

    def checkPassword(self, password: bytes) -> Deferred[bool]:
        """Fire with whether the client's proof holds for `password`. Fails with `Busy`."""
        return Deferred.fromCoroutine(self._check_password(password))

    def spend(self) -> Deferred[None]:
        """Take the time of one check, if there was none.

        A store of passwords has nothing to derive keys from for a user it does not know, and
        whoever asked could tell by how long it takes.
        """
        return Deferred.fromCoroutine(self._spend())

    async def _check_password(self, password: bytes) -> bool:
        if is_locked(password):
            return False
        try:
            keys = await self._derive(password.decode())
        except ValueError:
            return False
        return self.check_keys(keys)

    async def _spend(self) -> None:
        if not self._derived:
            await self._derive(_SPENT)

    async def _derive(self, password: str) -> ScramKeys:
        self._derived = True
        keys: ScramKeys = await self._workers.run(partial(self._facts.derive, password))
        return keys


@implementer(IUsernameHashedPassword, IFinalData)
class DigestMd5Credentials:
    """A finished DIGEST-MD5 exchange; `final` is the server's proof, "rspauth=..."."""

    def __init__(self, facts: DigestFacts) -> None:
        self.username = facts.username.encode()
        self.final: bytes | None = None
        self._facts = facts

    def checkPassword(self, password: bytes) -> bool:
        """Tell whether the client's response fits `password`, as somebody stored it."""
        if is_locked(password):
            return False
        try:
            self.final = self._facts.check_password(password.decode())
        except UnicodeDecodeError:
            return False
        return self.final is not None


@implementer(ICertificateCredentials)
class CertificateCredentials:
    """A user for whom the client's verified certificate speaks."""

    def __init__(self, facts: ExternalFacts) -> None:
        self.username = facts.username.encode()
