"""What we do on a stream we have opened: TLS, the other side's proof, then ours (RFC 6120 5, 6).

Nothing of a user's is sent before the other side has proven to be the domain that is meant, as far
as its policy asks for that.
"""

from base64 import b64encode
from dataclasses import dataclass

from xmppd.net.roots import Flaw
from xmppd.s2s import dialback
from xmppd.s2s.dialback import Answer, Kind, Outcome, Request, read_dialback
from xmppd.s2s.dialled import DialledStream
from xmppd.s2s.pairs import Pair, Proof
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.trust import Judgement
from xmppd.s2s.unreached import NOT_FOUND, TIMEOUT, Cause, NotAccepted, Step, Unreached
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Answered, Features, Received
from xmppd.wire.element import Element
from xmppd.wire.namespaces import (
    BIDI,
    BIDI_FEATURE,
    DIALBACK,
    DIALBACK_FEATURE,
    SASL,
    STREAM_MANAGEMENT,
    TLS,
)


@dataclass(frozen=True, slots=True)
class Greeting:
    """How the other side has answered our header.

    - `id`: the stream's id; `features`: what it offers, an empty element from old servers.
    - `dialback`: whether it knows dialback.
    - `judgement`: what its certificate is worth, None without TLS.
    """

    id: str
    features: Element
    dialback: bool
    judgement: Judgement | None = None

    def offers(self, name: str, ns: str) -> bool:
        """Tell whether it offers a feature."""
        return self.features.child(name, ns) is not None

    @property
    def external(self) -> bool:
        """Whether it would take our certificate for a proof (XEP-0178)."""
        mechanisms = self.features.child("mechanisms", SASL)
        if mechanisms is None:
            return False
        return any(each.text.strip() == "EXTERNAL" for each in mechanisms.elements("mechanism"))


async def secure(
    around: Surroundings, stream: DialledStream, pair: Pair, *, certificate: bool, valid: bool
) -> Greeting:
    """Open a stream under TLS and judge the other side. Raises `Unreached`.

    `certificate` is whether to show ours, `valid` whether theirs must be valid for the domain.
    """
    policy = around.settings.policy(pair.remote)
    if stream.direct:
        await _shake_hands(around, stream, pair, certificate)
        return await _proven(around, stream, pair, valid)
    greeting = await greet(stream, pair)
    offered = greeting.offers("starttls", TLS)
    if not (offered or policy.require_tls or valid):
        return greeting
    # RFC 7590 3.1: where we need TLS, it is tried without an offer, which may have been taken away.
    if not await _is_starting(stream, offered=offered):
        if offered:
            raise Unreached(Step.TLS, "the other server did not begin TLS", TIMEOUT)
        step, text = Step.CERTIFICATE, "without encryption the other server cannot prove who it is"
        if policy.require_tls:
            step, text = Step.TLS, "the other server offers no encryption"
        raise Unreached(step, text, TIMEOUT, final=True, cause=Cause.NO_ENCRYPTION)
    await _shake_hands(around, stream, pair, certificate)
    return await _proven(around, stream, pair, valid)


async def _is_starting(stream: DialledStream, *, offered: bool) -> bool:
    """Ask for TLS, and tell whether it begins. Raises `Unreached` where it was on offer."""
    stream.element(Element("starttls", TLS))
    try:
        event = await _answer(stream)
    except Unreached:
        if offered:
            raise
        return False
    return isinstance(event, Received) and _is(event.element, "proceed", TLS)


async def _answer(stream: DialledStream) -> object:
    """Return the next event that may be an answer. Raises `Unreached`.

    Features are none: servers of before 1.0 that send some all the same do it when they like.
    """
    event = await stream.next()
    while isinstance(event, Features):
        event = await stream.next()
    return event


async def _shake_hands(
    around: Surroundings, stream: DialledStream, pair: Pair, certificate: bool
) -> None:
    contexts = around.dialling
    assert contexts is not None  # there is federation only with certificates or without TLS
    await stream.begin_tls(
        contexts.creator(pair.local, pair.remote, direct=stream.direct, certificate=certificate)
    )


async def _proven(around: Surroundings, stream: DialledStream, pair: Pair, valid: bool) -> Greeting:
    """Judge the certificate before anything else is sent, then open the stream."""
    facts = stream.facts()
    judgement = around.judge(facts.peer_chain if facts is not None else (), pair.remote)
    stream.proven = stream.believe(judgement)
    if valid and not judgement.valid:
        raise Unreached(
            Step.CERTIFICATE, judgement.reason, TIMEOUT, final=True, cause=_flawed(judgement)
        )
    greeting = await greet(stream, pair)
    return Greeting(greeting.id, greeting.features, greeting.dialback, judgement)


def _flawed(judgement: Judgement) -> Cause | None:
    if judgement.trusted:
        return Cause.MISNAMED
    return None if judgement.flaw is None else _FLAWED.get(judgement.flaw)


_FLAWED = {
    Flaw.EXPIRED: Cause.EXPIRED,
    Flaw.EARLY: Cause.EARLY,
    Flaw.SELF_SIGNED: Cause.UNTRUSTED,
    Flaw.UNKNOWN_AUTHORITY: Cause.UNTRUSTED,
}


async def greet(stream: DialledStream, pair: Pair) -> Greeting:
    """Send a header and return what it is answered with. Raises `Unreached`."""
    stream.begin(pair)
    answered = await stream.next()
    if not isinstance(answered, Answered):
        raise _unexpected("a stream header")
    if not answered.version:
        return Greeting(answered.id, Element("features", ""), answered.dialback)
    features = await stream.next()
    if not isinstance(features, Features):
        raise _unexpected("stream features")
    knows = answered.dialback or features.element.child("dialback", DIALBACK_FEATURE) is not None
    return Greeting(answered.id, features.element, knows)


async def prove(
    around: Surroundings,
    stream: DialledStream,
    pair: Pair,
    greeting: Greeting,
    *,
    certificate: bool = True,
) -> None:
    """Prove who we are; then the pair is permitted on the stream. Raises `Unreached`.

    `NotAccepted` is raised if our certificate does not do; on another stream dialback may.
    """
    contexts = around.dialling
    if stream.proven and greeting.offers("bidi", BIDI_FEATURE):
        stream.element(Element("bidi", BIDI))
        stream.pairs.admit(pair, Proof.EXTERNAL)
    if certificate and greeting.external and contexts is not None and contexts.has(pair.local):
        greeting = await _external(stream, pair)
        proof = Proof.EXTERNAL
    elif greeting.dialback:
        await _dialback(around, stream, pair, greeting)
        proof = Proof.DIALBACK
    else:
        text = "the other server takes neither our certificate nor dialback for a proof"
        raise Unreached(Step.PROOF, text, TIMEOUT, final=True, cause=Cause.NO_WAY_TO_PROVE)
    stream.pairs.permit(pair, proof)
    stream.establish(count=greeting.offers("sm", STREAM_MANAGEMENT))


async def _external(stream: DialledStream, pair: Pair) -> Greeting:
    """SASL EXTERNAL, by which the stream begins anew (XEP-0178 3)."""
    said = b64encode(pair.local.encode()).decode()
    stream.element(Element("auth", SASL, {"mechanism": "EXTERNAL"}, [said]))
    try:
        event = await _answer(stream)
    except Unreached as error:  # COMPAT(jabberd2): it closes the stream where others say failure
        raise NotAccepted(error.text) from None
    element = event.element if isinstance(event, Received) else None
    if element is not None and _is(element, "success", SASL):
        stream.restart()
        return await greet(stream, pair)
    if element is not None and _is(element, "failure", SASL):
        why = next((each.name for each in element.elements(ns=SASL)), "no reason given")
        raise NotAccepted(f"the other server does not accept our certificate ({why})")
    raise _unexpected("an answer to SASL")


async def _dialback(
    around: Surroundings, stream: DialledStream, pair: Pair, greeting: Greeting
) -> None:
    """Show a key and wait for what the other side thinks of it (XEP-0220 2.1.1)."""
    key = dialback.make_key(around.secret, pair.remote, pair.local, greeting.id)
    request = Request(Kind.RESULT, pair.local, pair.remote, key)
    answer = await ask(stream, request)
    if answer.outcome is Outcome.INVALID:
        text = "the other server could not confirm by dialback that we are who we are"
        raise Unreached(
            Step.PROOF, text, "internal-server-error", final=True, cause=Cause.NOT_CONFIRMED
        )
    if answer.outcome is Outcome.ERROR:
        why = f"{answer.condition}: {answer.text}" if answer.text else answer.condition
        told = NOT_FOUND if answer.condition == "item-not-found" else TIMEOUT
        text = f"the other server refuses dialback ({why})"
        final, cause = answer.condition in _FINAL, _CAUSES.get(answer.condition)
        raise Unreached(Step.PROOF, text, told, final=final, cause=cause)


_CAUSES = {
    "item-not-found": Cause.NOT_SERVED,
    "policy-violation": Cause.NOT_WELCOME,
    "forbidden": Cause.NOT_WELCOME,
    "resource-constraint": Cause.NOT_NOW,
    "remote-connection-failed": Cause.NOT_ASKED,
    "remote-server-not-found": Cause.NOT_ASKED,
    "remote-server-timeout": Cause.NOT_ASKED,
}

_FINAL = frozenset(
    ("item-not-found", "policy-violation", "not-authorized", "not-acceptable", "forbidden")
)
"""Dialback errors after which it is of no use to try again soon (XEP-0220 2.5)."""


async def ask(stream: DialledStream, request: Request) -> Answer:
    """Return the answer to a dialback request on a stream. Raises `Unreached`."""
    stream.write(request.to_bytes())
    event = await _answer(stream)
    if isinstance(event, Received) and event.element.ns == DIALBACK:
        try:
            answer = read_dialback(event.element)
        except StreamError as error:
            raise _unexpected(f"dialback ({error.condition})") from None
        asked = (request.kind, request.to, request.from_, request.id)
        if isinstance(answer, Answer) and asked == (
            answer.kind,
            answer.from_,
            answer.to,
            answer.id,
        ):
            return answer
    # XEP-0220 3.1: what was not asked for must not count.
    raise _unexpected("an answer to dialback")


def _is(element: Element, name: str, ns: str) -> bool:
    return (element.ns, element.name) == (ns, name)


def _unexpected(wanted: str) -> Unreached:
    return Unreached(Step.STREAM, f"the other server did not send {wanted} when it should", TIMEOUT)
