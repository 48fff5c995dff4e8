"""What answers say: tables of messages."""

from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase

from tests.net.messages import NAME, a, aaaa, answer, cname, record, soa
from xmppd.api.network import Trouble
from xmppd.net.dns_answer import MOST_ALIASES, Alias, Found, Nothing, read

OTHER = "other.example"
ONE, TWO = a("192.0.2.1"), a("192.0.2.2")


class ReadTests(SynchronousTestCase):
    """All ask for the IPv4 addresses of example.net."""

    def check(self, table: list[tuple[str, dns.Message, Found | Alias | Nothing]]) -> None:
        for what, message, expected in table:
            with self.subTest(what=what):
                self.assertEqual(read(message, NAME, dns.A), expected)

    def test_records(self) -> None:
        self.check(
            [
                ("one", answer(record(NAME, ONE)), Found((ONE,), 300)),
                ("capitals", answer(record("Example.NET", ONE)), Found((ONE,), 300)),
                (
                    "the shortest time counts",
                    answer(record(NAME, ONE, 60), record(NAME, TWO, 30)),
                    Found((ONE, TWO), 30),
                ),
                ("no time", answer(record(NAME, ONE, 0)), Found((ONE,), 0)),
                ("a negative time", answer(record(NAME, ONE, 1 << 31)), Found((ONE,), 0)),
                (
                    "of another name, type or class",
                    answer(
                        record(OTHER, TWO),
                        record(NAME, aaaa("2001:db8::1")),
                        record(NAME, TWO, cls=dns.CH),
                        record(NAME, ONE),
                    ),
                    Found((ONE,), 300),
                ),
            ]
        )

    def test_aliases(self) -> None:
        chain = [record(f"{n}.example", cname(f"{n + 1}.example")) for n in range(10)]
        first = record(NAME, cname("1.example"))
        last = record(f"{MOST_ALIASES}.example", ONE)
        self.check(
            [
                (
                    "with what it stands for",
                    answer(record(NAME, cname(OTHER), 20), record(OTHER, ONE)),
                    Found((ONE,), 20),
                ),
                (
                    "in any order",
                    answer(record(OTHER, ONE), record(NAME, cname("OTHER.example"))),
                    Found((ONE,), 300),
                ),
                ("alone", answer(record(NAME, cname(OTHER), 20)), Alias(OTHER, 20)),
                (
                    "of an alias",
                    answer(record(NAME, cname("x"), 50), record("x", cname(OTHER), 20)),
                    Alias(OTHER, 20),
                ),
                (
                    "that hides an address of its own",
                    answer(record(NAME, cname(OTHER)), record(NAME, ONE)),
                    Alias(OTHER, 300),
                ),
                ("of itself", answer(record(NAME, cname(NAME))), Nothing(Trouble.LOOP)),
                (
                    "in a circle",
                    answer(record(NAME, cname(OTHER)), record(OTHER, cname(NAME))),
                    Nothing(Trouble.LOOP),
                ),
                (
                    "as many as are followed",
                    answer(first, *chain[1:MOST_ALIASES], last),
                    Found((ONE,), 300),
                ),
                (
                    "one more",
                    answer(first, *chain[1 : MOST_ALIASES + 1], last),
                    Nothing(Trouble.LOOP),
                ),
                ("of strange bytes", answer(record(NAME, cname("\xff.x"))), Alias("\xff.x", 300)),
            ]
        )

    def test_nothing(self) -> None:
        zone = record("net", soa(40), 90)
        self.check(
            [
                ("no records", answer(), Nothing(Trouble.NO_RECORDS, 0)),
                ("no records, it says", answer(authority=[zone]), Nothing(Trouble.NO_RECORDS, 40)),
                (
                    "the record's own time",
                    answer(authority=[record("net", soa(40), 5)]),
                    Nothing(Trouble.NO_RECORDS, 5),
                ),
                ("no name", answer(code=dns.ENAME), Nothing(Trouble.NO_NAME, 0)),
                (
                    "no name, it says",
                    answer(code=dns.ENAME, authority=[zone]),
                    Nothing(Trouble.NO_NAME, 40),
                ),
                (
                    "an alias of no name",
                    answer(record(NAME, cname(OTHER), 7), code=dns.ENAME, authority=[zone]),
                    Nothing(Trouble.NO_NAME, 7),
                ),
                (
                    "no name, and yet an address",
                    answer(record(NAME, ONE), code=dns.ENAME),
                    Found((ONE,), 300),
                ),
            ]
        )
