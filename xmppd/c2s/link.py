"""What carries a session to its client: TCP today, other transports beside it later."""

from zope.interface import Attribute, Interface

from xmppd.stanza.stanza import Stanza
from xmppd.stream.errors import StreamError


class ILink(Interface):
    """One client's connection, as its session sees it."""

    writable: bool = Attribute("whether what is sent now leaves in this turn")

    def send(stanza: Stanza) -> None:
        """Frame a stanza and write it. Never raises, whatever the state of the connection."""

    def pause() -> None:
        """Stop reading from the client."""

    def resume() -> None:
        """Go on reading."""

    def fail(error: StreamError) -> None:
        """End the stream with that error."""
