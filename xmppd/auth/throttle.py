"""Slowing down who guesses passwords, without ever locking anybody out (RFC 6120 13.12, 6.4.5).

Failures are counted by address and by account. What is counted fades, and both tables are bounded:
the entry that has not failed for longest goes first.
"""

from collections import OrderedDict
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address

from twisted.internet.interfaces import IReactorTime

from xmppd.stanza.prep import skeleton

LONGEST = 3.0
"""The longest delay, in seconds."""

_FIRST = 0.1  # seconds after one failure; each further one doubles it
_HALF_LIFE = 60.0  # seconds in which half of what was counted is forgotten
_MOST = 8.0  # failures remembered: enough for the longest delay, few enough to fade soon
_TABLE = 10_000


class Throttle:
    """How long the answer to an attempt has to wait, by the failures seen before.

    `size` bounds each of the two tables. Unknown accounts are counted like known ones. One throttle
    may serve several hosts: accounts of one name then count as one.
    """

    def __init__(self, clock: IReactorTime, size: int = _TABLE) -> None:
        self._addresses = _Tally(clock, size)
        self._accounts = _Tally(clock, size)

    def delay(self, address: str, username: str) -> float:
        """Seconds to wait, at most `LONGEST`; "" for an address or name that is not known."""
        weight = 0.0
        if address:
            weight = self._addresses.weight(_network(address))
        if username:
            weight = max(weight, self._accounts.weight(_name(username)))
        return 0.0 if weight < 0.5 else min(LONGEST, _FIRST * 2.0 ** (weight - 1.0))

    def failed(self, address: str, username: str) -> None:
        """Count a failure."""
        if address:
            self._addresses.add(_network(address))
        if username:
            self._accounts.add(_name(username))

    def __len__(self) -> int:
        """How many addresses and accounts are remembered."""
        return len(self._addresses) + len(self._accounts)


class _Tally:
    """Counts that fade, for at most `size` keys."""

    def __init__(self, clock: IReactorTime, size: int) -> None:
        self._clock = clock
        self._size = size
        self._counts: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def weight(self, key: bytes) -> float:
        count, when = self._counts.get(key, (0.0, 0.0))
        return float(count * 0.5 ** ((self._clock.seconds() - when) / _HALF_LIFE))

    def add(self, key: bytes) -> None:
        self._counts[key] = (min(_MOST, self.weight(key) + 1.0), self._clock.seconds())
        self._counts.move_to_end(key)
        if len(self._counts) > self._size:
            self._counts.popitem(last=False)


def _network(address: str) -> bytes:
    """What is counted as one address: of IPv6 a /64, as that is what one customer has."""
    try:
        ip = ip_address(address)
    except ValueError:
        return _name(address)
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is None:
            return ip.packed[:8]
        ip = ip.ipv4_mapped
    return ip.packed


def _name(text: str) -> bytes:
    # A digest, as names are as long as strangers like.
    return blake2b(_folded(text).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _folded(text: str) -> str:
    """All spellings that lead to one account count as one."""
    try:
        return skeleton(text)
    except ValueError:
        return text
