"""What features find in a server besides each other, as small as it can be."""

from collections.abc import Iterator

from twisted.internet.defer import Deferred
from zope.interface import implementer

from tests.modules.test_strangers import Doll
from xmppd.api.adhoc import Done, Execution, Level, Outcome, Stage
from xmppd.api.auth import IPasswords
from xmppd.api.commands import Argument, Command, CommandError, IAdministration
from xmppd.api.moments import AccountCreated, AccountDeleted, AccountEnding
from xmppd.api.registrations import (
    HOST,
    OWN_ACCOUNT,
    AdHoc,
    Identity,
    Provide,
    Registration,
    Serve,
)
from xmppd.api.storage import KeyValue
from xmppd.auth.accounts import Passwords
from xmppd.auth.keys import KeptSecret, StoredKeys
from xmppd.auth.passwords import KeyMaker, PasswordVerifier
from xmppd.sasl.exchange import ScramKeys
from xmppd.stanza.answers import Answers
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.forms import Field, FieldType, Form, Option
from xmppd.stanza.jid import JID
from xmppd.testing.fake_host import FakeHost

DOLL = "doll.example.org"
"""The domain of a service that refuses everything."""


class FewKeys(KeyMaker):
    """Makes one key of each password, to be quick."""

    async def make(self, password: str, hashes: object = ()) -> dict[str, ScramKeys]:
        """Return the key."""
        return await super().make(password, ("SHA-1",))


@implementer(IAdministration)
class Administration:
    """Juliet administers; one command takes arguments of all kinds."""

    admins = frozenset({JID.parse("juliet@example.org")})
    everywhere = admins

    def commands(self) -> tuple[Command, ...]:
        """Return the command."""
        arguments = (
            Argument("text", ""),
            Argument("number", "", int, required=False, default=1),
            Argument("share", "", float, required=False),
            Argument("flag", "", bool, required=False, default=False),
            Argument("secret", "", required=False, secret=True),
        )
        return (Command("acme do", "Do it", self.do, Done, arguments),)

    def do(self, text: str, **_rest: object) -> str:
        """Refuse what is long."""
        if len(text) > 100:
            raise CommandError("too long")
        return text


def first(_execution: Execution) -> Outcome:
    """Begin a command of two forms."""
    return Stage(Form.of("", Field("name", required=True)), next=second)


def second(answers: Answers) -> Outcome:
    """Go on with fields of all types."""
    if len(answers.text("name")) > 1000:
        raise StanzaError("not-acceptable")
    options = (Option("a"), Option("b"))
    fields = (
        Field("flag", FieldType.BOOLEAN),
        Field("many", FieldType.LIST_MULTI, options=options),
        Field("one", FieldType.LIST_SINGLE, options=options),
        Field("who", FieldType.JID_SINGLE),
        Field("whom", FieldType.JID_MULTI),
        Field("words", FieldType.TEXT_MULTI),
        Field("secret", FieldType.TEXT_PRIVATE),
    )
    return Stage(Form.of("urn:acme:rules", *fields), complete=lambda _: Done())


class Surroundings:
    """What features find in a server besides each other."""

    def __init__(self, host: FakeHost) -> None:
        self._host = host
        # As in a server: features ask for these when they are made, before any is installed.
        passwords = [] if host.anonymous else [Provide(IPasswords, self._passwords())]
        host.install("server", [*passwords, Provide(IAdministration, Administration())])

    def registrations(self) -> Iterator[Registration]:
        """Return a service and a command."""
        yield Serve(DOLL, Doll(), Identity("component", "generic"))
        yield AdHoc("acme", "Acme", first, Level.ANYBODY, HOST | OWN_ACCOUNT)

    def _passwords(self) -> Passwords:
        host = self._host
        secret = KeptSecret(host.open("scram-secret", KeyValue), host.entropy)
        return Passwords(
            host.accounts,
            host.storage.tickets,
            FewKeys(host.workers, host.entropy, 4096),
            PasswordVerifier(StoredKeys(host.accounts, secret.get, 4096), host.workers),
            host.wall,
            lambda localpart: host.announce(AccountCreated, localpart),
            lambda localpart: host.announce(AccountDeleted, localpart),
            self._ending,
        )

    def _ending(self, localpart: str) -> "Deferred[None]":
        for session in self._host.accounts_domain.sessions.of(localpart):
            session.close("not-authorized")
        return Deferred.fromCoroutine(self._host.announce_and_wait(AccountEnding, localpart))
