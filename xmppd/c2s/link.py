"""What carries a session to its client: TCP today, other transports beside it later."""

from twisted.internet.defer import Deferred
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

    def begin() -> None:
        """The client's stanzas are worked off from now on, one after the other."""

    def rest() -> "Deferred[None] | None":
        """Return None if there is time for the next one; else what fires when there is."""

    def fail(error: StreamError) -> None:
        """End the stream with that error."""
