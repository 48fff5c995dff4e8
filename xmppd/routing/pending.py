"""Our own IQ requests, waiting for their answers (RFC 6120 8.2.3)."""

from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from xmppd.stanza.errors import DEFAULT_TYPES, ErrorType, StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq
from xmppd.wire.namespaces import STANZA_ERRORS

LIMIT = 10_000

_TYPES = frozenset(ErrorType)


class PendingRequests:
    """Matches answers to requests by id and by who was asked.

    An answer from anybody else is no answer (a stranger must not answer for the one asked).
    At most `limit` requests wait at a time.
    """

    def __init__(self, clock: IReactorTime, limit: int = LIMIT) -> None:
        self._clock = clock
        self._limit = limit
        self._waiting: dict[tuple[str, JID | None, JID | None], _Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def expect(self, iq: Iq, timeout: float) -> "Deferred[Iq]":
        """Wait for the answer to `iq` (id and addresses set) for `timeout` seconds.

        Fires with the result. Fails with `StanzaError`: the answer's, `remote-server-timeout`,
        `resource-constraint` when too many are waiting, or `conflict` when one of that id is.
        """
        key = (iq.id, iq.to, iq.from_)
        if len(self._waiting) >= self._limit:
            return fail(StanzaError("resource-constraint", "too many requests wait for answers"))
        if key in self._waiting:
            return fail(StanzaError("conflict", "a request of that id waits for its answer"))
        answer: Deferred[Iq] = Deferred(lambda _: self._drop(key))
        timer = self._clock.callLater(timeout, self._expire, key)
        self._waiting[key] = _Waiting(answer, timer)
        return answer

    def knows(self, iq: Iq) -> bool:
        """Tell whether `iq` answers a request that waits."""
        return (iq.id, iq.from_, iq.to) in self._waiting

    def answer(self, iq: Iq) -> bool:
        """Take an IQ result or error; tell whether somebody was waiting for it."""
        waiting = self._forget((iq.id, iq.from_, iq.to))
        if waiting is None:
            return False
        if iq.type == "result":
            waiting.answer.callback(iq)
        else:
            waiting.answer.errback(read_error(iq))
        return True

    def abandon(self) -> None:
        """Fail everything that waits, for the host is going down."""
        for key in list(self._waiting):
            self._expire(key)

    def _drop(self, key: Any) -> None:
        self._forget(key)

    def _expire(self, key: Any) -> None:
        waiting = self._forget(key)
        if waiting is not None:
            waiting.answer.errback(StanzaError("remote-server-timeout"))

    def _forget(self, key: Any) -> "_Waiting | None":
        waiting = self._waiting.pop(key, None)
        if waiting is not None and waiting.timer.active():
            waiting.timer.cancel()
        return waiting


class _Waiting:
    """One request: who waits, and until when."""

    __slots__ = ("answer", "timer")

    def __init__(self, answer: "Deferred[Iq]", timer: IDelayedCall) -> None:
        self.answer = answer
        self.timer = timer


def read_error(iq: Iq) -> StanzaError:
    """Return the error an IQ of type error carries, `undefined-condition` if it says none."""
    error = iq.child("error")
    if error is not None:
        for element in error.elements(ns=STANZA_ERRORS):
            if element.name in DEFAULT_TYPES:
                text = error.child("text", STANZA_ERRORS)
                said = error.attrs.get("type", "")
                return StanzaError(
                    element.name,
                    "" if text is None else text.text,
                    type=ErrorType(said) if said in _TYPES else None,
                )
    return StanzaError("undefined-condition")
