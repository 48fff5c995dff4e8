"""From a domain to a connection: the DNS, then a race of addresses (RFC 6120 3.2, XEP-0368)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from xmppd.api.network import AddressAnswer, LookupFailed, SrvAnswer, SrvRecord, Trouble
from xmppd.net.addresses import refused
from xmppd.net.racing import Attempt, Pace, Place, Unreachable, alternating, race
from xmppd.s2s.dialled import DialledStream
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.targets import Target, find_targets, fixed_target, literal
from xmppd.s2s.unreached import NOT_FOUND, TIMEOUT, Cause, Step, Unreached

STARTTLS = "_xmpp-server._tcp."
DIRECT = "_xmpps-server._tcp."

MAX_ADDRESSES = 8
"""How many addresses of one place are tried: one that is dead must not use up all attempts."""


class Source(Enum):
    """Who says where a domain is."""

    CONFIGURED = "an operator"
    RECORDS = "the SRV records of the domain"
    DOMAIN = "nobody, so it is tried where its own name leads to"
    ADDRESS = "the domain itself, which is an IP address"
    REDIRECT = "another server"


@dataclass(frozen=True, slots=True)
class Places:
    """Where a domain is served, the first to try first, and who says so."""

    targets: tuple[Target, ...]
    source: Source


async def find(around: Surroundings, domain: str) -> Places:
    """Return the places where a domain is served. Raises `Unreached`."""
    policy = around.settings.policy(domain)
    if policy.is_placed:
        target = fixed_target(domain, policy.host, policy.port, direct=policy.direct_tls)
        return Places((target,), Source.CONFIGURED)
    if literal(domain):
        return Places(tuple(find_targets(domain, (), (), around.draw)), Source.ADDRESS)
    lookups = [
        _records(around.resolver.srv(f"{service}{domain}")) for service in (STARTTLS, DIRECT)
    ]
    answers = [await lookup for lookup in lookups]
    found: list[tuple[SrvRecord, ...]] = [
        () if isinstance(answer, Trouble) else answer for answer in answers
    ]
    targets = find_targets(domain, found[0], found[1], around.draw)
    if any(found) and targets:
        return Places(tuple(targets), Source.RECORDS)
    # Only if there are no records at all the domain itself is the place: while that is not known,
    # neither is anything else.
    for answer in answers:
        if isinstance(answer, Trouble) and not answer.final:
            raise _silent(domain, answer)
    if targets:
        return Places(tuple(targets), Source.DOMAIN)
    text = f"{domain} says that it has no XMPP server for other servers"
    raise Unreached(Step.LOOKUP, text, NOT_FOUND, final=True, cause=Cause.NO_SERVICE)


def _records(lookup: "Deferred[SrvAnswer]") -> "Deferred[tuple[SrvRecord, ...] | Trouble]":
    """Return what fires with what was found, or with why nothing was."""

    def failed(failure: Failure) -> Trouble:
        error = failure.value
        assert error is not None  # only Failures made of nothing have none
        if isinstance(error, LookupFailed):
            return error.trouble
        raise error

    return lookup.addCallbacks(lambda answer: answer.records, failed)


def _silent(name: str, trouble: Trouble) -> Unreached:
    """Return the error for a name of which nothing is known."""
    cause = Cause.ALIASES if trouble is Trouble.LOOP else Cause.NO_ANSWER
    return Unreached(Step.LOOKUP, f"{name}: {trouble.value}", TIMEOUT, cause=cause)


async def connect(around: Surroundings, domain: str, targets: Sequence[Target]) -> DialledStream:
    """Return a connection to one of these places of a domain. Raises `Unreached`."""
    problems: dict[Target, Unreached] = {}
    places = [
        Place(target.priority, partial(_look_up, around, domain, target, problems))
        for target in targets
    ]
    total = around.settings.connect_seconds
    pace = Pace(rank=min(4.0, total / 4), attempt=min(30.0, total), total=total)
    try:
        protocol = await race(places, around.connector, around.clock, pace)
    except Unreachable as error:
        raise _unreached(error, list(problems.values())) from None
    assert isinstance(protocol, DialledStream)  # our factory has made it
    return protocol


def _unreached(error: Unreachable, problems: Sequence[Unreached]) -> Unreached:
    """Return what is to be said if no place could be connected to."""
    if not error.reasons and problems:
        return next((each for each in problems if not each.final), problems[0])
    texts = [str(error), *(problem.text for problem in problems)]
    only_ipv6 = not problems and all(":" in reason.address for reason in error.reasons)
    cause = Cause.ONLY_IPV6 if error.reasons and only_ipv6 else None
    return Unreached(Step.CONNECT, "; ".join(texts), TIMEOUT, cause=cause)


def _look_up(
    around: Surroundings, domain: str, target: Target, problems: dict[Target, Unreached]
) -> "Deferred[Sequence[Attempt]]":
    """Return what fires with the attempts to make; why there are none is put to the problems."""

    def answered(answer: AddressAnswer) -> Sequence[Attempt]:
        addresses = _addresses(around, domain, target, answer)
        if isinstance(addresses, Unreached):
            problems[target] = addresses
            return ()
        del problems[target]
        return [
            Attempt(address, target.port, _Factory(around, address, target))
            for address in addresses[:MAX_ADDRESSES]
        ]

    problems[target] = _silent(target.host, Trouble.TIMEOUT)  # unless it answers in time
    return around.resolver.addresses(target.host).addCallback(answered)


def _addresses(
    around: Surroundings, domain: str, target: Target, answer: AddressAnswer
) -> list[str] | Unreached:
    """Return the addresses of a place that may be connected to, or why there are none."""
    policy, host = around.settings.policy(domain), target.host
    trouble = answer.trouble
    if trouble is not None and not trouble.final:
        return _silent(host, trouble)
    if trouble is not None:
        why = trouble.value if trouble is Trouble.NO_NAME else "the name exists, but has no address"
        text = f"{host}: {why}"
        return Unreached(Step.LOOKUP, text, NOT_FOUND, final=True, cause=Cause.NO_NAME)
    addresses = alternating(answer)
    if policy.is_placed or policy.allow_private_addresses:
        return addresses
    allowed = [address for address in addresses if not refused(address)]
    if allowed:
        return allowed
    text = f"{host} leads to {refused(addresses[0])}, which is not connected to"
    return Unreached(Step.LOOKUP, text, NOT_FOUND, final=True, cause=Cause.NOT_PUBLIC)


@implementer(IProtocolFactory)
class _Factory:
    """Makes the stream of one attempt."""

    noisy = False

    def __init__(self, around: Surroundings, address: str, target: Target) -> None:
        self._around = around
        self._address = address
        self._target = target

    def doStart(self) -> None:
        """Do nothing when an attempt begins."""

    def doStop(self) -> None:
        """Do nothing when an attempt ends."""

    def buildProtocol(self, addr: IAddress | None) -> IProtocol:
        """Return the protocol for the connection."""
        target = self._target
        return DialledStream(self._around, self._address, target.port, direct=target.direct)
