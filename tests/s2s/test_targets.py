"""Tests of xmppd.s2s.targets."""

from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis.strategies import DrawFn, booleans, composite, integers, lists, sampled_from
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.network import SrvRecord
from xmppd.s2s.targets import (
    MAX_RECORDS,
    MAX_TARGETS,
    Draw,
    Redirect,
    Target,
    find_targets,
    fixed_target,
    literal,
    read_redirect,
)

DOMAIN = "example.net"
ITSELF = [Target(DOMAIN, 5269)]


def record(target: str, priority: int = 0, weight: int = 0, port: int = 5269) -> SrvRecord:
    return SrvRecord(priority, weight, port, target)


def first(_most: int) -> int:
    return 0


def last(most: int) -> int:
    return most


def scripted(drawn: Sequence[int]) -> Draw:
    """Return what draws these, one after the other."""
    draws = iter(drawn)
    return lambda most: min(most, next(draws))


def hosts(targets: list[Target]) -> str:
    return " ".join(target.host for target in targets)


def find(
    starttls: Sequence[SrvRecord], direct: Sequence[SrvRecord] = (), draw: Draw = first
) -> list[Target]:
    return find_targets(DOMAIN, starttls, direct, draw)


class FindTests(SynchronousTestCase):
    """What the DNS has answered, and where to go then."""

    def test_table(self) -> None:
        one, two = record("one.example"), record("two.example")
        nowhere = record(".", port=0)
        for starttls, direct, expected in (
            ((), (), ITSELF),
            ((one,), (), [Target("one.example", 5269)]),
            ((), (one,), [Target("one.example", 5269, direct=True)]),
            ((one,), (two,), [Target("one.example", 5269), Target("two.example", 5269, True)]),
            ((one,), (one,), [Target("one.example", 5269), Target("one.example", 5269, True)]),
            ((one, one), (), [Target("one.example", 5269)]),
            # RFC 2782, "Target": decidedly not available; XEP-0368 5: no way round by the domain.
            ((nowhere,), (), []),
            ((), (nowhere,), []),
            ((nowhere,), (nowhere,), []),
            ((nowhere,), (one,), [Target("one.example", 5269, True)]),
            ((one,), (nowhere,), [Target("one.example", 5269)]),
            ((nowhere, one), (), [Target("one.example", 5269)]),
        ):
            self.assertEqual(find(starttls, direct), expected)

    def test_what_is_of_no_use(self) -> None:
        """Addresses are not host names; who means one must not get around the rules for answers."""
        for target, port in (
            ("127.0.0.1", 5269),
            ("127.0.0.1.", 5269),
            ("[::1]", 5269),
            ("::1", 5269),
            ("", 5269),
            ("a b", 5269),
            ("a..b", 5269),
            ("\x1b[2J", 5269),
            ("x" * 64, 5269),
            ("one.example", 0),
            ("one.example", 65536),
        ):
            self.assertEqual(find([record(target, port=port)]), [], target)
            both = [record(target, port=port), record("two.example", 1)]
            self.assertEqual(hosts(find(both)), "two.example")

    def test_names_are_prepared(self) -> None:
        for target in ("ONE.example", "one.example.", "one\u3002EXAMPLE"):
            self.assertEqual(find([record(target)]), [Target("one.example", 5269)])
        self.assertEqual(
            hosts(find([record("_x.b\u00fccher.example")])), "_x.xn--bcher-kva.example"
        )

    def test_addresses_are_not_looked_up(self) -> None:
        for domain, host in (("127.0.0.1", "127.0.0.1"), ("[2001:db8::1]", "2001:db8::1")):
            for records in ([], [record("one.example")]):
                self.assertEqual(
                    find_targets(domain, records, records, first), [Target(host, 5269)]
                )

    def test_priorities_of_both_kinds_are_mixed(self) -> None:
        starttls = [record("b", 20), record("d", 65535), record("a", 5)]
        direct = [record("c", 30, 9, 443), record("z", 0, 0, 443)]
        found = find(starttls, direct, last)
        self.assertEqual(hosts(found), "z a b c d")
        self.assertEqual([target.direct for target in found], [True, False, False, True, False])
        self.assertEqual([target.port for target in found], [443, 5269, 5269, 443, 5269])

    def test_weights(self) -> None:
        """RFC 2782, "Weight": those of 0 first, then the first running sum not below the draw."""
        records = [record("a", 0, 10), record("b", 0, 20), record("zero"), record("c", 0, 70)]
        for drawn, expected in (
            ([0, 0, 0, 0], "zero a b c"),
            ([1, 0, 0, 0], "a zero b c"),
            ([10, 0, 0, 0], "a zero b c"),
            ([11, 0, 0, 0], "b zero a c"),
            ([30, 0, 0, 0], "b zero a c"),
            ([31, 0, 0, 0], "c zero a b"),
            ([100, 30, 10, 0], "c b a zero"),
            ([100, 10, 20, 0], "c a b zero"),
        ):
            self.assertEqual(hosts(find(records, (), scripted(drawn))), expected)

    def test_what_is_drawn_from(self) -> None:
        asked: list[int] = []

        def draw(most: int) -> int:
            asked.append(most)
            return most

        find([record("a", 0, 10), record("b", 0, 20), record("c", 1, 7)], [record("d", 0, 5)], draw)
        self.assertEqual(asked, [35, 30, 10, 7])

    def test_shares(self) -> None:
        """Of all numbers that can be drawn first, each weight gets its share."""
        records = [record("a", 0, 1), record("b", 0, 3), record("zero")]
        drawn = [find(records, (), scripted([number, 0, 0]))[0].host for number in range(5)]
        firsts = Counter(drawn)
        self.assertEqual(firsts, {"zero": 1, "a": 1, "b": 3})

    def test_limit(self) -> None:
        many = [record(f"h{number}.example", number) for number in range(500)]
        found = find(many)
        self.assertEqual(len(found), MAX_TARGETS)
        self.assertEqual(found[-1].host, f"h{MAX_TARGETS - 1}.example")
        self.assertEqual(len(find_targets(DOMAIN, many, many, first, limit=3)), 3)
        same = [record("one.example")] * (MAX_RECORDS - 1) + [record("two.example", 1)]
        self.assertEqual(hosts(find(same)), "one.example two.example")
        self.assertEqual(hosts(find([*same, record("one.example")])), "one.example")


@composite
def offers(draw: DrawFn) -> list[SrvRecord]:
    numbers = integers(0, 3)
    return [
        record(name, draw(numbers), draw(numbers))
        for name in draw(lists(sampled_from("abcdef"), max_size=6))
    ]


class AnyAnswerTests(SynchronousTestCase):
    """Whatever is drawn, each place comes once, and no worse one before a better one."""

    @settings(deadline=None, derandomize=True, database=None)
    @given(offers(), offers(), lists(integers(0, 9), min_size=12, max_size=12), booleans())
    def test_each_once(
        self, starttls: list[SrvRecord], direct: list[SrvRecord], drawn: list[int], high: bool
    ) -> None:
        found = find(starttls, direct, last if high else scripted(drawn))
        best: dict[Target, int] = {}
        for records, is_direct in ((starttls, False), (direct, True)):
            for each in records:
                target = Target(each.target, each.port, is_direct)
                best[target] = min(best.get(target, 9), each.priority)
        if not best:
            self.assertEqual(found, ITSELF)
            return
        self.assertEqual(sorted(map(repr, found)), sorted(map(repr, best)))
        priorities = [best[target] for target in found]
        self.assertEqual(priorities, sorted(priorities))


class FixedTests(SynchronousTestCase):
    """What an operator has set (RFC 6120 3.2.3)."""

    def test_table(self) -> None:
        for host, port, direct, expected in (
            ("", 0, False, Target(DOMAIN, 5269)),
            ("", 0, True, Target(DOMAIN, 5270, True)),
            ("", 5300, False, Target(DOMAIN, 5300)),
            ("im.example.com", 0, False, Target("im.example.com", 5269)),
            ("im.example.com", 443, True, Target("im.example.com", 443, True)),
            ("127.0.0.2", 0, False, Target("127.0.0.2", 5269)),
            ("::1", 0, False, Target("::1", 5269)),
            ("[::1]", 0, False, Target("::1", 5269)),
        ):
            self.assertEqual(fixed_target(DOMAIN, host, port, direct=direct), expected)
        self.assertEqual(fixed_target("[::1]"), Target("::1", 5269))

    def test_literals(self) -> None:
        for domain, expected in (
            ("example.net", ""),
            ("localhost", ""),
            ("xn--bcher-kva.example", ""),
            ("192.0.2.1", "192.0.2.1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[::ffff:192.0.2.1]", "::ffff:192.0.2.1"),
        ):
            self.assertEqual(literal(domain), expected)


class RedirectTests(SynchronousTestCase):
    """RFC 6120 4.9.3.19."""

    def test_table(self) -> None:
        for text, domain, port, target in (
            ("im.example.com", "im.example.com", 0, None),
            ("IM.example.com.:5270", "im.example.com", 5270, Target("im.example.com", 5270)),
            ("192.0.2.1", "192.0.2.1", 0, Target("192.0.2.1", 5269)),
            ("192.0.2.1:1", "192.0.2.1", 1, Target("192.0.2.1", 1)),
            ("[2001:41D0:1:A49b::1]:9222", "[2001:41d0:1:a49b::1]", 9222, None),
            ("[::1]", "[::1]", 0, Target("::1", 5269)),
            ("b\u00fccher.example:65535", "xn--bcher-kva.example", 65535, None),
        ):
            found = read_redirect(text)
            self.assertEqual(found, Redirect(domain, port))
            assert found is not None
            if target is not None or not port:
                self.assertEqual(found.target, target)
        v6 = read_redirect("[2001:41D0:1:A49b::1]:9222")
        assert v6 is not None
        self.assertEqual(v6.target, Target("2001:41d0:1:a49b::1", 9222))

    def test_what_leads_nowhere(self) -> None:
        for text in (
            "",
            ":5269",
            "im.example.com:",
            "im.example.com:0",
            "im.example.com:65536",
            "im.example.com:x",
            "im.example.com:\u0665",
            "im.example.com:5269:5269",
            "2001:db8::1",
            "[2001:db8::1",
            "[]",
            "[im.example.com]",
            "[fe80::1%eth0]",
            "user@example.com",
            "example.com/x",
            "a b",
            "127.1",
            "x" * 2000,
        ):
            self.assertIsNone(read_redirect(text), text)
