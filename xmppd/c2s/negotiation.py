"""From a connection to a bound session (RFC 6120 sections 4 to 7).

A `Negotiation` answers stream headers and hands everything else to the phase the client has come
to: before it has logged in (TLS and SASL), then until it has bound a resource.
"""

from xmppd.c2s.after_login import AfterLogin
from xmppd.c2s.before_login import BeforeLogin
from xmppd.c2s.channel import IChannel
from xmppd.c2s.hosts import ClientHost
from xmppd.c2s.intake import Intake
from xmppd.c2s.login import LoggedIn
from xmppd.c2s.phase import Phase
from xmppd.c2s.service import ClientService
from xmppd.c2s.session import Session
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Opened, Received
from xmppd.stream.inbound import InboundStream

_ROOM = 2 * 64 * 1024  # twice what Twisted's transports read at a time


class Negotiation:
    """What one connection has negotiated so far."""

    __slots__ = ("_channel", "_intake", "_phase", "_service", "_stream")

    def __init__(self, channel: IChannel, service: ClientService, stream: InboundStream) -> None:
        self._channel: IChannel | None = channel
        self._service = service
        self._stream = stream
        self._intake = Intake(channel, stream, self._take, _ROOM)
        self._phase: Phase = BeforeLogin(channel, service, self._logged_in)

    def receive(self, data: bytes) -> None:
        """Take bytes from the client."""
        self._intake.receive(data)

    def end(self) -> None:
        """Give up: the stream has ended, or its connection is gone."""
        self._channel = None
        self._phase.end()  # first, as work that is given up may yet go on for a while
        self._intake.stop()

    async def _take(self, event: object) -> None:
        """Act on one event of the stream."""
        channel = self._channel
        assert channel is not None
        if isinstance(event, Opened):
            await self._open(channel, event)
        elif isinstance(event, Received):
            await self._phase.element(event.element)
        elif isinstance(event, Stanza):
            await self._phase.stanza(event)
        else:
            channel.end_of_stream(event)

    async def _open(self, channel: IChannel, header: Opened) -> None:
        """Answer a stream header and say what is on offer (RFC 6120 4.2, 4.3)."""
        host = self._find(header.to)
        self._phase.open(host, header)
        channel.write(self._stream.open(host.domain, self._service.token()))
        features = await self._phase.offer()
        channel.write(self._stream.features(features))

    def _find(self, to: JID | None) -> ClientHost:
        if to is None:
            raise StreamError("improper-addressing", "'to' must name the host you want")
        host = self._service.hosts.get(to.domainpart)
        if host is None or to.localpart or to.resourcepart:
            raise StreamError("host-unknown", "this server does not serve that host")
        return host

    def _logged_in(self, login: LoggedIn, host: ClientHost) -> None:
        """Begin the stream anew (RFC 6120 6.4.6)."""
        channel = self._channel
        assert channel is not None
        self._phase = AfterLogin(channel, self._service, login, host, self._bound)
        channel.element(login.success)
        self._stream.restart()
        self._stream.trust()

    def _bound(self, session: Session) -> None:
        """Hand over to the session."""
        channel = self._channel
        assert channel is not None
        self._channel = None
        self._intake.finish()
        self._phase.end()
        channel.establish(session)
