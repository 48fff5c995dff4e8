"""The connection a negotiation runs on, as the negotiation sees it."""

from typing import Any

from zope.interface import Attribute

from xmppd.c2s.link import ILink
from xmppd.c2s.session import Session
from xmppd.net.tls import ConnectionCreator
from xmppd.wire.element import Element


class IChannel(ILink):
    """A client's connection while its stream is being negotiated."""

    address: str = Attribute("the client's IP address")
    secure: bool = Attribute("whether it is under TLS")
    transport: Any = Attribute("the transport, for who asks it about TLS")

    def dataReceived(data: bytes) -> None:
        """Read on, beginning with what was kept unread and then `data`."""

    def write(data: bytes) -> None:
        """Write bytes of the stream."""

    def element(element: Element) -> None:
        """Write a first-level element."""

    def start_tls(creator: ConnectionCreator) -> None:
        """Put everything from here on under TLS; what came in clear is forgotten."""

    def allow(seconds: float, most: int) -> None:
        """Give the client so much time to negotiate from now on, if that is more than it had.

        Once in a connection, and not while `most` others from its network have been given more.
        """

    def close() -> None:
        """End the stream without an error."""

    def end_of_stream(event: object) -> None:
        """Act on an event that ends the stream."""

    def establish(session: Session) -> None:
        """Negotiation is over: `session` is bound. What has not been read yet is for it."""
