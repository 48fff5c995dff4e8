"""Contact Addresses for XMPP Services (XEP-0157): whom to turn to, shown in service discovery."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from xmppd.api.host import IHost
from xmppd.api.registrations import Extension, Registration
from xmppd.stanza.forms import Form
from xmppd.stanza.uris import check_uri
from xmppd.wire.element import Element
from xmppd.wire.namespaces import SERVER_INFO

_SCHEMES = ("https", "http", "mailto", "xmpp")


@dataclass(frozen=True, slots=True)
class ContactsSettings:
    """Addresses by what they are for, each a URI: mailto:, xmpp:, https: or http:.

    Raises `ValueError` for one that is none.
    """

    abuse: tuple[str, ...] = ()
    admin: tuple[str, ...] = ()
    feedback: tuple[str, ...] = ()
    sales: tuple[str, ...] = ()
    security: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    support: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            for address in getattr(self, field.name):
                check_uri(address, _SCHEMES)


DEFAULTS = ContactsSettings()


class Contacts:
    """Adds the addresses to what service discovery tells of the host."""

    def __init__(self, host: IHost, settings: ContactsSettings = DEFAULTS) -> None:
        given = ((field.name, getattr(settings, field.name)) for field in fields(settings))
        self._addresses = {f"{kind}-addresses": uris for kind, uris in given if uris}

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature: none if no address is configured."""
        if self._addresses:
            yield Extension(self.form)

    def form(self) -> Element:
        """Return the form, without the fields that would be empty."""
        return Form.result(SERVER_INFO, self._addresses).to_element()
