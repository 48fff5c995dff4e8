"""Credentials as checkers see them, and the stores whose passwords are none."""

from pathlib import Path
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse as InMemory
from twisted.cred.credentials import (
    IAnonymous,
    ICredentials,
    IUsernameHashedPassword,
    IUsernamePassword,
)
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.auth.clients import DigestClient, ScramClient, plain
from tests.auth.house import DOMAIN, House, InlineWorkers, password_file
from tests.auth.token import IToken, TokenCredentials, TokenFacts, TokenMechanism
from xmppd.api.auth import ICertificateCredentials, IScramCredentials
from xmppd.api.host import Busy
from xmppd.auth.credentials import (
    CertificateCredentials,
    DigestMd5Credentials,
    IFinalData,
    PlainCredentials,
    ScramCredentials,
)
from xmppd.auth.doorkeeper import Success
from xmppd.auth.locked import LockedPasswords, is_locked, refuse_locked
from xmppd.auth.methods import method_for
from xmppd.sasl.anonymous import Anonymous, AnonymousFacts
from xmppd.sasl.digest_md5 import DigestFacts
from xmppd.sasl.digest_messages import DigestResponse
from xmppd.sasl.exchange import Condition, Failed
from xmppd.sasl.external import ExternalFacts
from xmppd.sasl.plain import PlainFacts
from xmppd.sasl.scram import ScramFacts

SCRAM_FACTS = ScramFacts("juliet", "SHA-1", b"salt", 4096, b"message", b"proof")
DIGEST_FACTS = DigestFacts(
    "juliet",
    DigestResponse("juliet", b"r", b"n", b"c", b"00000001", b"xmpp/r", b"0" * 32, None),
)


class CredentialsTests(SynchronousTestCase):
    """Interfaces, and passwords as stores hand them out."""

    def test_interfaces(self) -> None:
        workers = InlineWorkers()
        rows: tuple[tuple[object, tuple[Any, ...]], ...] = (
            (
                PlainCredentials(PlainFacts("juliet", "pencil")),
                (IUsernamePassword, IUsernameHashedPassword),
            ),
            (
                ScramCredentials(SCRAM_FACTS, workers),
                (IScramCredentials, IUsernameHashedPassword, IFinalData),
            ),
            (DigestMd5Credentials(DIGEST_FACTS), (IUsernameHashedPassword, IFinalData)),
            (CertificateCredentials(ExternalFacts("juliet")), (ICertificateCredentials,)),
        )
        for credentials, interfaces in rows:
            for interface in (*interfaces, ICredentials):
                verifyObject(interface, credentials)

    def test_names_are_bytes(self) -> None:
        workers = InlineWorkers()
        facts = ScramFacts("jülia", "SHA-1", b"salt", 4096, b"", b"")
        for credentials in (
            PlainCredentials(PlainFacts("jülia", "pencil")),
            ScramCredentials(facts, workers),
            CertificateCredentials(ExternalFacts("jülia")),
        ):
            self.assertEqual(credentials.username, b"j\xc3\xbclia")

    # (a stored password, whether it is "ü Ⅸ", which SASLprep makes "ü IX")
    STORED = (
        ("ü Ⅸ".encode(), True),
        ("ü\u00a0IX".encode(), True),
        ("ü ix".encode(), False),
        (b"\xff", False),
        (b"\x07", False),
        (b"", False),
        (b"x", False),
        (b"*", False),
    )

    def test_plain_prepares_both_sides(self) -> None:
        credentials = PlainCredentials(PlainFacts("juliet", "ü IX"))
        for stored, expected in self.STORED:
            self.assertIs(credentials.checkPassword(stored), expected, stored)

    def test_a_mark_is_no_password(self) -> None:
        for mark in (b"x", b"*", b"!", b"!!"):
            claimed = mark.decode()
            plain_one = PlainCredentials(PlainFacts("root", claimed))
            self.assertIs(plain_one.checkPassword(mark), False)
            house = House([InMemory(root=mark)])
            for client in (
                plain("root", claimed),
                DigestClient("root", claimed, DOMAIN),
                ScramClient("SCRAM-SHA-1", "root", claimed),
            ):
                self.assertEqual(house.converse(client), Failed(Condition.NOT_AUTHORIZED), mark)

    def test_passwords_that_are_no_text(self) -> None:
        house = House([InMemory(juliet=b"\xff\xfe")])
        for client in (
            DigestClient("juliet", "pencil", DOMAIN),
            ScramClient("SCRAM-SHA-256", "juliet", "pencil"),
        ):
            self.assertEqual(house.converse(client), Failed(Condition.NOT_AUTHORIZED))

    def test_scram_derives_elsewhere(self) -> None:
        workers = InlineWorkers()
        credentials = ScramCredentials(SCRAM_FACTS, workers)
        self.assertIs(self.successResultOf(credentials.checkPassword(b"pencil")), False)
        self.assertEqual(len(workers.runs), 1)
        workers.busy = True
        self.failureResultOf(credentials.checkPassword(b"pencil"), Busy)

    def test_spending_happens_instead_of_a_check(self) -> None:
        workers = InlineWorkers()
        credentials = ScramCredentials(SCRAM_FACTS, workers)
        for _ in range(2):
            self.successResultOf(credentials.spend())
        self.assertEqual(len(workers.runs), 1)
        checked = ScramCredentials(SCRAM_FACTS, workers)
        self.successResultOf(checked.checkPassword(b"pencil"))
        self.successResultOf(checked.spend())
        self.assertEqual(len(workers.runs), 2)

    def test_nothing_secret_shows(self) -> None:
        facts = PlainFacts("juliet", "pencil")
        for shown in (repr(facts), repr(PlainCredentials(facts)), str(PlainCredentials(facts))):
            self.assertNotIn("pencil", shown)
        scram = ScramCredentials(SCRAM_FACTS, InlineWorkers())
        for shown in (repr(SCRAM_FACTS), repr(scram)):
            self.assertNotIn("proof", shown.lower().replace("client_proof", ""))


class MethodTests(SynchronousTestCase):
    """`method_for`."""

    def test_guests(self) -> None:
        made = method_for(Anonymous(), InlineWorkers()).make(AnonymousFacts())
        self.assertTrue(IAnonymous.providedBy(made))

    def test_a_class_of_others(self) -> None:
        method = method_for(TokenMechanism(), InlineWorkers(), TokenCredentials)
        self.assertEqual(method.interfaces, (IToken,))
        self.assertTrue(method.served_by(IToken))
        self.assertTrue(method.served_by(ICredentials))
        self.assertFalse(method.served_by(IUsernamePassword))

    def test_a_function_of_others(self) -> None:
        @implementer(IToken)
        def make(facts: TokenFacts) -> TokenCredentials:
            return TokenCredentials(facts)

        method = method_for(TokenMechanism(), InlineWorkers(), make)
        self.assertEqual(method.interfaces, (IToken,))
        self.assertTrue(IToken.providedBy(method.make(TokenFacts(b""))))

    def test_factories_that_do_not_say_what_they_make(self) -> None:
        for factory in (None, lambda facts: None, WrongKind):
            with self.assertRaisesRegex(TypeError, "X-TOKEN"):
                method_for(TokenMechanism(), InlineWorkers(), factory)


@implementer(ICredentialsChecker)
class WrongKind:
    """Implements something, but no credentials."""

    credentialInterfaces = ()

    def __init__(self, facts: object) -> None:
        raise AssertionError("never made")

    def requestAvatarId(self, credentials: Any) -> Any:
        raise AssertionError("never made")


class LockedTests(SynchronousTestCase):
    """`is_locked` and `refuse_locked`."""

    MARKS = (
        (b"x", True),
        (b"*", True),
        (b"!", True),
        (b"!!", True),
        (b"", True),
        (b" ", True),
        (b"*LK*", True),
        (b"xx", False),
        (b"!secret", False),
        (b"pencil", False),
    )

    def test_marks(self) -> None:
        for field, expected in self.MARKS:
            self.assertIs(is_locked(field), expected, field)

    def write(self, content: bytes) -> Path:
        path = Path(self.mktemp())
        path.write_bytes(content)
        return path

    def test_a_file_of_the_system_is_refused(self) -> None:
        for field in (b"x", b"*", b"!", b""):
            path = self.write(b"juliet:pencil\nroot:%b:0:0:root:/root:/bin/sh\n" % field)
            with self.assertRaisesRegex(LockedPasswords, f"{path}:2: .*is no password"):
                refuse_locked(password_file(path))

    def test_good_files_pass(self) -> None:
        refuse_locked(password_file(self.write(b"juliet:pencil\n\n# nothing\nromeo:x!\n")))
        other = self.write(b"x;juliet;pencil\n")
        refuse_locked(password_file(other, delim=b";", usernameField=1, passwordField=2))

    def test_hashed_files_may_lock_users(self) -> None:
        path = self.write(b"juliet:*\n")
        refuse_locked(password_file(path, hash=lambda user, password, stored: b""))

    def test_other_stores_pass(self) -> None:
        refuse_locked(InMemory(juliet=b"x"))

    def test_a_file_that_cannot_be_read(self) -> None:
        with self.assertRaises(FileNotFoundError):
            refuse_locked(password_file(Path(self.mktemp())))

    def test_a_file_that_changes_later(self) -> None:
        path = self.write(b"juliet:pencil\n")
        checker = password_file(path)
        refuse_locked(checker)
        house = House([checker])
        context = house.context()
        self.assertIsInstance(house.converse(plain("juliet", "pencil"), context), Success)
        path.write_bytes(b"juliet:x\n")
        for client in (plain("juliet", "x"), ScramClient("SCRAM-SHA-1", "juliet", "x")):
            answer = house.converse(client, context)
            self.assertEqual(answer, Failed(Condition.NOT_AUTHORIZED))
