"""From a domain to a connection: the DNS, then a race of addresses (RFC 6120 3.2, XEP-0368)."""

from collections.abc import Iterator, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from xmppd.api.network import AddressAnswer, LookupFailed, SrvAnswer, SrvRecord, Trouble
from xmppd.net.addresses import refused
from xmppd.net.racing import Attempt, Pace, Unreachable, alternating, race
from xmppd.s2s.dialled import DialledStream
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.targets import Target, find_targets, fixed_target
from xmppd.s2s.unreached import NOT_FOUND, TIMEOUT, Step, Unreached

STARTTLS = "_xmpp-server._tcp."
DIRECT = "_xmpps-server._tcp."


async def find(around: Surroundings, domain: str) -> list[Target]:
    """Return the places where a domain is served, the first to try first. Raises `Unreached`."""
    policy = around.settings.policy(domain)
    if policy.is_placed:
        return [fixed_target(domain, policy.host, policy.port, direct=policy.direct_tls)]
    if refused(domain.removeprefix("[").removesuffix("]")) != "not an IP address":
        return find_targets(domain, (), (), around.draw)
    lookups = [
        _records(around.resolver.srv(f"{service}{domain}")) for service in (STARTTLS, DIRECT)
    ]
    answers = [await lookup for lookup in lookups]
    found: list[tuple[SrvRecord, ...]] = [
        () if isinstance(answer, Trouble) else answer for answer in answers
    ]
    trouble = next((each for each in answers if isinstance(each, Trouble)), None)
    if trouble is not None and not any(found) and not trouble.final:
        raise Unreached(Step.LOOKUP, f"{domain}: {trouble.value}", TIMEOUT)
    targets = find_targets(domain, found[0], found[1], around.draw)
    if not targets:
        text = f"{domain} says that it has no XMPP server for other servers"
        raise Unreached(Step.LOOKUP, text, NOT_FOUND, final=True)
    return targets


def _records(lookup: "Deferred[SrvAnswer]") -> "Deferred[tuple[SrvRecord, ...] | Trouble]":
    """Return what fires with what was found, or with why nothing was."""

    def failed(failure: Failure) -> Trouble:
        error = failure.value
        assert error is not None  # only Failures made of nothing have none
        if isinstance(error, LookupFailed):
            return error.trouble
        raise error

    return lookup.addCallbacks(lambda answer: answer.records, failed)


async def connect(around: Surroundings, domain: str, targets: Sequence[Target]) -> DialledStream:
    """Return a connection to one of these places of a domain. Raises `Unreached`."""
    lookups = [(target, around.resolver.addresses(target.host)) for target in targets]
    attempts: list[Attempt] = []
    problems: list[Unreached] = []
    for target, lookup in lookups:
        answer = await lookup
        try:
            attempts += _attempts(around, domain, target, answer)
        except Unreached as problem:
            problems.append(problem)
    if not attempts:
        raise next((each for each in problems if not each.final), problems[0])
    settings = around.settings
    pace = Pace(attempt=min(30.0, settings.connect_seconds), total=settings.connect_seconds)
    try:
        protocol = await race(attempts, around.connector, around.clock, pace)
    except Unreachable as error:
        raise Unreached(Step.CONNECT, str(error), TIMEOUT) from None
    assert isinstance(protocol, DialledStream)  # our factory has made it
    return protocol


def _attempts(
    around: Surroundings, domain: str, target: Target, answer: AddressAnswer
) -> Iterator[Attempt]:
    """Return the addresses of a place that may be connected to. Raises `Unreached` if none may."""
    if answer.trouble is not None:
        final = answer.trouble.final
        condition = NOT_FOUND if final else TIMEOUT
        raise Unreached(
            Step.LOOKUP, f"{target.host}: {answer.trouble.value}", condition, final=final
        )
    policy = around.settings.policy(domain)
    addresses = alternating(answer)
    if not (policy.is_placed or policy.allow_private_addresses):
        allowed = [address for address in addresses if not refused(address)]
        if not allowed:
            text = f"{target.host} leads to {refused(addresses[0])}, which is not connected to"
            raise Unreached(Step.LOOKUP, text, NOT_FOUND, final=True)
        addresses = allowed
    return (
        Attempt(address, target.port, _Factory(around, address, target)) for address in addresses
    )


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
