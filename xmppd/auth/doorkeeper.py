"""Where credentials meet the portal, once per attempt, and where failures are held back.

The conditions are those of RFC 6120 section 6.5.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from twisted.cred.credentials import IUsernameHashedPassword
from twisted.cred.error import LoginFailed, Unauthorized
from twisted.cred.portal import Portal
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from xmppd.api.auth import IAccount
from xmppd.auth.credentials import IFinalData, ScramCredentials
from xmppd.auth.methods import Method
from xmppd.auth.refusals import condition_of
from xmppd.auth.throttle import Throttle
from xmppd.sasl.exchange import Condition, Facts, Failed


@dataclass(frozen=True, slots=True)
class Success:
    """The client is logged in: answer `<success/>`.

    - `data`: additional data for the client (bytes, before base64), None if there is none.
    - `logout`: to be called when the session has ended; calls after the first do nothing.
    - `mechanism`: the name of the mechanism used.
    """

    data: bytes | None = field(repr=False)
    account: IAccount
    logout: Callable[[], None]
    mechanism: str


class Unproven(Exception):
    """A checker has let credentials in whose proof it never looked at."""


class Doorkeeper:
    """Asks `portal` about credentials, as fast as `throttle` allows."""

    _log = Logger()

    def __init__(self, portal: Portal, throttle: Throttle, clock: IReactorTime) -> None:
        self._portal = portal
        self._throttle = throttle
        self._clock = clock

    async def login(self, method: Method, facts: Facts, address: str) -> Success | Failed:
        """Log in from `address` with what an exchange found out.

        Raises what broke in a checker, in the realm or in the factory of the credentials.
        """
        # Also before the check: else guesses made side by side would cost no time.
        waited = self._throttle.delay(address, facts.username)
        await self._pause(waited)
        outcome = await self._ask(method, facts)
        if isinstance(outcome, Failed):
            await self.hold_back(outcome, address, facts.username, waited)
        return outcome

    async def hold_back(
        self, failed: Failed, address: str, username: str = "", waited: float = 0.0
    ) -> None:
        """Count a failed guess and wait before it is answered; other failures pass at once.

        `waited` are the seconds the client has waited already.
        """
        if failed.condition is not Condition.NOT_AUTHORIZED:
            return
        self._log.info("A login from {address} was refused", address=address)
        self._throttle.failed(address, username)
        await self._pause(self._throttle.delay(address, username) - waited)

    async def _ask(self, method: Method, facts: Facts) -> Success | Failed:
        credentials: Any = method.make(facts)
        try:
            _, account, logout = await self._portal.login(credentials, None, IAccount)
        except (LoginFailed, Unauthorized) as error:
            condition = condition_of(error)
            if condition is None:
                raise
            if condition is Condition.NOT_AUTHORIZED:
                await self._level(credentials)
            return Failed(condition)
        logout = once(logout)
        data = None
        if IFinalData.providedBy(credentials):
            data = credentials.final
            if data is None:
                logout()
                raise Unproven(method.name)
        return Success(data, cast("IAccount", account), logout, method.name)

    async def _level(self, credentials: Any) -> None:
        """Let a user no store of passwords knows take as long as one with a wrong password."""
        if IUsernameHashedPassword not in self._portal.checkers:
            return
        if isinstance(credentials, ScramCredentials):
            await credentials.spend()

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            await deferLater(self._clock, seconds)


def once(function: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls `function` at its first call and never again."""
    left = [function]

    def call() -> None:
        if left:
            left.pop()()

    return call
