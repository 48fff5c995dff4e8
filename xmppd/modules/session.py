"""Session establishment (RFC 3921 section 3), which RFC 6120 has done away with.

COMPAT(older clients): those written to RFC 3921 ask for it and do not go on without an answer.
"""

from collections.abc import Iterator

from xmppd.api.host import IHost
from xmppd.api.registrations import (
    HOST,
    OWN_ACCOUNT,
    HandleIq,
    Registration,
    Request,
    StreamContext,
    StreamFeature,
)
from xmppd.wire.element import Element
from xmppd.wire.namespaces import SESSION


class Rfc3921Session:
    """Offers sessions to whoever has logged in, and grants them without doing anything."""

    def __init__(self, host: IHost) -> None:
        pass

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield StreamFeature(self.offer)
        yield HandleIq("set", SESSION, "session", self.establish, at=HOST | OWN_ACCOUNT)

    def offer(self, _context: StreamContext) -> Element:
        """Return the stream feature; `<optional/>` tells newer clients to save the round trip."""
        feature = Element("session", SESSION)
        feature.add("optional")
        return feature

    def establish(self, _request: Request) -> None:
        """Answer with an empty result: whoever is bound has all a session ever was."""
