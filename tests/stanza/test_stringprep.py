"""Tests of SASLprep (RFC 4013) and of the keys under which two eras of names meet."""

import itertools
import stringprep
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza import prep

_settings = settings(deadline=None, derandomize=True, database=None, max_examples=500)

# (received, prepared); None for what is refused
_PASSWORDS: list[tuple[str, str | None]] = [
    # RFC 4013 section 3
    ("I\u00adX", "IX"),
    ("user", "user"),
    ("USER", "USER"),
    ("\u00aa", "a"),
    ("\u2168", "IX"),
    ("\u0007", None),
    ("\u0627\u0031", None),
    # section 2.1: spaces become a space, U+200B too, the rest of table B.1 nothing
    ("a\u00a0b\u3000c\u200bd", "a b c d"),
    ("a\u200db\ufe0f", "ab"),
    ("\u00ad", ""),
    ("", ""),
    # section 2.3, a character of each table
    ("a\u0080", None),
    ("a\ue000", None),
    ("a\ufdd0", None),
    ("a\ud800", None),
    ("a\ufffd", None),
    ("a\u2ff0", None),
    ("a\u202e", None),
    ("a\U000e0041", None),
    # section 2.4
    ("\u0627\u0031\u0628", "\u0627\u0031\u0628"),
    ("\u0627a\u0628", None),
    ("1\u0627", None),
    ("p\u00e4ss w\u00f6rd", "p\u00e4ss w\u00f6rd"),
]

_TRICKY = (
    "aAsS\u00df\u1e9e\u017f\u03c3\u03c2\u03a3\u0391\u03b1\u03b9\u0399\u0345\u0300\u0301\u0308\u0316"
    "\u1fb3\u1fbc\u0390\u03ca\u0130\u0131iI\ufb01\u200c\u200d\u00ad\u01c5\u01f0\u034f\u5f33\u5f53"
    "\U0002f874\uff71\uff9e\uff21\u212a\u2126\u0331\u0149\u1100\u1161\uac00\u0675\u3099"
)

# Pairs that are one name under Nodeprep or under PRECIS
_PAIRS = [
    ("stra\u00dfe", "strasse"),
    ("STRASSE", "stra\u00dfe"),
    ("stra\u1e9ee", "STRA\u00dfE"),
    ("\uff4a\uff55\uff4c\uff49\uff45\uff54", "juliet"),
    ("\u017fam", "sam"),
    ("\u03bf\u03b4\u03cc\u03c2", "\u039f\u0394\u039f\u0301\u03a3"),
    ("\u03bf\u03b4\u03cc\u03c2", "\u03bf\u03b4\u03cc\u03c3"),
    ("henry\u2163", "HenryIV"),
    ("\u212aelvin", "kelvin"),
    ("mu\u0308ller", "M\u00dcLLER"),
    ("ju\u00adliet", "juliet"),
    ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u062e"),
    ("\u0130", "i\u0307"),
    ("\U0002f874", "\u5f53"),
    ("\U0002f874", "\u5f33"),
    ("\u1fb3\u0301", "\u1fb4"),
    ("\u1fb3\u0301", "\u03b1\u03af"),
]


def _nodeprep(text: str) -> str:
    """Apply the mappings of RFC 6122 A.3 and A.4; what A.5 prohibits is let through."""
    folded = [stringprep.map_table_b2(c) for c in text if not stringprep.in_table_b1(c)]
    return unicodedata.ucd_3_2_0.normalize("NFKC", "".join(folded))


class SaslprepTests(SynchronousTestCase):
    """Passwords."""

    def test_table(self) -> None:
        for text, expected in _PASSWORDS:
            if expected is None:
                with self.assertRaises(prep.PrepError, msg=ascii(text)):
                    prep.saslprep(text)
            else:
                self.assertEqual(prep.saslprep(text), expected, ascii(text))

    def test_unassigned_characters_pass_in_queries_only(self) -> None:
        newer = "\U0001fae8"
        self.assertEqual(prep.saslprep(newer, allow_unassigned=True), newer)
        self.assertRaises(prep.PrepError, prep.saslprep, newer)

    def test_prohibited_characters_stay_prohibited_in_queries(self) -> None:
        for text in ("a\u0007", "\u06271", "a\ufdd0"):
            with self.assertRaises(prep.PrepError):
                prep.saslprep(text, allow_unassigned=True)

    def test_short_way_agrees_with_the_tables(self) -> None:
        for code in range(128):
            text = f"a{chr(code)}b"
            if stringprep.in_table_c21(chr(code)):
                self.assertRaises(prep.PrepError, prep.saslprep, text)
            else:
                self.assertEqual(prep.saslprep(text), text)
                self.assertEqual(prep.saslprep(text + "\u00ad"), text)

    @given(st.text(max_size=20))
    @_settings
    def test_stable(self, text: str) -> None:
        try:
            prepared = prep.saslprep(text, allow_unassigned=True)
        except prep.PrepError:
            return
        self.assertEqual(prep.saslprep(prepared, allow_unassigned=True), prepared)

    def test_longest_password(self) -> None:
        for text in ("a" * 1023, "\u00fc" * 511):
            self.assertEqual(prep.saslprep(text), text)
        for text in ("a" * 1024, "\u00fc" * 512, "\u00fc" * 100_000):
            self.assertRaises(prep.PrepError, prep.saslprep, text)

    def test_password_that_grows_too_long(self) -> None:
        self.assertEqual(len(prep.saslprep("\ufdfa").encode()), 33)
        self.assertRaises(prep.PrepError, prep.saslprep, "\ufdfa" * 32)

    def test_messages_show_nothing_of_a_password(self) -> None:
        for text in ("secret\u0007", "secret\u0627", "secret\U0001fae8", "secret" * 200):
            error = self.assertRaises(prep.PrepError, prep.saslprep, text)
            self.assertNotIn("secret", str(error))
            self.assertIsNone(error.__cause__)


class SkeletonTests(SynchronousTestCase):
    """Keys under which the forms of a name meet."""

    def test_pairs_meet(self) -> None:
        for one, other in _PAIRS:
            self.assertEqual(prep.skeleton(one), prep.skeleton(other), ascii((one, other)))

    def test_different_names_stay_apart(self) -> None:
        names = ["juliet", "romeo", "muller", "m\u00fcller", "\u03c0", "\u4e2d", "\u0438"]
        self.assertEqual(len({prep.skeleton(name) for name in names}), len(names))

    def test_ascii_key_is_the_name_in_lower_case(self) -> None:
        self.assertEqual(prep.skeleton("Ju.Li-et_1"), "ju.li-et_1")

    def test_short_way_agrees_with_the_long_one(self) -> None:
        for letters in itertools.product(map(chr, range(128)), repeat=2):
            text = "".join(letters)
            self.assertEqual(prep.skeleton(text), prep.skeleton(text + "\u00ad"))

    def test_every_letter_meets_its_prepared_forms(self) -> None:
        for code in range(0x80, 0x1FFFF):
            char = chr(code)
            if 0x3400 <= code < 0xD7FC or unicodedata.category(char) in ("Cn", "Co", "Cs"):
                continue  # nothing folds among Han and Hangul
            self._assert_meets("x" + char)

    @given(st.text(st.sampled_from(_TRICKY), min_size=1, max_size=8))
    @_settings
    def test_strings_meet_their_prepared_forms(self, text: str) -> None:
        self._assert_meets(text)

    @given(st.text(min_size=1, max_size=20))
    @_settings
    def test_any_text_has_a_key(self, text: str) -> None:
        key = prep.skeleton(text)
        if key:
            self.assertEqual(prep.skeleton(key), key)

    def _assert_meets(self, text: str) -> None:
        key = prep.skeleton(text)
        old = _nodeprep(text)
        if old:
            self.assertEqual(prep.skeleton(old), key, ascii(text))
        try:
            new = prep.localpart(text)
        except prep.PrepError:
            return
        self.assertEqual(prep.skeleton(new), key, ascii(text))

    def test_lone_surrogates_have_a_key(self) -> None:
        self.assertEqual(prep.skeleton("A\ud800"), "a\ud800")

    def test_limits(self) -> None:
        self.assertEqual(prep.skeleton("\u00fc" * 511), "\u00fc" * 511)
        for text in ("", "\u00fc" * 512, "a" * 1024):
            self.assertRaises(prep.PrepError, prep.skeleton, text)
