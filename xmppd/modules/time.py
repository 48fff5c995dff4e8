"""Entity Time (XEP-0202): the time of day at this server."""

from collections.abc import Iterator

from xmppd.api.host import IHost
from xmppd.api.registrations import HOST, Feature, HandleIq, Registration, Request
from xmppd.stanza.dates import format_datetime
from xmppd.wire.element import Element
from xmppd.wire.namespaces import TIME


class Time:
    """Tells the time in UTC; where on earth the server stands is nobody's business (section 6)."""

    def __init__(self, host: IHost) -> None:
        self._wall = host.wall

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield HandleIq("get", TIME, "time", self.time, at=HOST)
        yield Feature(TIME, at=HOST)

    def time(self, _request: Request) -> Element:
        """Return the time and the offset of the zone it is told in."""
        time = Element("time", TIME)
        time.add("tzo", text="+00:00")
        time.add("utc", text=format_datetime(self._wall.now()))
        return time
