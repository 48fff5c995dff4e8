"""Who are you? TLS and SASL on a client's stream (RFC 6120 sections 5 and 6, XEP-0178)."""

from collections.abc import Callable
from dataclasses import replace

from xmppd.api.registrations import StreamContext
from xmppd.c2s.channel import IChannel
from xmppd.c2s.features import Shown, answer, extensions, mechanisms, starttls
from xmppd.c2s.hosts import ClientHost
from xmppd.c2s.login import LoggedIn, Login
from xmppd.c2s.newcomers import handler_of
from xmppd.c2s.phase import is_account
from xmppd.c2s.service import ClientService
from xmppd.net.networks import network_of
from xmppd.net.tls import TlsFacts, tls_facts
from xmppd.sasl.binding import announced
from xmppd.sasl.exchange import SaslContext
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Opened
from xmppd.wire.element import Element
from xmppd.wire.namespaces import SASL, TLS


class BeforeLogin:
    """The stream of a client who has not proven anything yet (see `Phase`).

    `done` is called once the client has logged in, before it is told so.
    """

    __slots__ = ("_channel", "_claimed", "_done", "_facts", "_host", "_login", "_service")

    _host: ClientHost  # known since a header has been answered

    def __init__(
        self,
        channel: IChannel,
        service: ClientService,
        done: Callable[[LoggedIn, ClientHost], None],
    ) -> None:
        self._channel: IChannel | None = channel
        self._service = service
        self._done: Callable[[LoggedIn, ClientHost], None] | None = done
        self._facts: TlsFacts | None = None
        self._claimed: JID | None = None
        self._login: Login | None = None

    def open(self, host: ClientHost, header: Opened) -> None:
        """Take note of the stream; under TLS, hold SNI against our hosts (RFC 9325 3.7)."""
        channel = self._channel
        assert channel is not None
        if channel.secure and self._facts is None:
            self._facts = tls_facts(channel.transport)
            named = self._facts.server_name if self._facts is not None else ""
            if named and named not in self._service.hosts:
                raise StreamError("host-unknown", "TLS was begun with a host not served here")
        self._host = host
        self._claimed = header.from_

    async def offer(self) -> list[Element | bytes]:
        """Offer TLS, then ways to log in; nothing beside TLS where that is required (5.3.1)."""
        channel, host = self._channel, self._host
        assert channel is not None
        offered: list[Element | bytes] = []
        if not channel.secure and self._service.contexts is not None:
            offered.append(starttls(required=host.tls_required))
        if channel.secure or not host.tls_required:
            self._login = await self._begin(channel, host)
            context = self._login.context
            offered.append(mechanisms(context.offered, context.offered_bindings))
        offered += [shown for _, shown in self._extensions(channel)]
        return offered

    async def _begin(self, channel: IChannel, host: ClientHost) -> Login:
        """Choose what this stream is offered to log in with."""
        facts = self._facts
        certified = host.certified(facts.peer_chain, self._service.utcnow()) if facts else ()
        possible = SaslContext(
            domain=host.domain,
            entropy=self._service.entropy.token_bytes,
            secure=channel.secure,
            bindings=facts.bindings if facts else {},
            certified=certified,
        )
        names = await host.authenticator.offered(possible)
        context = replace(possible, offered=names, offered_bindings=announced(possible, names))
        return Login(host.authenticator, context, channel.address, 0)

    def _context(self, channel: IChannel) -> StreamContext:
        limits = self._service.settings.limits.before_authentication()
        return StreamContext(
            self._host.domain,
            channel.secure,
            address=channel.address,
            network=network_of(channel.address),
            max_bytes=limits.stanza,
        )

    def _extensions(self, channel: IChannel) -> list[Shown]:
        if self._host.tls_required and not channel.secure:
            return []
        context = self._context(channel)
        return list(extensions(self._host.features(), "before-login", context))

    async def element(self, element: Element) -> None:
        """Begin TLS, go on with SASL, or let the feature answer whose element it is."""
        channel = self._channel
        assert channel is not None
        if (element.ns, element.name) == (TLS, "starttls"):
            self._start_tls(channel)
        elif element.ns == SASL:
            await self._sasl(channel, element)
        else:
            answers = answer(self._extensions(channel), self._context(channel), element)
            if answers is None:
                raise StreamError("not-authorized", "log in first")
            for each in answers:
                channel.element(each)

    def _start_tls(self, channel: IChannel) -> None:
        """RFC 6120 5.4.2, 5.4.3."""
        contexts = self._service.contexts
        if channel.secure or contexts is None:
            channel.element(Element("failure", TLS))
            channel.close()
            return
        channel.element(Element("proceed", TLS))
        self._login = None
        channel.start_tls(contexts.creator(self._host.domain))

    async def _sasl(self, channel: IChannel, element: Element) -> None:
        login = self._login
        if login is None:  # nothing is offered in clear
            context = SaslContext(self._host.domain, self._service.entropy.token_bytes)
            login = self._login = Login(self._host.authenticator, context, channel.address, 0)
        result = await login.answer(element)
        if isinstance(result, LoggedIn):
            self._logged_in(result)
            return
        channel.element(result)
        if login.failures >= self._service.settings.tries:
            raise StreamError("policy-violation", "too many failed attempts")  # RFC 6120 6.4.5

    def _logged_in(self, login: LoggedIn) -> None:
        """Hold the account against who the client said it was (RFC 6120 6.4.6)."""
        claimed = self._claimed
        if self._done is None:
            login.logout()
        elif claimed is None or is_account(claimed, login.account, self._host.domain):
            self._done(login, self._host)
        else:
            login.logout()
            raise StreamError("invalid-from", "you have logged in as somebody else")

    async def stanza(self, stanza: Stanza) -> None:
        """Have a request answered that is for newcomers; nobody knows whose anything else is."""
        channel = self._channel
        assert channel is not None
        clear = self._host.tls_required and not channel.secure
        handler = None if clear else handler_of(self._host, stanza)
        if handler is None:
            raise StreamError("not-authorized", "log in first")  # RFC 6120 4.9.3.12
        answer = await handler.answer(self._context(channel))
        if self._channel is not None:
            channel.send(answer)
            if answer.type == "result":
                channel.allow(handler.record.seconds, handler.record.per_address)

    def end(self) -> None:
        """Give up the login under way."""
        self._channel = self._done = None
        if self._login is not None:
            self._login.abandon()
