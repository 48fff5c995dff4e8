"""Dialback requests that come over an accepted stream, and their answers (XEP-0220 2.2).

For `result` we are the receiving server: the key is shown to the server that the DNS names for the
sender's domain. For `verify` we are the authoritative server: the key says itself whether it is
ours.
"""

from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from xmppd.net.networks import network_of
from xmppd.s2s.dialback import Answer, Kind, Outcome, Request
from xmppd.s2s.pairs import Pair, Pairs, Proof, TooManyPairs
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.unreached import bare
from xmppd.s2s.verifying import NotVerified, Verifier
from xmppd.stream.errors import StreamError

AT_ONCE = 8
"""How many keys of one stream are asked about at a time."""


class Asked(Protocol):
    """The stream over which requests come."""

    address: str
    secure: bool
    pairs: Pairs

    @property
    def id(self) -> str:
        """The stream's id, which its keys are for."""

    def certified(self, domain: str) -> bool:
        """Tell whether the certificate shown on the stream is valid for a domain."""

    def write(self, data: bytes) -> None:
        """Write bytes of the stream."""

    def admit(self, pair: Pair, proof: Proof) -> None:
        """Count a pair as proven. Raises `TooManyPairs`, and `StreamError`."""

    def take_up(self, pair: Pair) -> None:
        """Take stanzas of an admitted pair, and send them where that may be: it has been told."""

    def fail(self, error: StreamError) -> None:
        """End the stream with that error."""

    def close(self, reason: str) -> None:
        """End the stream without an error."""


class Receiving:
    """Answers the requests of one stream. `pending` tells whether any has no answer yet."""

    __slots__ = ("_around", "_asked", "_asking", "_stream", "_verifier")

    _log = Logger()

    def __init__(self, around: Surroundings, stream: Asked, verifier: Verifier) -> None:
        self._around = around
        self._stream = stream
        self._verifier = verifier
        self._asking: dict[Pair, Deferred[None]] = {}
        self._asked = 0

    @property
    def pending(self) -> bool:
        """Whether a key is being asked about."""
        return bool(self._asking)

    def take(self, request: Request) -> None:
        """Answer a request, at once or later. Raises `StreamError` for what ends the stream."""
        if request.kind is Kind.VERIFY:
            self._say(self._authoritative(request))
            return
        if self._around.is_ours(request.from_):
            raise StreamError("invalid-from", f"{request.from_} is served here")
        pair = Pair(request.to, request.from_)
        refusal = self._refusal(request, pair)
        if refusal:
            self._say(request.error(*refusal))
        elif self._stream.pairs.incoming(pair) is not None:
            self._say(request.answer(Outcome.VALID))
        else:
            self._asked += 1
            self._ask(request, pair)

    def _authoritative(self, request: Request) -> Answer:
        """XEP-0220 2.2.2."""
        if not self._around.is_ours(request.to):
            return request.error("item-not-found", f"{request.to} is not served here")
        right = request.is_right(self._around.secret)
        return request.answer(Outcome.VALID if right else Outcome.INVALID)

    def _refusal(self, request: Request, pair: Pair) -> tuple[str, str] | None:
        """Return the error for what is not even looked at (XEP-0220 2.5)."""
        settings = self._around.settings
        policy = settings.policy(pair.remote)
        if not self._around.is_ours(pair.local):
            return "item-not-found", f"{pair.local} is not served here"
        if not settings.permits(pair.remote):
            return "policy-violation", f"{pair.remote} is not admitted here"
        if policy.require_tls and not self._stream.secure:
            return "policy-violation", "TLS has to come first"
        if not policy.dialback:
            return "not-authorized", "dialback does not do for that domain"
        if self._stream.pairs.incoming(pair) is not None:
            return None
        if self._asked >= settings.pairs:
            return "resource-constraint", "this stream has asked for too many domains"
        if pair in self._asking or len(self._asking) >= AT_ONCE:
            return "resource-constraint", "too many keys are being asked about"
        return None

    def _ask(self, request: Request, pair: Pair) -> None:
        """Ask the authoritative server (XEP-0220 2.1.2), on a connection made for that.

        A wrong key is refused however good the certificate: who sends one is not to be believed.
        """
        question = Request(Kind.VERIFY, pair.local, pair.remote, request.key, self._stream.id)
        certified = self._stream.certified(pair.remote)
        asking = self._verifier.verify(question, self._stream.address, certified=certified)
        done = asking.addCallbacks(
            lambda proof: self._prove(request, pair, proof),
            lambda failure: self._not_verified(failure, request, pair),
        ).addErrback(self._crashed)
        if not done.called:
            self._asking[pair] = done

    def _prove(self, request: Request, pair: Pair, proof: Proof) -> None:
        self._asking.pop(pair, None)
        try:
            self._stream.admit(pair, proof)
        except TooManyPairs:
            self._say(request.error("resource-constraint", "this stream has too many domains"))
            return
        self._say(request.answer(Outcome.VALID))
        self._stream.take_up(pair)

    def _not_verified(self, failure: Failure, request: Request, pair: Pair) -> None:
        self._asking.pop(pair, None)
        trouble = failure.value
        if not isinstance(trouble, NotVerified | CancelledError):
            failure.raiseException()
        assert trouble is not None  # only Failures made of nothing have none
        failure.cleanFailure()  # type: ignore[no-untyped-call]  # untyped in Twisted
        bare(trouble)
        if isinstance(trouble, NotVerified):
            self._refused(trouble, request, pair)

    def _refused(self, trouble: NotVerified, request: Request, pair: Pair) -> None:
        address = self._stream.address

        def tell() -> None:
            self._log.warn(
                "{domain} is not proven by dialback from {address}: {why}",
                domain=pair.remote,
                address=address,
                why=trouble.text,
            )

        self._around.telling.tell(network_of(address), tell)
        if trouble.condition:
            self._say(request.error(trouble.condition, trouble.told))
        elif self._stream.pairs:
            self._say(request.error("forbidden", trouble.told))
        else:
            self._say(request.answer(Outcome.INVALID))
            self._stream.close("a dialback key was wrong")

    def _crashed(self, failure: Failure) -> None:
        if isinstance(failure.value, StreamError):
            self._stream.fail(failure.value)
            return
        self._log.failure("a dialback key could not be asked about", failure=failure)
        self._stream.fail(StreamError("internal-server-error"))

    def _say(self, answer: Answer) -> None:
        self._stream.write(answer.to_bytes())

    def end(self) -> None:
        """Ask about no keys any more: the stream has ended."""
        for asking in list(self._asking.values()):
            asking.cancel()
        self._asking.clear()
