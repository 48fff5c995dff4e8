"""Whole logins: every mechanism against every kind of user store."""

from collections.abc import Sequence
from pathlib import Path

from twisted.cred.checkers import (
    AllowAnonymousAccess,
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.clients import (
    Client,
    DigestClient,
    OneMessageClient,
    ScramClient,
    anonymous,
    external,
    plain,
)
from tests.auth.house import DOMAIN, House, keyless, password_file, shipped_methods
from tests.auth.token import DirectoryStore, TokenCredentials, TokenMechanism, TokenStore
from xmppd.auth.attempt import Answer
from xmppd.auth.doorkeeper import Success
from xmppd.auth.first_of import FirstOf
from xmppd.auth.methods import method_for
from xmppd.sasl import scram
from xmppd.sasl.exchange import Condition, Failed

SCRAMS = tuple(mechanism.name for mechanism in scram.MECHANISMS)
PASSWORDS = (*SCRAMS, "PLAIN")
CERTIFIED = (f"juliet@{DOMAIN}",)

# What each store is offered with all mechanisms enabled; the client has a certificate.
OFFERS = (
    ("shipped", ("EXTERNAL", *PASSWORDS)),
    ("file", (*PASSWORDS, "DIGEST-MD5")),
    ("memory", (*PASSWORDS, "DIGEST-MD5")),
    ("directory", (*PASSWORDS, "DIGEST-MD5")),
    ("guests", ("ANONYMOUS",)),
    ("token", ("X-TOKEN",)),
)

NAMES = ("EXTERNAL", *PASSWORDS, "DIGEST-MD5", "ANONYMOUS", "X-TOKEN")


def client_for(mechanism: str, user: str, password: str) -> Client:
    """A client with that password, token or certificate."""
    if mechanism == "EXTERNAL":
        return external()
    if mechanism == "ANONYMOUS":
        return anonymous()
    if mechanism == "PLAIN":
        return plain(user, password)
    if mechanism == "DIGEST-MD5":
        return DigestClient(user, password, DOMAIN)
    if mechanism == "X-TOKEN":
        return OneMessageClient("X-TOKEN", b"sesame" if password == "pencil" else b"guess")
    return ScramClient(mechanism, user, password)


class LoginCase(SynchronousTestCase):
    """Houses with one store, in which juliet's password is "pencil"."""

    def checker(self, kind: str) -> ICredentialsChecker | None:
        match kind:
            case "file":
                path = Path(self.mktemp())
                path.write_bytes(b"romeo:rose\njuliet:pencil\n")
                return password_file(path)
            case "memory":
                return InMemoryUsernamePasswordDatabaseDontUse(juliet=b"pencil", romeo=b"rose")
            case "directory":
                return DirectoryStore(juliet="pencil", romeo="rose")
            case "guests":
                return AllowAnonymousAccess()
            case "token":
                return TokenStore()
        return None

    def house(self, *kinds: str) -> House:
        checkers = [self.checker(kind) for kind in kinds]
        house = House(checkers)
        token = method_for(TokenMechanism(), house.workers, TokenCredentials)
        house = House(checkers, [*shipped_methods(house.workers), token], workers=house.workers)
        if "shipped" in kinds:
            house.add("juliet", "pencil")
        return house

    def try_in(self, house: House, mechanism: str, user: str, password: str) -> Answer:
        client = client_for(mechanism, user, password)
        return house.converse(client, house.context(certified=CERTIFIED))

    def assert_in(self, house: House, mechanism: str) -> Success:
        client = client_for(mechanism, "juliet", "pencil")
        success = house.converse(client, house.context(certified=CERTIFIED))
        assert isinstance(success, Success), (mechanism, success)
        self.assertTrue(client.trusts(success.data), mechanism)
        self.assertEqual(success.mechanism, mechanism)
        return success


class EveryMechanismTests(LoginCase):
    """One store at a time."""

    def test_offers(self) -> None:
        for kind, expected in OFFERS:
            context = self.house(kind).context(certified=CERTIFIED)
            self.assertEqual(context.offered, expected, kind)

    def test_what_is_offered_works(self) -> None:
        for kind, offered in OFFERS:
            for mechanism in offered:
                success = self.assert_in(self.house(kind), mechanism)
                guest = mechanism == "ANONYMOUS"
                self.assertIs(success.account.anonymous, guest, (kind, mechanism))
                self.assertEqual(success.account.localpart == "juliet", not guest)

    def test_what_is_not_offered_is_refused(self) -> None:
        for kind, offered in OFFERS:
            house = self.house(kind)
            for mechanism in NAMES:
                if mechanism not in offered:
                    answer = self.try_in(house, mechanism, "juliet", "pencil")
                    self.assertEqual(answer, Failed(Condition.INVALID_MECHANISM), (kind, mechanism))

    def test_wrong_proofs_are_refused(self) -> None:
        for kind, offered in OFFERS:
            for mechanism in offered:
                if mechanism in ("EXTERNAL", "ANONYMOUS"):
                    continue
                for user in ("juliet", "nobody"):
                    answer = self.try_in(self.house(kind), mechanism, user, "guess")
                    self.assertEqual(answer, Failed(Condition.NOT_AUTHORIZED), (kind, mechanism))

    def test_users_of_other_stores_get_an_account(self) -> None:
        for kind, offered in OFFERS[1:4]:
            for mechanism in offered:
                house = self.house(kind)
                self.assert_in(house, mechanism)
                self.assertEqual(house.account("juliet").keys, {})
                self.assertEqual(house.events, [("created", "juliet")])
                self.assert_in(house, "PLAIN")
                self.assertEqual(house.events, [("created", "juliet")])

    def test_a_certificate_needs_an_account(self) -> None:
        house = House()
        answer = house.converse(external(), house.context(certified=CERTIFIED))
        self.assertEqual(answer, Failed(Condition.NOT_AUTHORIZED))

    def test_a_certificate_speaks_for_an_account_without_keys(self) -> None:
        house = House()
        house.put(keyless("juliet"))
        self.assert_in(house, "EXTERNAL")

    def test_a_certificate_with_two_addresses_takes_the_one_asked_for(self) -> None:
        house = House()
        house.add("romeo", "rose")
        house.add("juliet", "pencil")
        context = house.context(certified=(f"romeo@{DOMAIN}", f"juliet@{DOMAIN}"))
        success = house.converse(external(f"juliet@{DOMAIN}"), context)
        assert isinstance(success, Success)
        self.assertEqual(success.account.localpart, "juliet")

    def test_guests_differ(self) -> None:
        house = House([AllowAnonymousAccess()])
        names = {self.assert_in(house, "ANONYMOUS").account.localpart for _ in range(3)}
        self.assertEqual(len(names), 3)
        self.assertEqual(house.result(house.host.accounts.count()), 0)


class ChainTests(LoginCase):
    """Several stores in a row."""

    # (stores, who has which password, who gets in)
    ROWS: Sequence[tuple[str, str]] = (("juliet", "pencil"), ("romeo", "rose"))

    def chain(self, *kinds: str) -> House:
        house = self.house(*kinds)
        found = [self.checker(kind) or house.store for kind in kinds]
        house.portal.registerChecker(FirstOf(found))
        return house

    def test_users_of_all_stores_get_in(self) -> None:
        for kinds in (("shipped", "memory"), ("file", "shipped"), ("directory", "shipped")):
            for mechanism in PASSWORDS:
                house = self.chain(*kinds)
                for user, password in self.ROWS:
                    answer = self.try_in(house, mechanism, user, password)
                    assert isinstance(answer, Success), (kinds, mechanism, user)
                    self.assertEqual(answer.account.localpart, user)

    def test_nobody_else_does(self) -> None:
        for mechanism in PASSWORDS:
            house = self.chain("shipped", "file")
            for user, password in (("juliet", "rose"), ("romeo", "pencil"), ("nobody", "pencil")):
                answer = self.try_in(house, mechanism, user, password)
                self.assertEqual(answer, Failed(Condition.NOT_AUTHORIZED), (mechanism, user))

    def test_offers_are_those_of_all_stores(self) -> None:
        house = self.chain("shipped", "file", "guests", "token")
        context = house.context(certified=CERTIFIED)
        self.assertEqual(sorted(context.offered), sorted(NAMES))

    def test_a_disabled_account_is_disabled_for_every_store(self) -> None:
        for mechanism in PASSWORDS:
            house = self.chain("shipped", "file")
            context = house.context()
            house.put(keyless("romeo"))
            house.change("romeo", disabled=True)
            answer = house.converse(client_for(mechanism, "romeo", "rose"), context)
            self.assertEqual(answer, Failed(Condition.ACCOUNT_DISABLED), mechanism)
            answer = house.converse(client_for(mechanism, "romeo", "guess"), context)
            self.assertEqual(answer, Failed(Condition.NOT_AUTHORIZED), mechanism)


class SpellingTests(LoginCase):
    """Names as old clients prepare them, by stringprep."""

    # (the account, what a client sends)
    ROWS = (
        ("fußball", "fussball"),
        ("fußball", "FUSSBALL"),
        ("fußball", "fußball"),
        ("juliet", "JULIET"),
        ("σίσυφος", "σίσυφοσ"),
    )

    def test_they_lead_to_the_account(self) -> None:
        for localpart, spelled in self.ROWS:
            for mechanism in PASSWORDS:
                house = House()
                house.add(localpart, "pencil")
                answer = self.try_in(house, mechanism, spelled, "pencil")
                assert isinstance(answer, Success), (spelled, mechanism)
                self.assertEqual(answer.account.localpart, localpart)
