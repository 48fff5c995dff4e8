"""How delays grow, fade and stay bounded."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.clients import plain
from tests.auth.house import House
from xmppd.auth.doorkeeper import Success
from xmppd.auth.throttle import LONGEST, Throttle
from xmppd.sasl.exchange import Condition, Failed


class ThrottleTests(SynchronousTestCase):
    """`Throttle` on a clock."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.throttle = Throttle(self.clock, size=100)

    def delay(self, address: str = "", username: str = "") -> float:
        return round(self.throttle.delay(address, username), 3)

    def test_growth(self) -> None:
        for address, username in (("192.0.2.1", ""), ("", "juliet"), ("192.0.2.2", "romeo")):
            delays = []
            for _ in range(9):
                delays.append(self.delay(address, username))
                self.throttle.failed(address, username)
            expected = [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, LONGEST, LONGEST, LONGEST]
            self.assertEqual(delays, expected)

    # (seconds after a hundred failures, delay)
    FADING = ((0, LONGEST), (60, 0.8), (120, 0.2), (180, 0.1), (240, 0.071), (300, 0.0))

    def test_fading(self) -> None:
        for _ in range(100):
            self.throttle.failed("192.0.2.1", "juliet")
        for seconds, expected in self.FADING:
            self.clock.pump([seconds - self.clock.seconds()])
            self.assertEqual(self.delay("192.0.2.1"), expected)
            self.assertEqual(self.delay("", "juliet"), expected)

    def test_the_longer_delay_counts(self) -> None:
        self.throttle.failed("192.0.2.1", "")
        for _ in range(3):
            self.throttle.failed("", "juliet")
        self.assertEqual(self.delay("192.0.2.1", "juliet"), 0.4)
        self.assertEqual(self.delay("192.0.2.1", "romeo"), 0.1)
        self.assertEqual(self.delay("192.0.2.9", "juliet"), 0.4)
        self.assertEqual(self.delay("192.0.2.9", "romeo"), 0.0)

    # (an address that failed, another one, whether they count as one)
    ADDRESSES = (
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("/run/socket", "/run/socket", True),
        ("/run/socket", "/run/other", False),
    )

    def test_addresses(self) -> None:
        for failed, other, same in self.ADDRESSES:
            self.setUp()
            self.throttle.failed(failed, "")
            self.assertEqual(self.delay(other), 0.1 if same else 0.0, (failed, other))

    def test_spellings_of_a_name_count_as_one(self) -> None:
        self.throttle.failed("", "strasse")
        self.assertEqual(self.delay("", "straße"), 0.1)
        self.assertEqual(self.delay("", "Strasse"), 0.1)

    def test_a_name_no_account_can_have(self) -> None:
        name = "x" * 5000
        self.throttle.failed("", name)
        self.assertEqual(self.delay("", name), 0.1)

    def test_a_flood_is_bounded(self) -> None:
        for number in range(1000):
            self.throttle.failed(f"10.0.{number // 256}.{number % 256}", f"user{number}")
        self.assertEqual(len(self.throttle), 200)
        self.assertEqual(self.delay("10.0.0.1"), 0.0)
        self.assertEqual(self.delay("10.0.3.231", "user999"), 0.1)

    def test_who_goes_on_is_not_forgotten_in_a_flood(self) -> None:
        for number in range(1000):
            self.throttle.failed(f"10.0.{number // 256}.{number % 256}", "")
            if number % 50 == 0:
                self.throttle.failed("192.0.2.1", "")
        self.assertEqual(self.delay("192.0.2.1"), LONGEST)


class HeldBackTests(SynchronousTestCase):
    """What a client notices of it."""

    def setUp(self) -> None:
        self.house = House()
        self.house.add("juliet", "pencil")
        self.context = self.house.context()

    def seconds(self, user: str, password: str, address: str = "192.0.2.1") -> float:
        """How long an attempt takes on the clock."""
        attempt = self.house.authenticator.begin("PLAIN", self.context, address)
        assert not isinstance(attempt, Failed)
        started = self.house.clock.seconds()
        self.last = self.house.result(attempt.step(f"\0{user}\0{password}".encode()))
        return round(self.house.clock.seconds() - started, 1)

    def test_failures_wait_longer_and_longer(self) -> None:
        taken = [self.seconds("juliet", "guess") for _ in range(8)]
        self.assertEqual(taken[:4], [0.1, 0.2, 0.4, 0.8])
        self.assertLessEqual(max(taken), LONGEST + 0.1)  # the test's clock has steps of 0.1
        self.assertGreaterEqual(taken[-1], 2.9)
        self.assertEqual(self.last, Failed(Condition.NOT_AUTHORIZED))

    def test_unknown_users_wait_alike(self) -> None:
        known = [self.seconds("juliet", "guess") for _ in range(5)]
        self.setUp()
        self.assertEqual([self.seconds("romeo", "guess") for _ in range(5)], known)

    def test_nobody_is_locked_out(self) -> None:
        for number in range(30):
            self.seconds("juliet", "guess", f"10.0.0.{number}")
        taken = self.seconds("juliet", "pencil", "192.0.2.77")
        self.assertIsInstance(self.last, Success)
        self.assertLessEqual(taken, LONGEST + 0.1)
        self.assertGreaterEqual(taken, 2.0)  # counted by account, whatever the address

    def test_who_never_failed_waits_for_nothing(self) -> None:
        self.assertEqual(self.seconds("juliet", "pencil"), 0.0)
        self.assertIsInstance(self.last, Success)

    def test_guesses_side_by_side_wait_before_they_are_checked(self) -> None:
        for _ in range(6):
            self.seconds("juliet", "guess")
        self.house.workers.runs.clear()
        for _ in range(20):
            attempt = self.house.attempt("PLAIN", self.context)
            self.assertNoResult(attempt.step(b"\0juliet\0guess"))
        self.assertEqual(self.house.workers.runs, [])

    def test_what_is_no_guess_is_not_counted(self) -> None:
        for message in (b"\0juliet", b"romeo@example.org\0juliet\0pencil"):
            for _ in range(5):
                self.house.result(self.house.attempt("PLAIN", self.context).step(message))
        self.house.change("juliet", disabled=True)
        for _ in range(5):
            self.house.converse(plain("juliet", "pencil"), self.context)
        self.assertEqual(len(self.house.throttle), 0)

    def test_a_name_no_account_can_have_counts_for_its_address(self) -> None:
        self.seconds("a b", "guess")
        self.assertEqual(len(self.house.throttle), 1)
        self.assertAlmostEqual(self.house.throttle.delay("192.0.2.1", ""), 0.1, 3)
