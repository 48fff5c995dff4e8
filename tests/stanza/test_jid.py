"""Tests of addresses: the table of RFC 7622, values, limits, caches."""

import copy
import operator
import pickle
from dataclasses import FrozenInstanceError

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.stanza.jid_table import rows
from xmppd.stanza import jid as jid_module
from xmppd.stanza import prep
from xmppd.stanza._generations import Generations
from xmppd.stanza.jid import JID, JIDError

_settings = settings(deadline=None, derandomize=True, database=None, max_examples=500)

_NEWER_EMOJI = "\U0001fae8"  # Unicode 15


class TableTests(SynchronousTestCase):
    """What RFC 7622 says of addresses."""

    def test_addresses(self) -> None:
        for row in rows("ok", "foreign"):
            jid = JID.parse(row.address)
            parts = (jid.localpart, jid.domainpart, jid.resourcepart)
            self.assertEqual(parts, (row.localpart, row.domainpart, row.resourcepart), row)

    def test_no_addresses(self) -> None:
        for row in rows("bad"):
            self.assertRaises(JIDError, JID.parse, row.address)

    def test_table_has_all_examples_of_the_rfc(self) -> None:
        sources = {row.source for row in rows("ok", "foreign", "bad")}
        examples = {f"RFC 7622 3.5 example {number}" for number in range(1, 24)}
        self.assertEqual(examples - sources, set())

    def test_newer_emoji_pass(self) -> None:
        for text in (f"{_NEWER_EMOJI}@example.com", f"a@example.com/{_NEWER_EMOJI}"):
            self.assertEqual(str(JID.parse(text)), text)


class ParseTests(SynchronousTestCase):
    """From text to addresses and back."""

    @given(
        st.text(max_size=20)
        | st.text(st.sampled_from("aZ\u00fc@/.[]:1 \u265a\uff20\u3000"), max_size=12)
        | st.builds(
            "{}@{}.example/{}".format,
            st.text("aZ\u00fc\u212a", min_size=1),
            st.text("aZ\u00fc", min_size=1),
            st.text(min_size=1),
        )
    )
    @_settings
    def test_round_trip(self, text: str) -> None:
        try:
            jid = JID.parse(text)
        except JIDError:
            return
        again = JID.parse(str(jid))
        self.assertEqual(again, jid)
        self.assertEqual(
            (again.localpart, again.domainpart, again.resourcepart),
            (jid.localpart, jid.domainpart, jid.resourcepart),
        )

    @given(st.text(max_size=8), st.text(max_size=8))
    @_settings
    def test_strict_and_lenient_agree(self, local: str, resource: str) -> None:
        try:
            parts = prep.localpart(local), prep.resourcepart(resource)
        except prep.PrepError:
            return
        jid = JID.parse(f"{local}@example.com/{resource}")
        self.assertEqual((jid.localpart, jid.resourcepart), parts)

    def test_errors_are_the_same_the_second_time(self) -> None:
        for text in ("@example.com", "example.com/", "a b@example.com", "a@b@c", ""):
            first = self.assertRaises(JIDError, JID.parse, text)
            second = self.assertRaises(JIDError, JID.parse, text)
            self.assertEqual(str(first), str(second))

    def test_messages(self) -> None:
        for text, expected in [
            ("@example.com", "localpart is empty"),
            ("a@", "domainpart is empty"),
            ("example.com/", "resourcepart is empty"),
            ("a" * 3072, "address is longer than 3071 bytes: '" + "a" * 64 + "'..."),
        ]:
            self.assertEqual(str(self.assertRaises(JIDError, JID.parse, text)), expected)


class LengthTests(SynchronousTestCase):
    """The most an address may have, and what longer ones cost."""

    def test_longest_parts(self) -> None:
        local, resource = "\u00fc" * 511 + "a", "\u4e2d" * 341
        domain = ".".join(["d" * 63] * 3 + ["e" * 61])
        jid = JID.parse(f"{local}@{domain}/{resource}")
        self.assertEqual(
            (jid.localpart, jid.domainpart, jid.resourcepart), (local, domain, resource)
        )
        for text in (
            f"{local}a@{domain}/{resource}",
            f"{local}@{domain}e/{resource}",
            f"{local}@{domain}/{resource}a",
        ):
            self.assertRaises(JIDError, JID.parse, text)

    def test_too_long_is_refused_unseen(self) -> None:
        def never(_text: str) -> str:
            raise AssertionError("a long address was looked into")

        for name in ("foreign_localpart", "foreign_domainpart", "foreign_resourcepart"):
            self.patch(prep, name, never)
        for text in ("a" * 200_000, "\u00fc" * 3072, "a@b/" + "c" * 3068, "/" * 200_000):
            self.assertRaises(JIDError, JID.parse, text)


class ValueTests(SynchronousTestCase):
    """Addresses as values."""

    def test_text(self) -> None:
        for parts, text in [
            (("", "example.com", ""), "example.com"),
            (("a", "example.com", ""), "a@example.com"),
            (("", "example.com", "r"), "example.com/r"),
            (("a", "example.com", "r/s"), "a@example.com/r/s"),
        ]:
            jid = JID.make(*parts)
            self.assertEqual(str(jid), text)
            self.assertEqual(repr(jid), f"JID({text!r})")
            self.assertEqual(jid, JID.parse(text))
            self.assertEqual(hash(jid), hash(JID.parse(text)))

    def test_bare_and_full(self) -> None:
        for text, full in [("example.com", False), ("a@example.com", False), ("a@b.c/r", True)]:
            jid = JID.parse(text)
            self.assertEqual((jid.is_full, jid.is_bare), (full, not full), text)

    def test_equality(self) -> None:
        jid = JID.make("a", "example.com", "r")
        self.assertTrue(jid == JID.make("a", "example.com", "r"))
        for other in (
            JID.make("b", "example.com", "r"),
            JID.make("a", "example.net", "r"),
            JID.make("a", "example.com", "R"),
            JID.make("a", "example.com"),
            "a@example.com/r",
            None,
        ):
            self.assertFalse(jid == other, other)
            self.assertTrue(jid != other, other)

    def test_order(self) -> None:
        texts = ["b@example.com", "a@example.com/r", "a@example.com", "example.com"]
        self.assertEqual([str(jid) for jid in sorted(map(JID.parse, texts))], sorted(texts))
        self.assertTrue(JID.parse("a@b.c") <= JID.parse("a@b.c") < JID.parse("a@b.c/r"))
        self.assertRaises(TypeError, operator.lt, JID.parse("a@b.c"), "a@b.c")

    def test_immutable(self) -> None:
        jid = JID.parse("a@example.com/r")
        for name in ("localpart", "_text", "other"):
            with self.assertRaises((FrozenInstanceError, TypeError)):
                setattr(jid, name, "x")
        with self.assertRaises(FrozenInstanceError):
            del jid.localpart
        self.assertFalse(hasattr(jid, "__dict__"))

    def test_copies(self) -> None:
        jid = JID.parse("a@example.com/r")
        for other in (copy.copy(jid), copy.deepcopy(jid), pickle.loads(pickle.dumps(jid))):
            self.assertEqual(other, jid)
            self.assertEqual(other.bare, jid.bare)


class BareTests(SynchronousTestCase):
    """Addresses without and with another resource."""

    def test_bare_of_bare_is_itself(self) -> None:
        jid = JID.parse("a@example.com")
        self.assertIs(jid.bare, jid)

    def test_bare_is_one_object(self) -> None:
        bare = JID.parse("shared@example.com")
        for jid in (
            JID.parse("shared@example.com/1"),
            JID.parse("Shared@Example.com./2"),
            JID.parse("shared@example.com/3").with_resource("4"),
            JID.make("shared", "example.com", "5"),
        ):
            self.assertIs(jid.bare, bare)
            self.assertIs(jid.bare, bare)

    def test_bare_of_made_jid(self) -> None:
        jid = JID.make("never-parsed", "example.com", "r")
        self.assertEqual(str(jid.bare), "never-parsed@example.com")
        self.assertIs(jid.bare, jid.bare)

    def test_made_jid_does_not_enter_the_caches(self) -> None:
        """What was never prepared must not be found by those who parse."""
        self.assertEqual(str(JID.make("UPPER", "example.com", "r").bare), "UPPER@example.com")
        self.assertEqual(str(JID.parse("UPPER@example.com")), "upper@example.com")
        self.assertEqual(str(JID.make("UPPER", "example.com", "r").bare), "UPPER@example.com")

    def test_with_resource(self) -> None:
        for text in ("a@example.com", "a@example.com/old", "example.com"):
            jid = JID.parse(text)
            self.assertEqual(jid.with_resource("u\u0308").resourcepart, "\u00fc")
            self.assertEqual(jid.with_resource("new"), JID.parse(f"{jid.bare}/new"))
        for resource in ("", "a\nb", "a" * 1024):
            self.assertRaises(JIDError, JID.parse("example.com").with_resource, resource)


class CacheTests(SynchronousTestCase):
    """What is kept of addresses seen, and that it stays little."""

    def setUp(self) -> None:
        self.domains: Generations[str] = Generations(8)
        self.bares: Generations[JID] = Generations(8)
        self.fulls: Generations[JID] = Generations(8)
        for name in ("domains", "bares", "fulls"):
            self.patch(jid_module, f"_{name}", getattr(self, name))

    def _sizes(self) -> list[int]:
        return [len(self.domains), len(self.bares), len(self.fulls)]

    def test_same_text_gives_same_object(self) -> None:
        for text in (
            "example.com",
            "a@example.com",
            "a@example.com/r",
            "\u00fc@example.com/\u00fc",
        ):
            self.assertIs(JID.parse(text), JID.parse(text))

    def test_flood_keeps_the_sizes_bounded(self) -> None:
        for number in range(1000):
            JID.parse(f"a{number}@{number}.example.com/{number}")
            for size in self._sizes():
                self.assertLessEqual(size, 16)
        self.assertEqual(self._sizes(), [16, 16, 16])

    def test_text_of_256_bytes_is_kept(self) -> None:
        for text in ("a" * 244 + "@example.com", "\u00fc" * 122 + "@example.com"):
            self.assertIs(JID.parse(text), JID.parse(text))
        self.assertEqual(self._sizes(), [1, 2, 0])

    def test_longer_texts_are_not_kept(self) -> None:
        for text in (
            "a" * 245 + "@example.com",
            "\u00fc" * 123 + "@example.com",
            "example.com/" + "r" * 245,
            "\u00ad" * 128 + "example.com",
        ):
            self.assertEqual(JID.parse(text), JID.parse(text))
        self.assertEqual(self._sizes(), [1, 1, 0])  # example.com

    def test_bad_texts_are_not_kept(self) -> None:
        for text in ("a b@example.com", "a@b_ c", "@"):
            self.assertRaises(JIDError, JID.parse, text)
        self.assertEqual(self._sizes(), [0, 0, 0])

    def test_resource_that_fails_leaves_the_rest_usable(self) -> None:
        self.assertRaises(JIDError, JID.parse, "a@example.com/\n")
        self.assertEqual(str(JID.parse("a@example.com")), "a@example.com")
