"""Which of your devices are you? Resource binding on a client's stream (RFC 6120 section 7)."""

from collections.abc import Callable

from xmppd.api.registrations import StreamContext
from xmppd.api.sessions import SessionRecord
from xmppd.c2s.binding import bound
from xmppd.c2s.channel import IChannel
from xmppd.c2s.features import Shown, answer, extensions
from xmppd.c2s.hosts import ClientHost
from xmppd.c2s.login import LoggedIn
from xmppd.c2s.phase import is_account
from xmppd.c2s.service import ClientService
from xmppd.c2s.session import Session
from xmppd.net.networks import network_of
from xmppd.stanza.errors import StanzaError, error_reply
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Stanza
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Opened
from xmppd.wire.element import Element
from xmppd.wire.namespaces import BIND, TLS


class AfterLogin:
    """The stream of a client who has logged in and has no resource yet (see `Phase`).

    `done` is called with the session once one is bound.
    """

    __slots__ = (
        "_account",
        "_channel",
        "_done",
        "_failures",
        "_host",
        "_lang",
        "_logout",
        "_own",
        "_service",
    )

    def __init__(
        self,
        channel: IChannel,
        service: ClientService,
        login: LoggedIn,
        host: ClientHost,
        done: Callable[[Session], None],
    ) -> None:
        self._channel: IChannel | None = channel
        self._service = service
        self._account = login.account
        self._own = JID.make(login.account.localpart, host.domain)
        self._logout: Callable[[], None] | None = login.logout
        self._host = host
        self._done: Callable[[Session], None] | None = done
        self._lang = ""
        self._failures = 0

    def open(self, host: ClientHost, header: Opened) -> None:
        """Take note of the stream, which must be that of the account."""
        if host is not self._host:
            raise StreamError("not-authorized", "you have logged in at another host")
        if header.from_ is not None and not is_account(header.from_, self._account, host.domain):
            raise StreamError("invalid-from", "you have logged in as somebody else")
        self._lang = header.lang

    async def offer(self) -> list[Element]:
        """Offer binding, and what features have for those who have logged in."""
        return [Element("bind", BIND), *(shown for _, shown in self._extensions())]

    def _context(self) -> StreamContext:
        channel = self._channel
        assert channel is not None
        settings = self._service.settings
        return StreamContext(
            self._host.domain,
            channel.secure,
            self._account.localpart,
            channel.address,
            network_of(channel.address),
            max_bytes=settings.limits.parser.stanza,
            idle_seconds=int(settings.idle_seconds),
        )

    def _extensions(self) -> list[Shown]:
        return list(extensions(self._host.features(), "after-login", self._context()))

    async def element(self, element: Element) -> None:
        """Let the feature answer whose element it is."""
        channel = self._channel
        assert channel is not None
        if (element.ns, element.name) == (TLS, "starttls"):
            channel.element(Element("failure", TLS))  # RFC 6120 5.3.4, 5.4.2.2
            channel.close()
            return
        answers = answer(self._extensions(), self._context(), element)
        if answers is None:
            raise StreamError("unsupported-stanza-type")
        for each in answers:
            channel.element(each)

    async def stanza(self, stanza: Stanza) -> None:
        """Bind, or have the server or the own account answer (RFC 6120 7.1)."""
        own, host = self._own, JID.make("", self._host.domain)
        if stanza.malformed == "from" or stanza.from_ not in (None, own):
            raise StreamError("invalid-from", "'from' is not your address")
        if stanza.malformed or stanza.to not in (None, own, host):
            raise StreamError("not-authorized", "bind a resource first")
        if isinstance(stanza, Iq) and stanza.type == "set" and stanza.has("bind", BIND):
            await self._bind(stanza)
            return
        stanza.from_ = own
        reply = await self._host.sessions.answer(stanza, self._account.created)
        if reply is None:
            return
        await self._service.gate.committed(reply.ticket)
        if self._channel is not None:
            reply.to = None
            self._channel.send(reply)

    async def _bind(self, iq: Iq) -> None:
        service = self._service
        try:
            jid = service.binder.choose(iq, self._own, self._host.sessions)
            try:
                session = await self._open(jid)
            finally:
                service.binder.done(jid)
        except StanzaError as error:
            self._refuse(iq, error)
            return
        try:
            self._hand_over(session, iq.result(bound(jid)))
        except Exception:
            session.end()  # else nobody would
            raise

    def _hand_over(self, session: Session, answer: Iq) -> None:
        channel, done = self._channel, self._done
        if channel is None or done is None:
            session.end()
        else:
            channel.send(answer)
            done(session)

    def _refuse(self, iq: Iq, error: StanzaError) -> None:
        """Say why there is no session, and let the client try again (RFC 6120 7.7.3)."""
        if self._channel is None:
            return
        self._channel.send(error_reply(iq, error))
        self._failures += 1
        if self._failures >= self._service.settings.bind_tries:
            raise StreamError("policy-violation", "too many failed attempts to bind a resource")

    async def _open(self, jid: JID) -> Session:
        """Return an open session; it has to be ended by whoever has it. Raises `StanzaError`."""
        channel, service, logout = self._channel, self._service, self._logout
        assert channel is not None and logout is not None
        now = service.wall.now()
        session = Session(
            jid,
            self._account.localpart,
            SessionRecord(jid, self._host.sessions.node, since=now, active=now),
            host=self._host.sessions,
            link=channel,
            gate=service.gate,
            settings=service.settings,
            lang=self._lang,
            logout=logout,
        )
        await self._host.sessions.open(session, self._account.created)
        self._logout = None  # the session sees to it
        return session

    def end(self) -> None:
        """Log out, unless a session will."""
        self._channel = self._done = None
        logout, self._logout = self._logout, None
        if logout is not None:
            logout()
