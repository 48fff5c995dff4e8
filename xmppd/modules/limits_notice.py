"""Stream Limits Advertisement (XEP-0478): what this server takes of a client, told beforehand."""

from collections.abc import Iterator

from xmppd.api.host import IHost
from xmppd.api.registrations import Registration, StreamContext, StreamFeature
from xmppd.wire.element import Element
from xmppd.wire.namespaces import STREAM_LIMITS


class LimitsNotice:
    """Shows each stream the limits it has just then; before logging in they are narrower."""

    def __init__(self, host: IHost) -> None:
        pass

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield StreamFeature(self.limits, when="both")

    def limits(self, context: StreamContext) -> Element | None:
        """Return the stream feature, without what has no bound (section 3.1)."""
        limits = Element("limits", STREAM_LIMITS)
        if context.max_bytes:
            limits.add("max-bytes", text=str(context.max_bytes))
        if context.idle_seconds:
            limits.add("idle-seconds", text=str(context.idle_seconds))
        return limits if limits.children else None
