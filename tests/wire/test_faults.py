"""Stream errors for what cannot be read (RFC 6120 4.9.3 and 11)."""

from pyexpat import ExpatError, errors

from twisted.trial.unittest import SynchronousTestCase

from xmppd.wire.faults import Refused, check_beginning, check_declaration, explain

NOT_UTF8 = ("unsupported-encoding", "a stream is UTF-8")
BEGINNINGS = [
    (b"", None),
    (b"<", None),
    (b"<?", None),
    (b"<s", None),
    (b"\xef\xbb", None),
    (b"\xc3\xa9", None),
    (b"\xff", NOT_UTF8),
    (b"\xfe", NOT_UTF8),
    (b"\x00", NOT_UTF8),
    (b"\x00<", NOT_UTF8),
    (b"<\x00", NOT_UTF8),
    (b"\n\x00", NOT_UTF8),
]
DECLARATIONS = [
    ("1.0", None, None),
    ("1.0", "UTF-8", None),
    ("1.0", "utf-8", None),
    ("1.0", "Utf8", None),
    ("1.1", None, None),
    ("1.0", "UTF-16", NOT_UTF8),
    ("1.0", "US-ASCII", NOT_UTF8),
    ("1.0", "", NOT_UTF8),
    ("2.0", None, ("not-well-formed", "not XML 1.0")),
    ("1.0 ", None, ("not-well-formed", "not XML 1.0")),
    ("", None, ("not-well-formed", "not XML 1.0")),
]
# expat's error, the input there, the condition
ERRORS = [
    (errors.XML_ERROR_UNDEFINED_ENTITY, b"&a;", "restricted-xml"),
    (errors.XML_ERROR_SYNTAX, b"\xff", "not-well-formed"),
    (errors.XML_ERROR_UNBOUND_PREFIX, b"<a:b", "not-well-formed"),
    (errors.XML_ERROR_INVALID_TOKEN, b"\xff", "unsupported-encoding"),
    (errors.XML_ERROR_INVALID_TOKEN, b"\xe2\x82<", "unsupported-encoding"),
    (errors.XML_ERROR_INVALID_TOKEN, b"<\xff", "not-well-formed"),
    (errors.XML_ERROR_INVALID_TOKEN, b"\xc3\xa9\xc3\xa9\xc3", "not-well-formed"),
    (errors.XML_ERROR_INVALID_TOKEN, b"aaa\xe2\x82\xac", "not-well-formed"),
    (errors.XML_ERROR_INVALID_TOKEN, b"\xe2\x82", "not-well-formed"),
    (errors.XML_ERROR_INVALID_TOKEN, b"", "not-well-formed"),
]


class FaultsTests(SynchronousTestCase):
    """Tables of causes and conditions."""

    def test_beginning(self) -> None:
        for data, expected in BEGINNINGS:
            if expected is None:
                check_beginning(data)
            else:
                refused = self.assertRaises(Refused, check_beginning, data)
                self.assertEqual(refused.args, expected, data)

    def test_declaration(self) -> None:
        for version, encoding, expected in DECLARATIONS:
            for standalone in (-1, 0, 1):
                if expected is None:
                    check_declaration(version, encoding, standalone)
                    continue
                refused = self.assertRaises(
                    Refused, check_declaration, version, encoding, standalone
                )
                self.assertEqual(refused.args, expected, (version, encoding))

    def test_explain(self) -> None:
        for message, at, expected in ERRORS:
            error = ExpatError()
            error.code = errors.codes[message]
            condition, text = explain(error, at)
            self.assertEqual(condition, expected, (message, at))
            self.assertIn(text, (message, NOT_UTF8[1], "an entity other than the predefined five"))
