"""Tests of localparts and resourceparts, ours and those of other servers."""

import itertools
import unicodedata
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from precis_i18n import get_profile
from precis_i18n.context import context_rule_error
from precis_i18n.unicode import UnicodeData
from twisted.trial.unittest import SynchronousTestCase

from tests.stanza.jid_table import rows
from xmppd.stanza import _precis, prep

_settings = settings(deadline=None, derandomize=True, database=None, max_examples=500)

_EXCLUDED = "\"&'/:<>@"

_NEWER_EMOJI = "\U0001fae8"  # Unicode 15
_UNASSIGNED = "\u0378"  # in no version so far

# (received, prepared by the strict function, by the foreign one); None for what is refused
_LOCALPARTS: list[tuple[str, str | None, str | None]] = [
    ("", None, None),
    ("Juliet", "juliet", "juliet"),
    ("ju.li;et?=[!]", "ju.li;et?=[!]", "ju.li;et?=[!]"),
    *[(f"a{char}b", None, None) for char in _EXCLUDED + " \t\n\x00\x1f\x7f"],
    # fullwidth forms of the excluded characters, and one that is left by a composition
    *[(f"a{chr(ord(char) + 0xFEE0)}b", None, None) for char in _EXCLUDED],
    ("a\uff20\u265a", None, None),
    ("a\u226eb", None, None),
    ("\u2100", None, None),
    ("J\u00dcRGEN", "j\u00fcrgen", "j\u00fcrgen"),
    ("ju\u0308rgen", "j\u00fcrgen", "j\u00fcrgen"),
    ("\uff2a\uff35", "ju", "ju"),
    ("\u30ab\u30fb\u30ab\u30fb", "\u30ab\u30fb\u30ab\u30fb", "\u30ab\u30fb\u30ab\u30fb"),
    ("\u30fb\u30fb", None, "\u30fb\u30fb"),
    ("l\u00b7l", "l\u00b7l", "l\u00b7l"),
    ("a\u00b7l", None, "a\u00b7l"),
    ("\u0915\u094d\u200d", "\u0915\u094d\u200d", "\u0915\u094d\u200d"),
    ("a\u200d", None, "a\u200d"),
    ("\u05d0\u05d1", "\u05d0\u05d1", "\u05d0\u05d1"),
    ("\u05d0b", None, "\u05d0b"),
    ("henry\u2163", None, "henry\u2163"),
    ("\u265a", None, "\u265a"),
    (_UNASSIGNED, None, _UNASSIGNED),
    ("a\u00a0b", None, None),
    ("a\u1680b", None, None),
    ("a\u2003b", None, None),
    ("a\u3000b", None, None),
    ("a\u0085b", None, None),
    ("a\u2028b", None, None),
    ("a\ud800b", None, None),
    ("a\udfffb", None, None),
    ("a\ufdd0b", None, None),
    ("a\ufffeb", None, None),
    ("a\U0001ffffb", None, None),
    ("a\U0010fffeb", None, None),
]

_RESOURCEPARTS: list[tuple[str, str | None, str | None]] = [
    ("", None, None),
    ("Balcony", "Balcony", "Balcony"),
    ("a/b@c d", "a/b@c d", "a/b@c d"),
    (" a", None, " a"),
    ("\u3000a", None, " a"),
    ("a ", "a ", "a "),
    ("a\u00a0b", "a b", "a b"),
    ("u\u0308", "\u00fc", "\u00fc"),
    ("\uff2a", "\uff2a", "\uff2a"),
    ("\u265a", "\u265a", "\u265a"),
    ("\u05d0b", "\u05d0b", "\u05d0b"),
    ("\u0661\u0662\u0661", "\u0661\u0662\u0661", "\u0661\u0662\u0661"),
    ("\u0661\u06f1", None, "\u0661\u06f1"),
    ("\u2764\ufe0f", None, "\u2764\ufe0f"),
    (_UNASSIGNED, None, _UNASSIGNED),
    *[(f"a{char}b", None, None) for char in "\t\n\x00\x1f\x7f\x85\u2028\u2029"],
    ("a\ud800b", None, None),
    ("a\ufdefb", None, None),
    ("a\uffffb", None, None),
    ("a\U0010ffffb", None, None),
]

_Prepare = Callable[[str], str]


def _try(prepare: _Prepare, text: str) -> str | None:
    try:
        return prepare(text)
    except prep.PrepError:
        return None


def _reference(profile: str, text: str) -> str | None:
    """What the profile alone says: the slow way."""
    try:
        return get_profile(profile).enforce(text)
    except UnicodeEncodeError:
        return None


def _slow_localpart(text: str) -> str | None:
    prepared = _reference("UsernameCaseMapped", text)
    if prepared is None or any(char in _EXCLUDED for char in prepared):
        return None
    return prepared


def _slow_resourcepart(text: str) -> str | None:
    prepared = _reference("OpaqueString", text)
    return None if prepared is None or prepared.startswith(" ") else prepared


class TableTests(SynchronousTestCase):
    """Single texts and what becomes of them."""

    def test_localparts(self) -> None:
        for text, strict, foreign in _LOCALPARTS:
            self.assertEqual(_try(prep.localpart, text), strict, ascii(text))
            self.assertEqual(_try(prep.foreign_localpart, text), foreign, ascii(text))

    def test_resourceparts(self) -> None:
        for text, strict, foreign in _RESOURCEPARTS:
            self.assertEqual(_try(prep.resourcepart, text), strict, ascii(text))
            self.assertEqual(_try(prep.foreign_resourcepart, text), foreign, ascii(text))

    def test_emoji_newer_than_unicode_14(self) -> None:
        text = "a" + _NEWER_EMOJI
        self.assertEqual(prep.foreign_localpart(text), text)
        self.assertEqual(prep.foreign_resourcepart(text), text)
        self.assertRaises(prep.PrepError, prep.localpart, text)
        known = unicodedata.category(_NEWER_EMOJI) != "Cn"  # from Python 3.13 on
        self.assertEqual(_try(prep.resourcepart, text), text if known else None)

    def test_rfc_7622_by_the_letter(self) -> None:
        """The strict functions accept the parts of what is a JID, and refuse one of what is not."""
        for row in rows("ok", "foreign"):
            head, _, resource = row.address.partition("/")
            local, _, domain = head.rpartition("@")
            results = [
                _try(prep.localpart, local) if local else "",
                _try(prep.domainpart, domain),
                _try(prep.resourcepart, resource) if resource else "",
            ]
            if row.verdict == "ok":
                expected = [row.localpart, row.domainpart, row.resourcepart]
                self.assertEqual(results, expected, row)
            else:
                self.assertIn(None, results, row)


class ShortWayTests(SynchronousTestCase):
    """The way through ASCII gives what the profiles give."""

    def test_localparts(self) -> None:
        for text in _short_texts():
            expected = _slow_localpart(text)
            self.assertEqual(_try(prep.localpart, text), expected, ascii(text))
            self.assertEqual(_try(prep.foreign_localpart, text), expected, ascii(text))

    def test_resourceparts(self) -> None:
        for text in _short_texts():
            expected = _slow_resourcepart(text)
            self.assertEqual(_try(prep.resourcepart, text), expected, ascii(text))
            if not text.startswith(" "):
                self.assertEqual(_try(prep.foreign_resourcepart, text), expected, ascii(text))

    @given(st.text(max_size=10) | st.text(st.characters(max_codepoint=0x7FF), max_size=10))
    @_settings
    def test_mixed_texts(self, text: str) -> None:
        for strict, foreign, slow in (
            (prep.localpart, prep.foreign_localpart, _slow_localpart),
            (prep.resourcepart, prep.foreign_resourcepart, _slow_resourcepart),
        ):
            expected = slow(text)
            self.assertEqual(_try(strict, text), expected)
            if expected is not None:
                self.assertEqual(_try(foreign, text), expected)


class PrecisTests(SynchronousTestCase):
    """Our walk over the characters agrees with the one of precis_i18n."""

    @given(
        st.text(min_size=1, max_size=12)
        | st.text(
            st.sampled_from(
                "l\u00b7\u0375\u03b1\u05d0\u05f3\u30fb\u30ab\u0661\u06f1\u200c\u200d\u094d\u0628"
            ),
            min_size=1,
            max_size=12,
        )
    )
    @_settings
    def test_agrees(self, text: str) -> None:
        self.assertEqual(
            _try(lambda text: _precis.username("text", text), text),
            _reference("UsernameCaseMapped", text),
        )
        self.assertEqual(
            _try(lambda text: _precis.opaque("text", text), text), _reference("OpaqueString", text)
        )

    def test_one_turn_of_the_rules_is_enough(self) -> None:
        """The loop of RFC 8265 section 5 would change nothing, for any character there is."""
        for code in range(0x80, 0x1FFFF):
            char = chr(code)
            if 0x3400 <= code < 0xA000 or unicodedata.category(char) in ("Cn", "Co", "Cs"):
                continue
            for text in (char, f"a{char}\u0301\u0345"):
                for prepare in (prep.localpart, prep.resourcepart):
                    prepared = _try(prepare, text)
                    if prepared is not None:
                        self.assertEqual(_try(prepare, prepared), prepared, ascii(text))

    def test_rules_over_the_whole_string_are_asked_once(self) -> None:
        """Else 340 dots cost 340 walks over the string."""
        asked = []

        def counting(text: str, index: int, unicode_data: UnicodeData) -> str:
            asked.append(index)
            return context_rule_error(text, index, unicode_data)

        self.patch(_precis, "context_rule_error", counting)
        prep.localpart("\u30fb" * 340 + "\u30ab")
        prep.resourcepart("\u0661\u0662" * 255)
        self.assertEqual(asked, [0, 0, 1])


class LengthTests(SynchronousTestCase):
    """1023 bytes, before and after, and nothing spent on more."""

    functions = (
        prep.localpart,
        prep.resourcepart,
        prep.foreign_localpart,
        prep.foreign_resourcepart,
    )

    def test_longest(self) -> None:
        for prepare in self.functions:
            for text in ("a" * 1023, "\u00fc" * 511 + "a", "\u4e2d" * 341):
                self.assertEqual(len(text.encode()), 1023)
                self.assertEqual(prepare(text), text)
            for text in ("a" * 1024, "\u00fc" * 512, "\u4e2d" * 341 + "a"):
                self.assertEqual(len(text.encode()), 1024)
                error = self.assertRaises(prep.PrepError, prepare, text)
                self.assertIn("longer than 1023 bytes", str(error))

    def test_longest_kept_as_received(self) -> None:
        for prepare in (prep.foreign_localpart, prep.foreign_resourcepart):
            text = _NEWER_EMOJI * 255 + "abc"
            self.assertEqual(prepare(text), text)
            self.assertRaises(prep.PrepError, prepare, text + "d")

    def test_length_counts_after_the_mappings_too(self) -> None:
        growing = "\u0958" * 341  # NFC takes it apart: 3 bytes become 6
        for prepare in self.functions:
            error = self.assertRaises(prep.PrepError, prepare, growing)
            self.assertIn("longer than 1023 bytes", str(error))

    def test_length_is_checked_before_anything_expensive(self) -> None:
        def never(*_args: object) -> str:
            raise AssertionError("a long text was looked into")

        for name in ("username", "opaque"):
            self.patch(_precis, name, never)
        self.patch(prep, "normalize", never)
        for prepare in self.functions:
            for text in ("\u00fc" * 512, "\u00fc" * 100_000, "a" * 200_000):
                self.assertRaises(prep.PrepError, prepare, text)


class MessageTests(SynchronousTestCase):
    """What errors say, and how much of the text they show."""

    def test_says_which_part_and_why(self) -> None:
        for prepare, text, expected in [
            (prep.localpart, "", "localpart is empty"),
            (prep.localpart, "a\u265a", "localpart must not have U+265A there: 'a\u265a'"),
            (prep.localpart, "\u05d0b", "localpart mixes writing directions: '\u05d0b'"),
            (prep.foreign_localpart, "a b", "localpart must not have U+0020: 'a b'"),
            (prep.resourcepart, " a", "resourcepart begins with a space: ' a'"),
            (prep.foreign_resourcepart, "a\n", "resourcepart must not have U+000A: 'a\\n'"),
        ]:
            error = self.assertRaises(prep.PrepError, prepare, text)
            self.assertEqual(str(error), expected)

    def test_quotes_64_characters_at_most(self) -> None:
        for prepare in LengthTests.functions:
            error = self.assertRaises(prep.PrepError, prepare, "\n" * 5000)
            self.assertIn("'" + "\\n" * 64 + "'...", str(error))
            self.assertLess(len(str(error)), 200)


def _short_texts() -> list[str]:
    """Every ASCII text of one or two characters."""
    letters = [chr(code) for code in range(128)]
    return letters + ["".join(pair) for pair in itertools.product(letters, repeat=2)]
