"""One question to a DNS server and its answer, as messages (RFC 1035 section 4.1).

Only an answer to just this question counts: the same id, name, type and class (RFC 5452 section 3).
Anything else, and what cannot be read, is as if it had not come.
"""

import re
import struct
from dataclasses import dataclass

from twisted.names import dns

LARGEST = 8192
"""The longest message that is read, in bytes: some hundred records, which no service has."""

_MALFORMED = (EOFError, ValueError, struct.error)
_LONGEST_NAME = 253
_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")


@dataclass(frozen=True, slots=True)
class Question:
    """Asks for the records of a type (`dns.SRV`, `dns.A` ...) of a name, in lower case.

    `id` is from 0 to 65535 and should not be foreseeable.
    """

    name: str
    kind: int
    id: int

    def to_bytes(self) -> bytes:
        """Return the message, for a server that looks further than at its own data."""
        message = dns.Message(self.id, recDes=1)
        message.queries = [dns.Query(self.name.encode("ascii"), self.kind, dns.IN)]
        return message.toStr()

    def read(self, data: bytes) -> dns.Message | None:
        """Return the answer to this question, None if the bytes are not that."""
        # Reading a long message of long names would take seconds.
        if len(data) > LARGEST:
            return None
        message = dns.Message()
        try:
            message.fromStr(data)
        except _MALFORMED:
            return None
        return message if self._answered_by(message) else None

    def _answered_by(self, message: dns.Message) -> bool:
        if not message.answer or message.id != self.id or len(message.queries) != 1:
            return False
        query = message.queries[0]
        same_name = query.name.name.lower() == self.name.encode("ascii")
        return same_name and (query.type, query.cls) == (self.kind, dns.IN)


def askable(name: str) -> str:
    """Return a name as it can be asked for: in lower case, without a final dot.

    Returns "" for what cannot be the name of a host or service: RFC 1035 section 2.3.4 has the
    lengths; letters, digits, hyphens and underscores are taken, as names are in A-labels.
    """
    plain = name.removesuffix(".").lower()
    return plain if len(plain) <= _LONGEST_NAME and _NAME.fullmatch(plain) else ""
