"""Why another server can or cannot be reached: the real way there, walked and told step by step."""

from collections.abc import Iterator
from dataclasses import dataclass

from xmppd.s2s.dialled import DialledStream
from xmppd.s2s.finding import connect, find
from xmppd.s2s.negotiating import Greeting, prove, secure
from xmppd.s2s.pairs import Pair, Proof
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.targets import Target
from xmppd.s2s.unreached import (
    NOT_FOUND,
    HandshakeFailed,
    NotAccepted,
    Refused,
    Step,
    Unreached,
)


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one step; `advice` is what to do about it, "" if there is nothing to do."""

    step: str
    ok: bool
    text: str
    advice: str = ""


async def explain(around: Surroundings, pair: Pair) -> list[Told]:
    """Try to reach the domain `pair.remote` for `pair.local`, and tell of each step.

    The stream is made for that and closed; no stanza goes over it. Never raises.
    """
    told: list[Told] = []
    try:
        if not around.settings.permits(pair.remote):
            text = f"this server is told to have nothing to do with {pair.remote}"
            raise Unreached(Step.POLICY, text, "not-allowed", final=True)
        try:
            await _walk(around, pair, told, certificate=True)
        except (NotAccepted, HandshakeFailed) as trouble:
            told.append(_ok(trouble.step, f"{trouble.text}, so it is tried without"))
            await _walk(around, pair, told, certificate=False)
    except Unreached as trouble:
        told.append(_failed(trouble, pair))
    return list(dict.fromkeys(told))


async def _walk(around: Surroundings, pair: Pair, told: list[Told], *, certificate: bool) -> None:
    """Go the whole way, and tell of each step that works. Raises `Unreached`.

    `certificate` is whether to show ours.
    """
    targets = await find(around, pair.remote)
    told.append(_ok(Step.LOOKUP, _places(targets, placed=_is_placed(around, pair))))
    stream = await connect(around, pair.remote, targets)
    try:
        told.append(_ok(Step.CONNECT, f"{stream.address} port {stream.port} answers"))
        greeting = await secure(around, stream, pair, certificate=certificate)
        told += _security(stream, greeting)
        await prove(around, stream, pair, greeting, certificate=certificate)
        told += _proof(stream, pair)
    except Unreached as trouble:
        if trouble.step in (Step.CERTIFICATE, Step.STREAM, Step.PROOF):
            told += _tls(stream)
        raise
    finally:
        stream.close("it was made to see whether it can be")


def _is_placed(around: Surroundings, pair: Pair) -> bool:
    return around.settings.policy(pair.remote).is_placed


def _places(targets: list[Target], *, placed: bool) -> str:
    shown = ", ".join(
        f"{target.host} port {target.port}{' (direct TLS)' if target.direct else ''}"
        for target in targets
    )
    return f"the configuration says {shown}" if placed else f"by the DNS it is {shown}"


def _tls(stream: DialledStream) -> Iterator[Told]:
    facts = stream.facts() if stream.secure and stream.transport is not None else None
    if facts is not None:
        yield _ok(Step.TLS, f"{facts.version}, {facts.cipher}")


def _security(stream: DialledStream, greeting: Greeting) -> Iterator[Told]:
    yield from _tls(stream)
    judgement = greeting.judgement
    if judgement is None:
        yield Told(Step.TLS.value, True, "there is none, and it is not asked for")
    elif judgement.valid:
        names = ", ".join(judgement.names)
        yield _ok(Step.CERTIFICATE, f"it is believed, and valid for {names}")
    else:
        yield _ok(Step.CERTIFICATE, f"{judgement.reason}; but that is not asked for")


def _proof(stream: DialledStream, pair: Pair) -> Iterator[Told]:
    external = stream.pairs.outgoing(pair) is Proof.EXTERNAL
    yield _ok(Step.PROOF, "our certificate was accepted" if external else "dialback was accepted")


def _ok(step: Step, text: str) -> Told:
    return Told(step.value, True, text)


def _failed(trouble: Unreached, pair: Pair) -> Told:
    advice = _ADVICE[trouble.step].format(remote=pair.remote, local=pair.local)
    if isinstance(trouble, Refused) and trouble.condition == NOT_FOUND:
        advice = (
            f"Is the name right? If so, those who run {pair.remote} have to see to its entries in "
            "the DNS, or to that server."
        )
    elif isinstance(trouble, Refused):
        advice = f"Ask those who run {pair.remote}: their log says why they refuse {pair.local}."
    return Told(trouble.step.value, False, trouble.text, advice)


_ADVICE = {
    Step.POLICY: "Change s2s.allowed or s2s.blocked if that is not what you want.",
    Step.LOOKUP: (
        "Is the name right? Those who run {remote} have to publish where it is; if you know, set "
        'host in [s2s.domain."{remote}"].'
    ),
    Step.CONNECT: (
        "The server is down, or something on the way keeps the port closed: see whether other "
        "servers can be reached, and whether your own firewall lets connections out."
    ),
    Step.TLS: (
        "Those who run {remote} have to see to its TLS; without it, traffic is possible only "
        "if require_tls and require_valid_certificate are false for it."
    ),
    Step.CERTIFICATE: (
        "Those who run {remote} have to install a valid certificate. If you know theirs to be "
        'right, name it as ca in [s2s.domain."{remote}"].'
    ),
    Step.STREAM: "Try again later; if it stays so, ask those who run {remote}.",
    Step.PROOF: (
        "Is the certificate of {local} valid, and does the DNS lead other servers to this one? "
        "xmppdctl check looks at both."
    ),
}
