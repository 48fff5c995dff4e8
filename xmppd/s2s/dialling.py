"""A stream to a domain, from finding it to being allowed to send (RFC 6120 3 to 6).

Where our certificate is not accepted, dialback is tried on another stream, and that is remembered
for a while. `see-other-host` is followed a few times, but always for the same domain.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from xmppd.s2s.dialled import DialledStream
from xmppd.s2s.finding import connect, find
from xmppd.s2s.negotiating import Greeting, prove, secure
from xmppd.s2s.pairs import Pair
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.targets import MAX_REDIRECTS, Target, read_redirect
from xmppd.s2s.unreached import HandshakeFailed, NotAccepted, Refused, Unreached

REMEMBERED_SECONDS = 3600.0
"""For how long a server is not shown our certificate again after it did not like it."""

_MOST = 10_000  # servers remembered

Result = TypeVar("Result")
Use = Callable[[DialledStream, Greeting, bool], Awaitable[Result]]


class Dialler:
    """Makes streams to other domains. Its methods raise `Unreached`."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._without: dict[str, float] = {}

    async def dial(self, pair: Pair) -> DialledStream:
        """Return a stream on which the pair is permitted."""
        certificate = self._shows_certificate(pair.remote)
        if certificate:
            with suppress(NotAccepted, HandshakeFailed):
                # Some servers cannot stand a client certificate: then TLS fails, or EXTERNAL does.
                return await self._dial(pair, True)
        try:
            stream = await self._dial(pair, False)
        except Unreached:
            self._without.pop(pair.remote, None)  # so this is not better
            raise
        if certificate:
            self._remember(pair.remote)
        return stream

    async def _dial(self, pair: Pair, certificate: bool) -> DialledStream:
        async def use(stream: DialledStream, greeting: Greeting, shown: bool) -> DialledStream:
            await prove(self._around, stream, pair, greeting, certificate=shown)
            return stream

        return await self.reach(pair, use, certificate=certificate)

    async def reach(self, pair: Pair, use: Use[Result], *, certificate: bool = True) -> Result:
        """Open a stream for a pair, and return what `use` makes of it.

        `use` is called with the stream, how it was answered and `certificate`; when it raises, the
        stream is closed.
        """
        targets = await find(self._around, pair.remote)
        for _ in range(MAX_REDIRECTS):
            try:
                return await self._try(pair, use, targets, certificate)
            except Refused as refused:
                elsewhere = await self._elsewhere(refused, pair.remote)
                if not elsewhere:
                    raise
                targets = elsewhere
        return await self._try(pair, use, targets, certificate)

    async def _try(
        self, pair: Pair, use: Use[Result], targets: list[Target], certificate: bool
    ) -> Result:
        stream = await connect(self._around, pair.remote, targets)
        try:
            greeting = await secure(self._around, stream, pair, certificate=certificate)
            return await use(stream, greeting, certificate)
        except Exception:
            stream.close("it was of no use")
            raise

    async def _elsewhere(self, refused: Refused, domain: str) -> list[Target]:
        """Return where a server sends us, nothing if it does not or we do not go there.

        Whoever is there has to prove the same domain; where that is not asked for, only a server
        that has proven it may send us on.
        """
        policy = self._around.settings.policy(domain)
        redirect = read_redirect(refused.see_other_host)
        if redirect is None or not (refused.secure or policy.require_valid_certificate):
            return []
        if policy.is_placed and not policy.allow_private_addresses:
            return []  # an operator has said where it is
        target = redirect.target
        return [target] if target is not None else await find(self._around, redirect.domain)

    def _shows_certificate(self, domain: str) -> bool:
        until = self._without.get(domain)
        if until is None:
            return True
        if until > self._around.clock.seconds():
            return False
        del self._without[domain]
        return True

    def _remember(self, domain: str) -> None:
        if len(self._without) >= _MOST:
            self._without.clear()
        self._without[domain] = self._around.clock.seconds() + REMEMBERED_SECONDS
