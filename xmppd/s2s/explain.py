"""Why another server can or cannot be reached: the real way there, walked and told step by step."""

from collections.abc import Iterator
from dataclasses import dataclass

from typing_extensions import override

from xmppd.s2s.advice import advice
from xmppd.s2s.dialled import DialledStream
from xmppd.s2s.dialling import Dialler, Witness
from xmppd.s2s.finding import Places, Source
from xmppd.s2s.negotiating import Greeting
from xmppd.s2s.pairs import Pair, Proof
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.targets import Redirect, Target
from xmppd.s2s.unreached import Step, Unreached


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one step; `advice` is what to do about it, "" if there is nothing to do."""

    step: str
    ok: bool
    text: str
    advice: str = ""


async def explain(around: Surroundings, pair: Pair) -> list[Told]:
    """Try to reach the domain `pair.remote` for `pair.local`, and tell of each step.

    The stream is made for that and closed; no stanza goes over it. Whether our certificate was
    accepted earlier does not matter. Never raises `Unreached`.
    """
    teller = _Teller(pair)
    try:
        if not around.settings.permits(pair.remote):
            text = f"this server is told to have nothing to do with {pair.remote}"
            raise Unreached(Step.POLICY, text, "not-allowed", final=True)
        stream = await Dialler(around).dial(pair, teller)
    except Unreached as trouble:
        teller.end(trouble)
    else:
        teller.proven(stream)
        stream.close("it was made to see whether it can be")
    return list(dict.fromkeys(teller.told))


class _Teller(Witness):
    """Puts what happens on the way into words."""

    def __init__(self, pair: Pair) -> None:
        self.told: list[Told] = []
        self._pair = pair
        self._places: Places | None = None

    @override
    def found(self, places: Places) -> None:
        self._places = places
        if places.source is not Source.DOMAIN:
            self._tell_places()

    def _tell_places(self) -> None:
        """Say where the domain is; where nobody says so, not before its name is known to exist."""
        places, self._places = self._places, None
        if places is not None:
            shown = ", ".join(map(_shown, places.targets))
            self._ok(Step.LOOKUP, _SOURCES[places.source].format(places=shown))

    @override
    def connected(self, stream: DialledStream) -> None:
        self._tell_places()
        self._ok(Step.CONNECT, f"{stream.address} port {stream.port} answers")

    @override
    def greeted(self, stream: DialledStream, greeting: Greeting) -> None:
        self.told += _tls(stream)
        judgement = greeting.judgement
        if judgement is None:
            self._ok(Step.TLS, "there is none, and it is not asked for")
        elif judgement.valid:
            names = ", ".join(judgement.names)
            self._ok(Step.CERTIFICATE, f"it is believed, and valid for {names}")
        else:
            self._ok(Step.CERTIFICATE, f"{judgement.reason}; but that is not asked for")

    @override
    def failed(self, stream: DialledStream, trouble: Unreached) -> None:
        if trouble.step in (Step.CERTIFICATE, Step.STREAM, Step.PROOF):
            self.told += _tls(stream)

    @override
    def sent_elsewhere(self, redirect: Redirect) -> None:
        target = redirect.target
        place = redirect.domain if target is None else _shown(target)
        self._ok(Step.STREAM, f"the other server sends us on to {place}")

    @override
    def again(self, trouble: Unreached) -> None:
        self._ok(trouble.step, f"{trouble.text}, so it is tried without")

    def proven(self, stream: DialledStream) -> None:
        """Tell how we have proven who we are."""
        external = stream.pairs.outgoing(self._pair) is Proof.EXTERNAL
        proof = "our certificate" if external else "dialback"
        self._ok(Step.PROOF, f"{proof} was accepted")

    def end(self, trouble: Unreached) -> None:
        """Tell of the step that has failed."""
        if trouble.step is not Step.LOOKUP:
            self._tell_places()
        what = advice(trouble, self._pair)
        self.told.append(Told(trouble.step.value, False, trouble.text, what))

    def _ok(self, step: Step, text: str) -> None:
        self.told.append(Told(step.value, True, text))


def _shown(target: Target) -> str:
    return f"{target.host} port {target.port}{' (direct TLS)' if target.direct else ''}"


def _tls(stream: DialledStream) -> Iterator[Told]:
    facts = stream.facts() if stream.secure and stream.transport is not None else None
    if facts is not None:
        yield Told(Step.TLS.value, True, f"{facts.version}, {facts.cipher}")


_SOURCES = {
    Source.CONFIGURED: "the configuration says {places}",
    Source.RECORDS: "by the DNS it is {places}",
    Source.DOMAIN: "there are no SRV records, so the domain itself is tried: {places}",
    Source.ADDRESS: "it is an address, so the DNS is not asked: {places}",
    Source.REDIRECT: "the other server says {places}",
}
