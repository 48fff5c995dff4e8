"""One attempt of one client to authenticate: an exchange, and what it waits for (RFC 6120 6.4)."""

import traceback
from typing import assert_never

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from xmppd.api.auth import IScramKeys
from xmppd.api.waiting import settle
from xmppd.auth.doorkeeper import Doorkeeper, Success
from xmppd.auth.methods import Method
from xmppd.sasl.exchange import (
    Challenge,
    Condition,
    Exchange,
    Failed,
    NeedKeys,
    Outcome,
    SaslContext,
    Verify,
)

Answer = Challenge | Success | Failed
"""What the client is to be told after a step; the last two end the attempt."""


class Attempt:
    """Feeds the client's messages to an exchange and answers each, within `patience` seconds.

    The caller holds further messages of the client back while a step waits.
    """

    __slots__ = (
        "_address",
        "_answer",
        "_clock",
        "_context",
        "_deadline",
        "_doorkeeper",
        "_exchange",
        "_keys",
        "_method",
        "_over",
        "_timer",
    )

    _log = Logger()

    def __init__(
        self,
        method: Method,
        context: SaslContext,
        address: str,
        *,
        keys: IScramKeys,
        doorkeeper: Doorkeeper,
        clock: IReactorTime,
        patience: float,
    ) -> None:
        self._method = method
        self._context = context
        self._address = address
        self._keys = keys
        self._doorkeeper = doorkeeper
        self._clock = clock
        self._deadline = clock.seconds() + patience
        self._exchange: Exchange | None = None
        self._answer: Deferred[Answer] | None = None
        self._timer: IDelayedCall | None = None
        self._over = False

    def step(self, data: bytes | None) -> Deferred[Answer]:
        """Take the client's message (see `Exchange.step`) and fire with what to answer.

        The Deferred never fails, unless it is cancelled, which aborts the attempt. A message that
        comes while the one before waits, or when all is over, is a malformed request and ends it.
        """
        if self._over or self._answer is not None:
            self.abort()
            return succeed(Failed(Condition.MALFORMED_REQUEST, "No message was expected here."))
        answer: Deferred[Answer] = Deferred(self._cancelled)
        self._answer = answer
        outcome = settle(self._advance(data))
        if not isinstance(outcome, Deferred):
            self._arrived(outcome)
            return answer
        outcome.addCallback(self._arrived)
        if self._answer is not None:
            left = max(0.0, self._deadline - self._clock.seconds())
            self._timer = self._clock.callLater(left, self._expire)
        return answer

    def abort(self) -> Failed:
        """End the attempt and return the answer to `<abort/>`.

        Also for when the client is gone or begins anew. A step that waits fires with the same. If
        the login goes through nevertheless, it is logged out at once.
        """
        aborted = Failed(Condition.ABORTED)
        self._over = True
        self._reply(aborted)
        return aborted

    async def _advance(self, data: bytes | None) -> Answer:
        try:
            return await self._take(data)
        except Exception as error:
            # Without its message and arguments: a checker may have put a password into them.
            self._log.error(
                "Authentication by {mechanism} broke down: {kind}\n{trace}",
                mechanism=self._method.name,
                kind=type(error).__name__,
                trace="".join(traceback.format_tb(error.__traceback__)),
            )
            return Failed(Condition.TEMPORARY_AUTH_FAILURE)

    async def _take(self, data: bytes | None) -> Answer:
        if self._exchange is None:
            self._exchange = self._method.mechanism.start(self._context)
        outcome: Outcome = self._exchange.step(data)
        while isinstance(outcome, NeedKeys):
            keys = await self._keys.lookup(outcome.username, outcome.hash)
            outcome = self._exchange.keys(keys)
        match outcome:
            case Verify():
                return await self._doorkeeper.login(self._method, outcome.facts, self._address)
            case Failed():
                await self._doorkeeper.hold_back(outcome, self._address)
                return outcome
            case Challenge():
                return outcome
        assert_never(outcome)

    def _arrived(self, answer: Answer) -> None:
        if not self._over:
            self._over = not isinstance(answer, Challenge)
            self._reply(answer)
        elif isinstance(answer, Success):
            # Too late: nobody waits for it.
            answer.logout()

    def _expire(self) -> None:
        self._log.warn("Authentication by {mechanism} took too long", mechanism=self._method.name)
        self._over = True
        self._reply(Failed(Condition.TEMPORARY_AUTH_FAILURE))

    def _cancelled(self, answer: Deferred[Answer]) -> None:
        self._over = True
        self._rest()

    def _reply(self, outcome: Answer) -> None:
        answer = self._rest()
        if answer is not None:
            answer.callback(outcome)

    def _rest(self) -> Deferred[Answer] | None:
        """Stop waiting; return the Deferred the caller holds, if any."""
        answer, self._answer = self._answer, None
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        return answer
