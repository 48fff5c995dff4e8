"""A stream to a domain, from finding it to being allowed to send (RFC 6120 3 to 6).

Where our certificate is not accepted, dialback is tried on another stream, and that is remembered
for a while. `see-other-host` is followed a few times, but always for the same domain.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from twisted.logger import Logger

from xmppd.s2s.dialled import DialledStream
from xmppd.s2s.finding import Places, Source, connect, find
from xmppd.s2s.negotiating import Greeting, prove, secure
from xmppd.s2s.pairs import Pair
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.targets import MAX_REDIRECTS, Redirect, read_redirect
from xmppd.s2s.troubles import Trouble, Troubles
from xmppd.s2s.unreached import HandshakeFailed, NotAccepted, Refused, Unreached

REMEMBERED_SECONDS = 3600.0
"""For how long a server is not shown our certificate again after it did not like it."""

_MOST = 10_000  # servers remembered

Result = TypeVar("Result")
Use = Callable[[DialledStream, Greeting, bool], Awaitable[Result]]


class Witness:
    """Is told of the steps on the way to a server, as they are made; this one does not care."""

    def found(self, places: Places) -> None:
        """Hear where the domain is said to be."""

    def connected(self, stream: DialledStream) -> None:
        """Hear of a connection to one of these places."""

    def greeted(self, stream: DialledStream, greeting: Greeting) -> None:
        """Hear that the other side has done what has to be before we prove who we are."""

    def failed(self, stream: DialledStream, trouble: Unreached) -> None:
        """Hear that a stream is of no use; it is closed next."""

    def sent_elsewhere(self, redirect: Redirect) -> None:
        """Hear that the way goes on where the other server has said."""

    def again(self, trouble: Unreached) -> None:
        """Hear that the way is gone once more, without our certificate."""


_NOBODY = Witness()


@dataclass(frozen=True, slots=True)
class _Way(Generic[Result]):
    """What is to be reached.

    `must_prove` is whether only a valid certificate will do; at most so many `places` are tried.
    """

    pair: Pair
    use: Use[Result]
    witness: Witness
    must_prove: bool
    places: int | None


class Dialler:
    """Makes streams to other domains. Its methods raise `Unreached`.

    - `troubles`: why `dial` has failed lately.
    """

    _log = Logger()

    def __init__(self, around: Surroundings) -> None:
        self.troubles = Troubles()
        self._around = around
        self._without: dict[str, float] = {}

    async def dial(self, pair: Pair, witness: Witness = _NOBODY) -> DialledStream:
        """Return a stream on which the pair is permitted."""

        async def use(stream: DialledStream, greeting: Greeting, shown: bool) -> DialledStream:
            await prove(self._around, stream, pair, greeting, certificate=shown)
            return stream

        try:
            stream = await self.reach(pair, use, witness)
        except Unreached as trouble:
            self.troubles.note(Trouble(pair, trouble.text, self._around.wall.now()))
            raise
        if self.troubles.forget(pair):
            self._log.info(
                "{domain} can be sent to from {local} again", domain=pair.remote, local=pair.local
            )
        return stream

    async def reach(
        self,
        pair: Pair,
        use: Use[Result],
        witness: Witness = _NOBODY,
        *,
        proven: bool = False,
        places: int | None = None,
    ) -> Result:
        """Open a stream for a pair, and return what `use` makes of it.

        `use` is called with the stream, how it was answered and whether our certificate was shown;
        when it raises, the stream is closed. It is called again, without our certificate, when it
        raises `NotAccepted`. `proven` is whether it is known already who the other side is, so
        that it need not show a valid certificate. Of the places where the domain is served, at
        most `places` are tried, all without.
        """
        required = self._around.settings.policy(pair.remote).require_valid_certificate
        way = _Way(pair, use, witness, required and not proven, places)
        certificate = self._shows_certificate(pair)
        if certificate:
            try:
                return await self._walk(way, certificate=True)
            except (NotAccepted, HandshakeFailed) as trouble:
                # Some servers cannot stand a client certificate: then TLS fails, or EXTERNAL does.
                witness.again(trouble)
        try:
            result = await self._walk(way, certificate=False)
        except Unreached:
            self._without.pop(pair.remote, None)  # so this is not better
            raise
        if certificate:
            self._remember(pair.remote)
        return result

    async def _walk(self, way: _Way[Result], *, certificate: bool) -> Result:
        """Go the way once, as far as others send us."""
        places = await find(self._around, way.pair.remote)
        redirects = 0
        while True:
            way.witness.found(places)
            try:
                return await self._try(way, places, certificate)
            except Refused as refused:
                redirect = self._redirect(refused, way)
                if redirect is None or redirects == MAX_REDIRECTS:
                    raise
            redirects += 1
            way.witness.sent_elsewhere(redirect)
            places = await self._places(redirect)

    async def _try(self, way: _Way[Result], places: Places, certificate: bool) -> Result:
        around, pair = self._around, way.pair
        stream = await connect(around, pair.remote, places.targets[: way.places])
        way.witness.connected(stream)
        try:
            greeting = await secure(
                around, stream, pair, certificate=certificate, valid=way.must_prove
            )
            way.witness.greeted(stream, greeting)
            return await way.use(stream, greeting, certificate)
        except Exception as trouble:
            if isinstance(trouble, Unreached):
                way.witness.failed(stream, trouble)
            stream.close("it was of no use")
            raise

    def _redirect(self, refused: Refused, way: _Way[Result]) -> Redirect | None:
        """Return where a server sends us, None if it does not or we do not go there.

        Whoever is there has to prove the same domain; where that is not asked for, only a server
        that has proven it may send us on.
        """
        policy = self._around.settings.policy(way.pair.remote)
        if not (refused.secure or way.must_prove):
            return None
        if policy.is_placed and not policy.allow_private_addresses:
            return None  # an operator has said where it is
        return read_redirect(refused.see_other_host)

    async def _places(self, redirect: Redirect) -> Places:
        target = redirect.target
        if target is not None:
            return Places((target,), Source.REDIRECT)
        return await find(self._around, redirect.domain)

    def _shows_certificate(self, pair: Pair) -> bool:
        contexts = self._around.dialling
        if contexts is None or not contexts.has(pair.local):
            return False
        until = self._without.get(pair.remote)
        if until is None:
            return True
        if until > self._around.clock.seconds():
            return False
        del self._without[pair.remote]
        return True

    def _remember(self, domain: str) -> None:
        if len(self._without) >= _MOST:
            self._without.clear()
        self._without[domain] = self._around.clock.seconds() + REMEMBERED_SECONDS
