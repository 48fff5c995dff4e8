"""Tests of domainparts: names, addresses, the limits of the DNS."""

import itertools

import idna
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza import prep

_settings = settings(deadline=None, derandomize=True, database=None, max_examples=300)

_LABEL_63 = "a" * 63
_NAME_253 = ".".join([_LABEL_63, _LABEL_63, _LABEL_63, "b" * 61])

# (received, prepared); None for what is refused
_STRICT: list[tuple[str, str | None]] = [
    ("localhost", "localhost"),
    ("Example.COM", "example.com"),
    ("example.com.", "example.com"),
    ("example.com\u3002", "example.com"),
    ("example\u3002com\uff0e", "example.com"),
    ("example.com..", None),
    ("example.com.\u3002", None),
    (".example.com", None),
    (".", None),
    ("", None),
    ("\u00ad", None),
    ("ex\u00adample.com", "example.com"),
    ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ("b\u00fccher.example", "xn--bcher-kva.example"),
    ("bu\u0308cher.example", "xn--bcher-kva.example"),
    ("fa\u00df.example", "xn--fa-hia.example"),
    ("\u05d0.example", "xn--4db.example"),
    ("\u05d0a.example", None),
    ("-a.example", None),
    ("a-.example", None),
    ("ab--cd.example", None),
    ("xn--a.example", None),
    ("xn--i-7iq.example", None),
    ("i\u2764.example", None),
    ("a_b.example", None),
    ("_xmpp.example", None),
    ("a\x00b.example", None),
    ("a\ud800b.example", None),
    ("a\u2100b.example", None),
    (_LABEL_63, _LABEL_63),
    (_LABEL_63 + "a", None),
    ("\u00fc" * 57, "xn--" + ("\u00fc" * 57).encode("punycode").decode()),
    ("\u00fc" * 58, None),
    ("\u00fc" * 64, None),
    (_NAME_253, _NAME_253),
    (_NAME_253 + ".", _NAME_253),
    (_NAME_253 + "b", None),
    ("192.0.2.1", "192.0.2.1"),
    ("192.0.2.1.", "192.0.2.1"),
    ("\uff11\uff19\uff12.0.2.1", "192.0.2.1"),
    ("192.0.2", None),
    ("127.1", None),
    ("2130706433", None),
    ("0x7f000001", None),
    ("0X7F.1", None),
    ("example.0x", None),
    ("1.example", "1.example"),
    ("[::1]", "[::1]"),
    ("[::1].", "[::1]"),
    ("[2001:DB8:0:0::1]", "[2001:db8::1]"),
    ("[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]"),
    ("[::ffff:c000:201]", "[::ffff:192.0.2.1]"),
    ("[fe80::1%25eth0]", None),
    ("[fe80::1%eth0]", None),
    ("[v1.fe80]", None),
    ("[]", None),
    ("[", None),
]

# What differs where underscores are allowed
_SERVICES: list[tuple[str, str | None]] = [
    ("Example.COM", "example.com"),
    ("My_Host.example", "my_host.example"),
    ("_xmpp._tcp.example", "_xmpp._tcp.example"),
    ("a_b.b\u00fccher.example", "a_b.xn--bcher-kva.example"),
    ("-a_b.example", None),
    ("ab--c_d.example", None),
    ("xn--i-7iq.example", None),
    ("\u00fc_b.example", None),
]

# What differs for foreign domains
_FOREIGN: list[tuple[str, str | None]] = [
    ("My_Host.example", "my_host.example"),
    ("-a.example", "-a.example"),
    ("AB--CD.example", "ab--cd.example"),
    ("xn--i-7iq.example", "xn--i-7iq.example"),
    ("xn--i-7iq.b\u00fccher.example", "xn--i-7iq.xn--bcher-kva.example"),
    ("i\u2764.example", None),
    ("\u00fc_b.example", None),
    ("a b.example", None),
    ("a..example", None),
    ("", None),
    (_LABEL_63 + "a", None),
    (_NAME_253 + "b", None),
    ("192.0.2.1", "192.0.2.1"),
    ("127.1", None),
    ("[::1]", "[::1]"),
]


def _strict(text: str) -> str | None:
    try:
        return prep.domainpart(text)
    except prep.PrepError:
        return None


def _foreign(text: str) -> str | None:
    try:
        return prep.foreign_domainpart(text)
    except prep.PrepError:
        return None


def _reference(text: str) -> str | None:
    """What IDNA alone says of a name: the slow way, without addresses."""
    try:
        return idna.encode(text, uts46=True, std3_rules=True).decode("ascii").removesuffix(".")
    except UnicodeError:
        return None


class DomainpartTests(SynchronousTestCase):
    """Names and addresses, strict, with underscores, and foreign."""

    def test_strict(self) -> None:
        for text, expected in _STRICT:
            self.assertEqual(_strict(text), expected, ascii(text))

    def test_foreign_is_the_same_where_strict_succeeds(self) -> None:
        for text, expected in _STRICT:
            if expected is not None:
                self.assertEqual(_foreign(text), expected, ascii(text))

    def test_foreign(self) -> None:
        for text, expected in _FOREIGN:
            self.assertEqual(_foreign(text), expected, ascii(text))

    def test_underscores(self) -> None:
        for text, expected in _SERVICES:
            if expected is None:
                with self.assertRaises(prep.PrepError, msg=ascii(text)):
                    prep.domainpart(text, underscores=True)
            else:
                self.assertEqual(prep.domainpart(text, underscores=True), expected, ascii(text))

    def test_short_way_agrees_with_idna(self) -> None:
        """Every text of up to five of these characters; they never end in a number."""
        for length in range(1, 6):
            for letters in itertools.product("aZx-._", repeat=length):
                text = "".join(letters)
                self.assertEqual(_strict(text), _reference(text), text)

    @given(st.text(st.sampled_from("aZ\u00fc\u00df\u05d0xn-.\u3002_ \u0308\u2764"), max_size=12))
    @_settings
    def test_agrees_with_idna_beyond_ascii(self, text: str) -> None:
        self.assertEqual(_strict(text), _reference(text))

    @given(st.text(max_size=20) | st.text(st.sampled_from("aZ\u00fcxn-._0[]:"), max_size=20))
    @_settings
    def test_stable(self, text: str) -> None:
        for prepare in (_strict, _foreign):
            prepared = prepare(text)
            if prepared is not None:
                self.assertEqual(prepare(prepared), prepared)
                self.assertTrue(prepared.isascii())

    @given(st.text(st.characters(min_codepoint=0x61, max_codepoint=0x24FF), max_size=10))
    @_settings
    def test_a_label_and_u_label_are_the_same(self, text: str) -> None:
        prepared = _strict(text)
        if prepared is not None and not prepared.startswith("["):
            self.assertEqual(_strict(idna.decode(prepared)), prepared)

    def test_any_punycode_is_judged_not_crashed_on(self) -> None:
        for letters in itertools.product("a9-", repeat=6):
            text = "xn--" + "".join(letters)
            self.assertEqual(_foreign(text), text)

    def test_length_is_checked_before_idna(self) -> None:
        def never(*_args: object, **_kwargs: object) -> str:
            raise AssertionError("a long text was looked into")

        self.patch(idna, "uts46_remap", never)
        self.patch(idna, "alabel", never)
        for text in ("\u00fc" * 512, "a" * 1024, "\u00fc" * 100_000):
            for prepare in (prep.domainpart, prep.foreign_domainpart):
                error = self.assertRaises(prep.PrepError, prepare, text)
                self.assertIn("longer than 1023 bytes", str(error))

    def test_longest_text_looked_into(self) -> None:
        # 1023 bytes that are a name of three letters once the soft hyphens are gone
        self.assertEqual(prep.domainpart("abc" + "\u00ad" * 510), "abc")
        self.assertRaises(prep.PrepError, prep.domainpart, "abcd" + "\u00ad" * 510)

    def test_long_label_is_refused_before_punycode(self) -> None:
        def never(_label: str) -> bytes:
            raise AssertionError("a long label was encoded")

        self.patch(idna, "alabel", never)
        self.assertRaises(prep.PrepError, prep.domainpart, "\u00fc" * 64)

    def test_message_quotes_little(self) -> None:
        error = self.assertRaises(prep.PrepError, prep.domainpart, " \u202e" + "a" * 300)
        self.assertIn("' \\u202e" + "a" * 62 + "'...", str(error))
