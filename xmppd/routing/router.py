"""The router: every stanza passes here, and here alone exceptions become error stanzas."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from xmppd.api.router import IDomain, IRouter
from xmppd.api.waiting import settle
from xmppd.routing.dispatch import check_iq
from xmppd.stanza.errors import StanzaError, can_be_answered, error_reply
from xmppd.stanza.stanza import Iq, Stanza

WAIT_SECONDS = 60.0
"""How long the work on one stanza may take before it is given up."""


@implementer(IRouter)
class Router:
    """Knows what answers for each domain.

    `elsewhere` takes what is for a domain that is not ours; without it there is nobody to ask.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, wait_seconds: float = WAIT_SECONDS) -> None:
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._domains: dict[str, IDomain] = {}
        self.elsewhere: IDomain | None = None

    def add(self, domain: str, answers: IDomain) -> None:
        """Let `answers` take everything for `domain`. Raises `KeyError` if somebody does."""
        if domain in self._domains:
            raise KeyError(domain)
        self._domains[domain] = answers

    def remove(self, domain: str) -> None:
        """Stop serving `domain`. Raises `KeyError` if nobody does."""
        del self._domains[domain]

    def answering(self, domain: str) -> IDomain | None:
        """Return what answers for a domain that is ours, or None."""
        return self._domains.get(domain)

    def route(self, stanza: Stanza) -> "Deferred[None] | None":
        """Bring a stanza to the domain of its `to` (see `IRouter`)."""
        return self.attempt(stanza, self.deliver, stanza)

    def deliver(self, stanza: Stanza) -> Any:
        """Do the same as a step of `attempt`: raises, and may return an awaitable."""
        if isinstance(stanza, Iq):
            check_iq(stanza)
        return self._hand_over(stanza)

    def _hand_over(self, stanza: Stanza) -> Any:
        to = stanza.to
        if to is None:
            raise StanzaError("jid-malformed")
        domain = self._domains.get(to.domainpart, self.elsewhere)
        if domain is None:
            raise StanzaError("remote-server-not-found")
        return domain.receive(stanza)

    def attempt(
        self, stanza: Stanza, step: Callable[..., Any], *args: Any
    ) -> "Deferred[None] | None":
        """Call `step(*args)` and answer `stanza` with an error if that fails (see `IRouter`)."""
        try:
            waiting = step(*args)
            if waiting is None:
                return None
            waiting = settle(waiting)
        except Exception as error:
            self._failed(stanza, error)
            return None
        if not isinstance(waiting, Deferred):
            return None
        waiting.addTimeout(self._wait_seconds, self._clock, self._overdue)
        return waiting.addErrback(self._failed_late, stanza)

    def _overdue(self, result: Any, _seconds: float) -> Any:
        if isinstance(result, Failure) and isinstance(result.value, CancelledError):
            raise StanzaError("resource-constraint", "this took too long")
        return result

    def _failed_late(self, failure: Failure, stanza: Stanza) -> None:
        assert failure.value is not None  # only Failures made of nothing have none
        self._failed(stanza, failure.value, failure)

    def _failed(self, stanza: Stanza, error: BaseException, failure: Failure | None = None) -> None:
        """Answer a stanza whose way has ended in an exception (RFC 6120 8.3)."""
        if not isinstance(error, StanzaError):
            self._log.failure("routing {stanza} failed", failure=failure, stanza=repr(stanza))
            error = StanzaError("internal-server-error")
        sender = stanza.from_
        if sender is not None and can_be_answered(stanza):
            reply = error_reply(stanza, error)
            if reply.from_ is None:
                reply.from_ = sender.bare  # on behalf of the sender's account (8.1.2.1)
            # What is wrong with an IQ, a missing id say, is wrong with the answer too.
            self.attempt(reply, self._hand_over, reply)
