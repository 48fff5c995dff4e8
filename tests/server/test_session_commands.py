"""Commands about sessions and the state of the server."""

from twisted.trial.unittest import SynchronousTestCase

from tests.server.house import House
from xmppd.api.commands import CommandError
from xmppd.server.session_commands import MOST_ROWS, Announced, SessionKicked, SessionRow
from xmppd.testing.fake_session import FakeSession

NOON = "2026-01-01T12:00:00Z"


def row(address: str) -> SessionRow:
    return SessionRow(address, "local", False, 0, False, NOON)


class SessionCommandTests(SynchronousTestCase):
    """Who is there, and who has to go."""

    def setUp(self) -> None:
        self.house = House()
        self.tybalt = self.house.login("tybalt@example.net/street")
        self.nurse = self.house.login("nurse@example.org/chamber")
        self.chamber = self.house.login("juliet@example.org/chamber")
        self.balcony = self.house.login("juliet@example.org/balcony")

    def test_list(self) -> None:
        balcony, chamber = row("juliet@example.org/balcony"), row("juliet@example.org/chamber")
        nurse, tybalt = row("nurse@example.org/chamber"), row("tybalt@example.net/street")
        table: list[tuple[dict[str, object], list[SessionRow]]] = [
            ({}, [balcony, chamber, nurse, tybalt]),
            ({"limit": 1}, [balcony]),
            ({"after": "juliet@example.org/balcony", "limit": 2}, [chamber, nurse]),
            ({"after": "juliet@example.org"}, [balcony, chamber, nurse, tybalt]),
            ({"after": "nobody@example.org/x"}, [nurse, tybalt]),
            ({"after": "tybalt@example.net/street"}, []),
            ({"of": "example.org", "after": "juliet@example.org/chamber"}, [nurse]),
            ({"of": "example.net"}, [tybalt]),
            ({"of": "Juliet@example.org"}, [balcony, chamber]),
            ({"of": "juliet@example.org/chamber"}, [chamber]),
            ({"of": "romeo@example.org"}, []),
        ]
        for arguments, expected in table:
            with self.subTest(arguments=arguments):
                self.assertEqual(self.house.run("session list", **arguments), expected)

    def test_list_is_refused(self) -> None:
        table: list[tuple[dict[str, object], str]] = [
            ({"limit": 0}, "the limit is a number from 1"),
            ({"limit": MOST_ROWS + 1}, "the limit is a number from 1"),
            ({"of": "@"}, "part"),
            ({"after": "@"}, "part"),
            ({"of": "romeo@example.com"}, "example.com is not served here; hosts: example.org, "),
            (
                {"of": "romeo"},
                "romeo is not served here; hosts: example.org, example.net; "
                "write an account like juliet@example.org",
            ),
            ({"after": "x@example.com/y"}, "example.com is not served here; hosts: example.org, "),
        ]
        for arguments, message in table:
            with self.subTest(arguments=arguments):
                error = self.assertRaises(CommandError, self.house.run, "session list", **arguments)
                self.assertIn(message, str(error))

    def test_kick_one(self) -> None:
        kicked = self.house.run(
            "session kick", address="juliet@example.org/chamber", text="go to bed"
        )
        self.assertEqual(kicked, [SessionKicked("juliet@example.org/chamber")])
        self.assertEqual(self.chamber.closed_with, "policy-violation")
        self.assertEqual(self.balcony.closed_with, "")

    def test_kick_all_of_an_account(self) -> None:
        kicked = self.house.run("session kick", address="juliet@example.org")
        self.assertEqual(len(kicked), 2)
        self.assertEqual(self.balcony.closed_with, "policy-violation")
        self.assertEqual(self.chamber.closed_with, "policy-violation")
        self.assertEqual(self.nurse.closed_with, "")
        self.assertEqual(self.tybalt.closed_with, "")

    def test_announce(self) -> None:
        here = {self.nurse, self.chamber, self.balcony}
        table: list[tuple[dict[str, str], set[FakeSession]]] = [
            ({}, {*here, self.tybalt}),
            ({"host": "example.net"}, {self.tybalt}),
            ({"host": "Example.org"}, here),
        ]
        for arguments, reached in table:
            told = self.house.run("announce", text="A <plague>", **arguments)
            self.assertEqual(told, Announced(len(reached)))
            for session in (*here, self.tybalt):
                message = (
                    f"<message from='{session.jid.domainpart}' to='{session.jid}' type='headline'>"
                    "<body>A &lt;plague></body></message>"
                )
                session.receives(*[message] * (session in reached))

    def test_announce_is_refused(self) -> None:
        served = "is not served here; hosts: example.org, example.net"
        table = [
            ("", None, "there is nothing to announce"),
            (" \n", None, "there is nothing to announce"),
            ("\x00", None, "U+0000 cannot be written in XML"),
            ("x", "example.com", f"example.com {served}"),
            ("x", "juliet@example.org", f"juliet@example.org {served}"),
            ("x", "@", "part"),
        ]
        for text, host, message in table:
            arguments = {"text": text} | ({} if host is None else {"host": host})
            error = self.assertRaises(CommandError, self.house.run, "announce", **arguments)
            self.assertIn(message, str(error))
        for session in (self.nurse, self.chamber, self.balcony, self.tybalt):
            session.receives()

    def test_kick_is_refused(self) -> None:
        table = [
            ("example.org", "a host cannot be kicked"),
            ("romeo@example.org", "romeo@example.org has no session here"),
            ("juliet@example.com/x", "juliet@example.com/x has no session here"),
        ]
        for address, message in table:
            with self.subTest(address=address):
                error = self.assertRaises(
                    CommandError, self.house.run, "session kick", address=address
                )
                self.assertIn(message, str(error))
