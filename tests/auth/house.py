"""A host's authentication as the server assembles it, on a clock of the test's."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from twisted.cred.checkers import FilePasswordDB, ICredentialsChecker
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from zope.interface import implementer

from tests.auth.clients import BINDING, Client
from xmppd.api.host import Busy, IEntropy, IWallClock, IWorkers
from xmppd.api.storage import Account, Accounts, KeyValue, Ticket
from xmppd.auth.accounts import Passwords
from xmppd.auth.attempt import Answer, Attempt
from xmppd.auth.checkers import StoreChecker
from xmppd.auth.keys import KeptSecret, StoredKeys
from xmppd.auth.methods import Method, method_for
from xmppd.auth.passwords import KeyMaker, PasswordVerifier
from xmppd.auth.portal import Authenticator
from xmppd.auth.realm import AccountRealm
from xmppd.auth.throttle import Throttle
from xmppd.sasl import scram
from xmppd.sasl.anonymous import Anonymous
from xmppd.sasl.digest_md5 import DigestMd5
from xmppd.sasl.exchange import Challenge, Failed, Mechanism, SaslContext
from xmppd.sasl.external import External
from xmppd.sasl.plain import Plain
from xmppd.stanza.prep import skeleton
from xmppd.storage.memory import MemoryStorage

DOMAIN = "example.org"
ROUNDS = 4096

T = TypeVar("T")


@implementer(IWorkers)
class InlineWorkers:
    """Runs at once, and remembers what: in these tests all of it is PBKDF2."""

    def __init__(self) -> None:
        self.runs: list[tuple[Any, ...]] = []
        self.busy = False

    def run(self, function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        if self.busy:
            return execute(self._refuse)
        self.runs.append((function, *args))
        return execute(function, *args)

    def _refuse(self) -> None:
        raise Busy


@implementer(IEntropy)
class CountedEntropy:
    """Bytes that differ from call to call, and are the same in every run."""

    def __init__(self) -> None:
        self.calls = 0

    def token_bytes(self, count: int) -> bytes:
        self.calls += 1
        return hashlib.shake_256(b"%d" % self.calls).digest(count)

    def token(self) -> str:
        return self.token_bytes(12).hex()


@implementer(IWallClock)
class FixedWall:
    """A stopped clock."""

    def now(self) -> float:
        return 1_700_000_000.0


class RecordedAccounts:
    """Passes every call on; remembers those about one account, and the hashes counted."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self.calls: list[str] = []
        self.counted: list[str] = []

    def get(self, localpart: str) -> Deferred[Account | None]:
        self.calls.append("get")
        return self._accounts.get(localpart)

    def find(self, skeleton: str) -> Deferred[Account | None]:
        self.calls.append("find")
        return self._accounts.find(skeleton)

    def create(self, account: Account) -> Deferred[Ticket]:
        self.calls.append("create")
        return self._accounts.create(account)

    def update(self, account: Account) -> Deferred[Ticket]:
        self.calls.append("update")
        return self._accounts.update(account)

    def delete(self, localpart: str) -> Deferred[Ticket]:
        self.calls.append("delete")
        return self._accounts.delete(localpart)

    def localparts(self, after: str = "", limit: int = 1000) -> Deferred[list[str]]:
        return self._accounts.localparts(after, limit)

    def count(self) -> Deferred[int]:
        return self._accounts.count()

    def lacking(self, hash: str) -> Deferred[int]:
        self.counted.append(hash)
        return self._accounts.lacking(hash)


def shipped_methods(workers: IWorkers) -> list[Method]:
    """Every mechanism of ours, DIGEST-MD5 and ANONYMOUS included."""
    mechanisms: list[Mechanism] = [Plain(), DigestMd5(), Anonymous(), External()]
    mechanisms.extend(scram.MECHANISMS)
    return [method_for(mechanism, workers) for mechanism in mechanisms]


@dataclass
class House:
    """All parts of one host's authentication.

    `checkers` are asked beside the portal's realm; None stands for the shipped store.
    """

    checkers: Sequence[ICredentialsChecker | None] = (None,)
    methods: Iterable[Method] | None = None
    too_weak: Sequence[str] = ()
    workers: InlineWorkers = field(default_factory=InlineWorkers)

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.entropy = CountedEntropy()
        self.storage = MemoryStorage(self.clock, self.entropy.token)
        self.storage.start()
        self.host = self.storage.host(DOMAIN)
        self.accounts = RecordedAccounts(self.host.accounts)
        self.events: list[tuple[str, str]] = []
        self.secret = KeptSecret(self.host.open("auth", KeyValue), self.entropy)
        self.keys = StoredKeys(self.accounts, self.secret.get, ROUNDS)
        self.maker = KeyMaker(self.workers, self.entropy, ROUNDS)
        self.verifier = PasswordVerifier(self.keys, self.workers)
        self.store = StoreChecker(self.accounts, self.keys, self.verifier, self.maker)
        self.passwords = Passwords(
            self.accounts,
            self.storage.tickets,
            self.maker,
            self.verifier,
            FixedWall(),
            created=partial(self._hear, "created"),
            deleted=partial(self._hear, "deleted"),
        )
        realm = AccountRealm(
            self.accounts, FixedWall(), self.entropy, created=partial(self._hear, "created")
        )
        self.portal = Portal(realm, [checker or self.store for checker in self.checkers])
        self.throttle = Throttle(self.clock)
        self.authenticator = Authenticator(
            self.portal,
            shipped_methods(self.workers) if self.methods is None else self.methods,
            self.keys,
            self.throttle,
            self.clock,
            too_weak=self.too_weak,
        )

    def _hear(self, event: str, localpart: str) -> None:
        self.events.append((event, localpart))

    def add(self, localpart: str, password: str) -> Account:
        """Make an account and return it."""
        return self.account(self.result(self.passwords.create(localpart, password)))

    def account(self, localpart: str) -> Account:
        """The account as it is stored."""
        account = self.result(self.host.accounts.get(localpart))
        assert account is not None
        return account

    def change(self, localpart: str, **changes: Any) -> None:
        """Store the account with these fields changed."""
        self.result(self.host.accounts.update(replace(self.account(localpart), **changes)))

    def put(self, account: Account) -> None:
        """Store an account made by the test."""
        self.result(self.host.accounts.create(account))

    def result(self, waiting: "Deferred[T]") -> T:
        """Let time go by, at most 40 seconds, until `waiting` fires; return or raise its result."""
        results: list[T] = []
        failures: list[BaseException] = []
        waiting.addCallbacks(results.append, lambda failure: failures.append(failure.value))
        for _ in range(400):
            if results or failures:
                break
            self.clock.advance(0.1)
        if failures:
            raise failures[0]
        return results[0]

    def context(self, *, secure: bool = True, certified: Sequence[str] = ()) -> SaslContext:
        """A stream with its offer."""
        context = SaslContext(
            domain=DOMAIN,
            entropy=self.entropy.token_bytes,
            secure=secure,
            bindings={"tls-exporter": BINDING} if secure else {},
            certified=tuple(certified),
        )
        return replace(context, offered=self.result(self.authenticator.offered(context)))

    def attempt(self, mechanism: str, context: SaslContext | None = None) -> Attempt:
        """Begin an attempt that is not refused at once."""
        begun = self.authenticator.begin(mechanism, context or self.context(), "192.0.2.1")
        assert isinstance(begun, Attempt)
        return begun

    def converse(self, client: Client, context: SaslContext | None = None) -> Answer:
        """Let a client try; return what ends it."""
        begun = self.authenticator.begin(client.mechanism, context or self.context(), "192.0.2.1")
        if isinstance(begun, Failed):
            return begun
        data = client.first()
        while True:
            answer = self.result(begun.step(data))
            if not isinstance(answer, Challenge):
                return answer
            data = client.respond(answer.data)


def password_file(path: Path, **settings: Any) -> FilePasswordDB:
    """Twisted's checker over that file (it has no types of its own)."""
    make: Callable[..., FilePasswordDB] = FilePasswordDB
    return make(str(path), **settings)


def keyless(localpart: str) -> Account:
    """An account whose password another store keeps."""
    return Account(localpart, skeleton(localpart), {}, 0.0)
