"""Service Outage Status (XEP-0455): where to look when this server cannot be reached."""

from collections.abc import Iterator
from dataclasses import dataclass

from xmppd.api.host import IHost
from xmppd.api.registrations import Extension, Registration
from xmppd.stanza.forms import Form
from xmppd.stanza.uris import check_uri
from xmppd.wire.element import Element
from xmppd.wire.namespaces import OUTAGE


@dataclass(frozen=True, slots=True)
class OutageSettings:
    """Where clients find out.

    - `addresses`: https: or http: URIs of files as XEP-0455 2.2 has them, on other machines than
      this one, readable by everybody. What is in them is shown to users. Raises `ValueError` for
      what is no such URI.
    """

    addresses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for address in self.addresses:
            check_uri(address, ("https", "http"))


DEFAULTS = OutageSettings()


class Outage:
    """Adds the addresses to what service discovery tells of the host (section 2.1)."""

    def __init__(self, host: IHost, settings: OutageSettings = DEFAULTS) -> None:
        self._addresses = settings.addresses

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature: none if no address is configured."""
        if self._addresses:
            yield Extension(self.form)

    def form(self) -> Element:
        """Return the form."""
        return Form.result(OUTAGE, {"external-status-addresses": self._addresses}).to_element()
