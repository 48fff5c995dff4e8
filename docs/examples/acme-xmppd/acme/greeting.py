"""Greets users: one message when they log in for the first time, and again when they ask for it."""

from collections.abc import Iterator
from dataclasses import dataclass

from xmppd.api.host import IHost
from xmppd.api.moments import PASS, SessionOpened, Verdict
from xmppd.api.registrations import Feature, HandleIq, Registration, Request, Watch
from xmppd.api.sessions import ISession
from xmppd.api.storage import KeyValue
from xmppd.stanza.stanza import Message
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT

GREETING = "urn:example:acme:greeting:0"


@dataclass(frozen=True, slots=True)
class GreetingSettings:
    """The section `[modules.acme-greeting]`."""

    text: str = "Welcome."


class Greeting:
    """One for each host that has the module enabled."""

    def __init__(self, host: IHost, settings: GreetingSettings) -> None:
        self._host = host
        self._text = settings.text
        self._greeted = host.open("acme-greeted", KeyValue)

    def registrations(self) -> Iterator[Registration]:
        """Return what the module hooks."""
        yield Feature(GREETING)
        yield HandleIq("get", GREETING, "greeting", self.answer)
        yield Watch(SessionOpened, self.opened)

    def answer(self, request: Request) -> Element:
        """Answer a user who asks for the greeting."""
        return Element("greeting", GREETING, children=[self._text])

    def opened(self, session: ISession) -> Verdict:
        """See a session begin; the login does not wait for what follows."""
        self._host.spawn(self._greet(session))
        return PASS

    async def _greet(self, session: ISession) -> None:
        if await self._greeted.get(session.account) is not None:
            return
        message = Message(
            Element("body", CLIENT, children=[self._text]),
            to=session.jid,
            from_=self._host.jid,
            type="chat",
            id=self._host.entropy.token(),
        )
        # Sent once it is on disk that it was sent: at the next login nobody is greeted again.
        message.ticket = self._greeted.put(session.account, b"greeted")
        self._host.route(message)
