"""What an operator may set for components' streams."""

from dataclasses import dataclass

from xmppd.stream.limits import StreamLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentSettings:
    """Bounds; see `etc/xmppd.toml` for what each is good for.

    Sizes are bytes, times seconds. `backlog_bytes` is what may wait for a component that reads
    slowly; while a quarter of it does, whoever writes to the component has to wait, and after
    `slow_reader_seconds` of that the stream ends. `inbox_stanzas` and `inbox_bytes` are what may be
    in work for it, or wait behind that. `strangers` counts connections of one network that have
    not proven themselves. A component silent for `idle_seconds` is asked for a sign of life and has
    `answer_seconds` to give one.
    """

    limits: StreamLimits
    backlog_bytes: int
    slow_reader_seconds: float
    inbox_stanzas: int
    inbox_bytes: int
    negotiation_seconds: float
    idle_seconds: float
    answer_seconds: float
    strangers: int
    # Nobody has had a reason yet to set this.
    closing_seconds: float = 5.0
