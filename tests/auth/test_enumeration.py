"""Who asks must not learn who has an account (RFC 6120 6.5.10): told by calls, not by the clock."""

from pathlib import Path

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse as InMemory
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.clients import Client, DigestClient, ScramClient, plain
from tests.auth.house import DOMAIN, House, keyless, password_file
from tests.auth.token import DirectoryStore
from xmppd.auth.attempt import Answer
from xmppd.auth.first_of import FirstOf
from xmppd.sasl import scram
from xmppd.sasl.exchange import Challenge, Condition, Failed

SCRAMS = tuple(mechanism.name for mechanism in scram.MECHANISMS)

Trace = tuple[list[str], list[tuple[object, ...]], list[str], float, Answer]


def client_for(mechanism: str, user: str, password: str) -> Client:
    """A client with a password."""
    if mechanism == "PLAIN":
        return plain(user, password)
    if mechanism == "DIGEST-MD5":
        return DigestClient(user, password, DOMAIN)
    return ScramClient(mechanism, user, password)


class EnumerationTests(SynchronousTestCase):
    """An unknown user and a wrong password leave the same trace."""

    def chain(self, kinds: str) -> House:
        """A house whose stores know juliet: each by another password."""
        path = Path(self.mktemp())
        path.write_bytes(b"juliet:pencil\n")
        stores: dict[str, ICredentialsChecker | None] = {
            "shipped": None,
            "file": password_file(path),
            "memory": InMemory(juliet=b"pencil"),
            "directory": DirectoryStore(juliet="pencil"),
        }
        house = House([None])
        chosen = [stores[kind] or house.store for kind in kinds.split()]
        house.portal.checkers.clear()
        house.portal.registerChecker(FirstOf(chosen))
        if "shipped" in kinds:
            house.add("juliet", "pencil")
        return house

    def trace(self, house: House, client: Client) -> Trace:
        """What an attempt does: storage calls, PBKDF2 runs, steps and waiting."""
        attempt = house.attempt(client.mechanism)
        house.accounts.calls.clear()
        house.workers.runs.clear()
        started = house.clock.seconds()
        steps: list[str] = []
        data = client.first()
        while True:
            answer = house.result(attempt.step(data))
            steps.append(type(answer).__name__)
            if not isinstance(answer, Challenge):
                break
            data = client.respond(answer.data)
        runs = [self.cost(run) for run in house.workers.runs]
        return house.accounts.calls[:], runs, steps, house.clock.seconds() - started, answer

    def cost(self, run: tuple[object, ...]) -> tuple[object, ...]:
        """What a derivation costs: all of it but the password and the salt."""
        function, *arguments = run
        inner = getattr(function, "func", function)
        return (getattr(inner, "__name__", inner), *(a for a in arguments if isinstance(a, int)))

    # (stores, mechanisms, derivations of one attempt)
    ROWS = (
        ("shipped", ("PLAIN",), 1),
        ("shipped", SCRAMS, 0),
        ("file", ("PLAIN", "DIGEST-MD5"), 0),
        ("file", SCRAMS, 1),
        ("memory", SCRAMS, 1),
        ("directory", SCRAMS, 1),
        ("shipped file", ("PLAIN",), 1),
        ("file shipped", ("PLAIN",), 1),
    )

    def test_same_calls_same_derivations_same_steps_same_error(self) -> None:
        for kinds, mechanisms, derivations in self.ROWS:
            for mechanism in mechanisms:
                known = self.trace(self.chain(kinds), client_for(mechanism, "juliet", "guess"))
                unknown = self.trace(self.chain(kinds), client_for(mechanism, "romeo", "guess"))
                self.assertEqual(known, unknown, (kinds, mechanism))
                self.assertEqual(len(known[1]), derivations, (kinds, mechanism))
                self.assertEqual(known[4], Failed(Condition.NOT_AUTHORIZED))

    def test_a_user_of_another_store_is_unknown_to_the_shipped_one(self) -> None:
        for mechanism in ("PLAIN", *SCRAMS):
            house = self.chain("shipped")
            attempt = client_for(mechanism, "romeo", "guess")
            unknown = self.trace(house, attempt)
            house = self.chain("shipped")
            context = house.context()
            house.put(keyless("romeo"))
            self.patch(house, "context", lambda context=context: context)
            elsewhere = self.trace(house, client_for(mechanism, "romeo", "guess"))
            self.assertEqual(elsewhere, unknown, mechanism)

    def test_unknown_names_are_salted_alike_each_time(self) -> None:
        house = self.chain("shipped")
        salts = {}
        for user in ("romeo", "juliet", "tybalt", "strasse", "straße"):
            for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
                seen = set()
                for _ in range(2):
                    answer = house.result(
                        house.attempt(mechanism).step(ScramClient(mechanism, user, "x").first())
                    )
                    assert isinstance(answer, Challenge)
                    fields = dict(part.split(b"=", 1) for part in answer.data.split(b","))
                    self.assertEqual(fields[b"i"], b"4096")
                    self.assertEqual(len(fields[b"s"]), 24)
                    seen.add(fields[b"s"])
                self.assertEqual(len(seen), 1, user)
                salts[user, mechanism] = seen.pop()
        # Two spellings of one name have one salt, as they have if there is an account.
        self.assertEqual(salts["strasse", "SCRAM-SHA-1"], salts["straße", "SCRAM-SHA-1"])
        self.assertEqual(len(set(salts.values())), 8)
