"""Software Version (XEP-0092): the name and version of this server."""

from collections.abc import Iterator
from dataclasses import dataclass

from xmppd import __version__
from xmppd.api.host import IHost
from xmppd.api.registrations import HOST, SERVICE, Feature, HandleIq, Registration, Request
from xmppd.wire.element import Element
from xmppd.wire.namespaces import VERSION


@dataclass(frozen=True, slots=True)
class VersionSettings:
    """What else is told.

    - `os`: the operating system, in the operator's words; "" tells nothing (XEP-0092 section 5).
    """

    os: str = ""


DEFAULTS = VersionSettings()


class Version:
    """Tells anybody who asks the host, or a service of it, which software it is."""

    def __init__(self, host: IHost, settings: VersionSettings = DEFAULTS) -> None:
        self._settings = settings

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield HandleIq("get", VERSION, "query", self.version, at=HOST | SERVICE)
        yield Feature(VERSION, at=HOST | SERVICE)

    def version(self, _request: Request) -> Element:
        """Return name and version, and the operating system if that may be known."""
        query = Element("query", VERSION)
        query.add("name", text="xmppd")
        query.add("version", text=__version__)
        if self._settings.os:
            query.add("os", text=self._settings.os)
        return query
