"""What an operator may set for clients' streams."""

from dataclasses import dataclass
from enum import StrEnum

from xmppd.stream.limits import StreamLimits


class ConflictPolicy(StrEnum):
    """What to do when a client asks for a resource that is taken (RFC 6120 7.7.2.2)."""

    REPLACE = "replace"
    RENAME = "rename"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """Bounds and policies; see `etc/xmppd.toml` for what each is good for.

    Sizes are bytes, times seconds. `connections` counts those of one network, `strangers` those of
    them which have not logged in. While a quarter of `output` waits for a session, whoever writes
    to it is not read, and after `slow_reader_seconds` of that it is cut off. A session silent for
    `idle_seconds` is asked for a sign of life and has `answer_seconds` to give one; after
    `sleep_seconds` it merely costs less memory. So many `tries` to log in, and `bind_tries` to bind
    a resource, may fail on one stream; the last of them ends it.
    """

    limits: StreamLimits
    output: int
    slow_reader_seconds: float
    inbox_stanzas: int
    inbox_bytes: int
    negotiation_seconds: float
    idle_seconds: float
    answer_seconds: float
    tries: int
    sessions: int
    connections: int
    strangers: int
    conflict: ConflictPolicy
    # Nobody has had a reason yet to set these.
    closing_seconds: float = 5.0
    sleep_seconds: float = 30.0
    bind_tries: int = 10
