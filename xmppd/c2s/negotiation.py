"""From a connection to a bound session: TLS, SASL, resource binding (RFC 6120 sections 4 to 7).

One element is looked at at a time. While the answer to it waits for something (a password hash, a
user store), nothing more is read.
"""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import Attribute

from xmppd.api.auth import IAccount
from xmppd.api.registrations import StreamContext, StreamFeature
from xmppd.api.sessions import SessionRecord
from xmppd.c2s.binding import bound
from xmppd.c2s.hosts import ClientHost
from xmppd.c2s.link import ILink
from xmppd.c2s.login import LoggedIn, Login, channel_bindings, mechanisms
from xmppd.c2s.service import ClientService
from xmppd.c2s.session import Session
from xmppd.net.tls import ConnectionCreator, TlsFacts, tls_facts
from xmppd.sasl.binding import announced
from xmppd.sasl.exchange import SaslContext
from xmppd.stanza.errors import StanzaError, error_reply
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Stanza
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Opened, Received
from xmppd.stream.inbound import InboundStream
from xmppd.wire.element import Element
from xmppd.wire.namespaces import BIND, SASL, TLS


class IChannel(ILink):
    """The connection a negotiation runs on."""

    address: str = Attribute("the client's IP address")
    secure: bool = Attribute("whether it is under TLS")
    transport: object = Attribute("the transport, for who asks it about TLS")

    def dataReceived(data: bytes) -> None:
        """Read on, beginning with `data`."""

    def write(data: bytes) -> None:
        """Write bytes of the stream."""

    def element(element: Element) -> None:
        """Write a first-level element."""

    def start_tls(creator: ConnectionCreator) -> None:
        """Put everything from here on under TLS; what came in clear is forgotten."""

    def end_of_stream(event: object) -> None:
        """Act on an event that ends the stream."""

    def establish(session: Session) -> None:
        """Negotiation is over: `session` is bound."""


class Negotiation:
    """What one connection has negotiated so far.

    `_account` is None until the client has proven who it is; `_busy` is the work that must end
    before the next element is looked at, and `_held` are the bytes that came meanwhile.
    """

    __slots__ = (
        "_account",
        "_busy",
        "_channel",
        "_facts",
        "_held",
        "_host",
        "_lang",
        "_login",
        "_logout",
        "_service",
        "_stream",
    )

    _log = Logger()

    def __init__(self, channel: IChannel, service: ClientService, stream: InboundStream) -> None:
        self._channel: IChannel | None = channel
        self._service = service
        self._stream = stream
        self._host: ClientHost | None = None
        self._lang = ""
        self._facts: TlsFacts | None = None
        self._login: Login | None = None
        self._account: IAccount | None = None
        self._logout: Callable[[], None] | None = None
        self._busy: Deferred[None] | None = None
        self._held = b""

    def end(self) -> None:
        """Give up; the connection is gone or has its session."""
        self._channel = None
        busy, self._busy = self._busy, None
        if busy is not None:
            busy.cancel()
        if self._login is not None:
            self._login.abandon()
        logout, self._logout = self._logout, None
        if logout is not None:
            logout()

    # Reading, one element at a time.

    def receive(self, data: bytes) -> None:
        """Take bytes from the client."""
        if self._busy is not None:
            self._hold(data)
            return
        events = self._stream.receive(data)
        while events:
            for event in events:
                self._take(event)
            if self._channel is None or self._busy is not None or not self._stream.unread:
                return
            events = self._stream.receive(b"")

    def _hold(self, data: bytes) -> None:
        """Keep what comes although reading is paused: what the transport had read already."""
        self._held += data
        if len(self._held) > self._service.settings.inbox_bytes * 2:
            self._fail(StreamError("policy-violation", "too much is sent ahead of our answers"))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do work that may have to wait."""
        done = Deferred.fromCoroutine(work)
        done.addErrback(self._failed)
        if done.called or self._channel is None:
            return
        self._busy = done
        self._channel.pause()
        done.addCallback(self._go_on)

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, StreamError):
            self._fail(error)
        elif not isinstance(error, CancelledError):
            self._log.failure("negotiating with a client failed", failure=failure)
            self._fail(StreamError("internal-server-error"))

    def _go_on(self, _done: None) -> None:
        self._busy = None
        channel = self._channel
        if channel is not None:
            held, self._held = self._held, b""
            channel.resume()
            channel.dataReceived(held)

    def _fail(self, error: StreamError) -> None:
        if self._channel is not None:
            self._channel.fail(error)

    def _take(self, event: object) -> None:
        channel = self._channel
        if channel is None:
            return
        try:
            if isinstance(event, Opened):
                self._opened(event)
            elif isinstance(event, Received):
                self._element(event.element)
            elif isinstance(event, Stanza):
                self._stanza(event)
            else:
                channel.end_of_stream(event)
        except StreamError as error:
            channel.fail(error)

    # The stream header and our features (RFC 6120 4.2, 4.3).

    def _opened(self, opened: Opened) -> None:
        channel = self._channel
        assert channel is not None
        host = self._find(opened.to)
        own = self._own_address()
        if own is not None and opened.from_ is not None and opened.from_.bare != own:
            raise StreamError("invalid-from", "you have logged in as somebody else")
        self._host = host
        self._lang = opened.lang
        if channel.secure and self._facts is None:
            self._facts = tls_facts(channel.transport)
        to = None if opened.from_ is None else opened.from_.bare
        channel.write(self._stream.open(host.domain, self._service.token(), to))
        self._run(self._offer(host))

    def _find(self, to: JID | None) -> ClientHost:
        if to is None:
            raise StreamError("improper-addressing", "'to' must name the host you want")
        host = self._service.hosts.get(to.domainpart)
        if host is None or to.localpart or to.resourcepart:
            raise StreamError("host-unknown", "this server does not serve that host")
        if self._account is not None and host is not self._host:
            raise StreamError("host-unknown", "you have logged in at another host")
        return host

    async def _offer(self, host: ClientHost) -> None:
        """Send the features."""
        channel = self._channel
        assert channel is not None
        features: list[Element] = []
        if self._account is not None:
            features.append(Element("bind", BIND))
        else:
            if not channel.secure and self._service.contexts is not None:
                starttls = Element("starttls", TLS)
                if host.tls_required:
                    starttls.add("required")
                features.append(starttls)
            if channel.secure or not host.tls_required:
                features.extend(await self._mechanisms(host))
        features.extend(shown for _, shown in self._extensions(host) if shown is not None)
        if self._channel is not None:
            channel.write(self._stream.features(features))

    async def _mechanisms(self, host: ClientHost) -> list[Element]:
        """Begin to take logins, and return the features that say how."""
        channel = self._channel
        assert channel is not None
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
        context = SaslContext(
            domain=possible.domain,
            entropy=possible.entropy,
            secure=possible.secure,
            bindings=possible.bindings,
            offered=names,
            offered_bindings=announced(possible, names),
            certified=certified,
        )
        failures = self._login.failures if self._login is not None else 0
        self._login = Login(host.authenticator, context, channel.address, failures)
        if not names:
            return []
        bindings = channel_bindings(context, names)
        return [mechanisms(names)] if bindings is None else [mechanisms(names), bindings]

    def _extensions(self, host: ClientHost) -> Iterator[tuple[StreamFeature, Element | None]]:
        """Yield what modules offer at this point of the negotiation."""
        wrong = "before-login" if self._account is not None else "after-login"
        context = self._context(host)
        for feature in host.features():
            if feature.when != wrong:
                yield feature, feature.element(context)

    def _context(self, host: ClientHost) -> StreamContext:
        assert self._channel is not None
        account = "" if self._account is None else self._account.localpart
        return StreamContext(host.domain, self._channel.secure, account, self._channel.address)

    # Elements that are no stanzas.

    def _element(self, element: Element) -> None:
        host = self._host
        assert host is not None  # a header has come first
        name = (element.ns, element.name)
        if self._account is None and name == (TLS, "starttls"):
            self._start_tls(host)
        elif self._account is None and element.ns == SASL:
            self._run(self._sasl(host, element))
        else:
            self._extension(host, element)

    def _extension(self, host: ClientHost, element: Element) -> None:
        """Let the module answer whose feature this is."""
        channel = self._channel
        assert channel is not None
        for feature, shown in self._extensions(host):
            if shown is None or feature.begin is None:
                continue
            if (element.ns, element.name) in feature.takes:
                for answer in feature.begin(self._context(host), element):
                    channel.element(answer)
                return
        if self._account is None:
            raise StreamError("not-authorized", "log in first")
        raise StreamError("unsupported-stanza-type")

    def _start_tls(self, host: ClientHost) -> None:
        """RFC 6120 5.4.2, 5.4.3."""
        channel, contexts = self._channel, self._service.contexts
        assert channel is not None
        if channel.secure or contexts is None:
            channel.element(Element("failure", TLS))
            channel.end_of_stream(None)
            return
        channel.element(Element("proceed", TLS))
        self._login = None
        channel.start_tls(contexts.creator(host.domain))

    async def _sasl(self, host: ClientHost, element: Element) -> None:
        channel, login = self._channel, self._login
        assert channel is not None
        if login is None:  # nothing was offered in clear
            context = SaslContext(host.domain, self._service.entropy.token_bytes)
            login = self._login = Login(host.authenticator, context, channel.address, 0)
        if element.name == "auth":
            answer = await login.auth(element)
        elif element.name == "response":
            answer = await login.response(element)
        elif element.name == "abort":
            answer = login.abort()
        else:
            raise StreamError("unsupported-stanza-type")
        if isinstance(answer, LoggedIn):
            self._logged_in(answer)
            return
        channel.element(answer)
        if login.failures >= self._service.settings.tries:
            raise StreamError("policy-violation", "too many failed attempts")  # RFC 6120 6.4.5

    def _logged_in(self, login: LoggedIn) -> None:
        """RFC 6120 6.4.6: the stream begins anew."""
        channel = self._channel
        if channel is None:
            login.logout()
            return
        self._account = login.account
        self._logout = login.logout
        self._login = None
        channel.element(login.success)
        self._stream.restart()
        self._stream.trust()

    # Stanzas before binding (RFC 6120 7.1), and binding itself.

    def _own_address(self) -> JID | None:
        """Return the bare JID the client has logged in as, if it has."""
        if self._account is None or self._host is None:
            return None
        return JID.make(self._account.localpart, self._host.domain)

    def _stanza(self, stanza: Stanza) -> None:
        own, host = self._own_address(), self._host
        if own is None or host is None:
            raise StreamError("not-authorized", "log in first")
        if stanza.malformed == "from" or stanza.from_ not in (None, own):
            raise StreamError("invalid-from", "'from' is not your address")
        if isinstance(stanza, Iq) and stanza.type == "set" and stanza.has("bind", BIND):
            self._run(self._bind(stanza, host))
            return
        if stanza.malformed or stanza.to not in (None, own, JID.make("", host.domain)):
            raise StreamError("not-authorized", "bind a resource first")
        stanza.from_ = own
        self._run(self._answer(stanza, host))

    async def _answer(self, stanza: Stanza, host: ClientHost) -> None:
        answer = await host.sessions.answer(stanza)
        if answer is not None and self._channel is not None:
            answer.to = None
            self._channel.send(answer)

    async def _bind(self, iq: Iq, host: ClientHost) -> None:
        channel, account = self._channel, self._account
        assert channel is not None and account is not None
        binder = self._service.binder
        try:
            jid = binder.choose(iq, account.localpart, host.sessions)
        except StanzaError as error:
            channel.send(error_reply(iq, error))
            return
        try:
            session = self._session(jid, account, host, channel)
            await host.sessions.open(session)
        finally:
            binder.done(jid)
        self._logout = None  # the session sees to it
        channel.send(iq.result(bound(jid)))
        channel.establish(session)

    def _session(self, jid: JID, account: IAccount, host: ClientHost, channel: IChannel) -> Session:
        service = self._service
        now = service.wall.now()
        assert self._logout is not None
        return Session(
            jid,
            account.localpart,
            SessionRecord(jid, host.sessions.node, since=now, active=now),
            host=host.sessions,
            link=channel,
            gate=service.gate,
            settings=service.settings,
            lang=self._lang,
            logout=self._logout,
        )
