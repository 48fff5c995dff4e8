"""Entity Capabilities as values (XEP-0115)."""

from base64 import b64encode
from hashlib import sha1

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.capabilities import (
    Announced,
    IllFormed,
    digest,
    features,
    is_unambiguous,
    verification_string,
)
from xmppd.wire.document import parse_document
from xmppd.wire.element import Element

INFO = "http://jabber.org/protocol/disco#info"
SIMPLE = (
    "<identity category='client' name='Exodus 0.9.1' type='pc'/>"
    "<feature var='http://jabber.org/protocol/muc'/>"
    "<feature var='http://jabber.org/protocol/caps'/>"
    "<feature var='http://jabber.org/protocol/disco#items'/>"
    "<feature var='http://jabber.org/protocol/disco#info'/>"
)
COMPLEX = (
    "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"
    "<identity xml:lang='el' category='client' name='&#x3A8; 0.11' type='pc'/>"
    "<feature var='http://jabber.org/protocol/caps'/>"
    "<feature var='http://jabber.org/protocol/disco#info'/>"
    "<feature var='http://jabber.org/protocol/disco#items'/>"
    "<feature var='http://jabber.org/protocol/muc'/>"
    "<x xmlns='jabber:x:data' type='result'>"
    "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>"
    "<field var='ip_version'><value>ipv6</value><value>ipv4</value></field>"
    "<field var='software'><value>Psi</value></field>"
    "<field var='os'><value>Mac</value></field>"
    "<field var='os_version'><value>10.5.1</value></field>"
    "<field var='software_version'><value>0.11</value></field></x>"
)
CLIENT = "<identity category='client' type='pc'/>"


def info(content: str) -> Element:
    """Return an answer to disco#info."""
    return parse_document(f"<query xmlns='{INFO}'>{content}</query>".encode())


def form(about: str, fields: str = "", kind: str = " type='hidden'") -> str:
    """Return a form of that type."""
    first = f"<field var='FORM_TYPE'{kind}><value>{about}</value></field>"
    return f"<x xmlns='jabber:x:data' type='result'>{first}{fields}</x>"


class DigestTests(SynchronousTestCase):
    """The verification string (5.1)."""

    def test_examples(self) -> None:
        """5.2 and 5.3, whatever the order in the answer."""
        self.assertEqual(digest(info(SIMPLE)), "QgayPKawpkPSDYmwT/WM94uAlu0=")
        self.assertEqual(digest(info(COMPLEX)), "q07IKJEyjvHSyhy//CH0CxmKi8w=")

    def test_other_hashes(self) -> None:
        for name, length in (("sha-224", 40), ("sha-256", 44), ("sha-384", 64), ("sha-512", 88)):
            self.assertEqual(len(digest(info(SIMPLE), name)), length)
        with self.assertRaises(KeyError):
            digest(info(SIMPLE), "md5")

    def test_strings(self) -> None:
        table = [
            ("", ""),
            ("<identity category='a' type='b'/>", "a/b//<"),
            # i;octet: capitals first, and what is beyond ASCII behind all of it.
            ("<feature var='b'/><feature var='&#xE9;'/><feature var='B'/>", "B<b<\xe9<"),
            ("<feature var='&#xFFFD;'/><feature var='&#x1F600;'/>", "\ufffd<\U0001f600<"),
            (
                "<identity category='b' type='a'/><identity category='a' type='b' name='2'/>"
                "<identity category='a' type='a' name='9'/>"
                "<identity category='a' type='b' xml:lang='en' name='1'/>",
                "a/a//9<a/b//2<a/b/en/1<b/a//<",
            ),
            # Nothing is turned into markup.
            ("<feature var='a&amp;lt;b'/>", "a&lt;b<"),
            (form("z") + form("a", "<field var='v'/>"), "a<v<z<"),
            (
                form("f", "<field var='v'><value>1</value></field>" * 2),
                "f<v<1<v<1<",
            ),
            ("<other/><feature xmlns='urn:x' var='x'/>text", ""),
        ]
        for content, expected in table:
            self.assertEqual(verification_string(info(content)), expected, content)

    def test_forms_that_do_not_count(self) -> None:
        """5.4: without a type, or with one that is not hidden."""
        for ignored in (
            "<x xmlns='jabber:x:data'/>",
            "<x xmlns='jabber:x:data'><field var='v'><value>1</value></field></x>",
            form("f", kind=""),
            form("f", kind=" type='text-single'"),
            "<x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'/></x>",
        ):
            self.assertEqual(verification_string(info(ignored + "<feature var='a'/>")), "a<")

    def test_ill_formed(self) -> None:
        """5.4."""
        for content in (
            CLIENT * 2,
            "<feature var='a'/><feature var='b'/><feature var='a'/>",
            form("f") + form("f", "<field var='v'/>"),
            form("f", "<field var='FORM_TYPE' type='hidden'><value>g</value></field>"),
            form("f</value><value>g"),
            "<identity category='client'/>",
            "<identity type='pc'/>",
            "<feature/>",
        ):
            with self.assertRaises(IllFormed, msg=content):
                digest(info(content))

    def test_a_type_said_twice_is_one(self) -> None:
        self.assertEqual(verification_string(info(form("f</value><value>f"))), "f<")
        langs = "<identity category='a' type='b' xml:lang='en'/><identity category='a' type='b'/>"
        self.assertEqual(verification_string(info(langs)), "a/b//<a/b/en/<")

    def test_features(self) -> None:
        self.assertEqual(
            features(info("<feature var='a'/><feature var='b'/><feature/><x var='c'/>" + CLIENT)),
            {"a", "b"},
        )


class AmbiguityTests(SynchronousTestCase):
    """Answers that could be somebody else's, told in another way (9.3)."""

    def test_examples(self) -> None:
        self.assertTrue(is_unambiguous(info(SIMPLE)))
        self.assertTrue(is_unambiguous(info(COMPLEX)))

    def test_features_passed_off_as_something_else(self) -> None:
        """All of these have the digest of the first, and some features less or more."""
        honest = info(CLIENT + "".join(f"<feature var='{each}'/>" for each in ("http://x/y", "z")))
        self.assertTrue(is_unambiguous(honest))
        for content in (
            CLIENT + "<feature var='http://x/y'/>" + form("z"),
            CLIENT + form("http://x/y", "<field var='z'/>"),
            CLIENT + form("http://x/y").replace("</field>", "</field><field var='z'/>"),
            CLIENT + "<identity category='http:' type='' xml:lang='x' name='y'/><feature var='z'/>",
            CLIENT + "<feature var='http://x/y&lt;z'/>",
            "<identity category='client' type='pc' name='&lt;http://x/y'/><feature var='z'/>",
            "<feature var='client/pc//'/><feature var='http://x/y'/><feature var='z'/>",
        ):
            forged = info(content)
            self.assertEqual(digest(forged), digest(honest), content)
            self.assertFalse(is_unambiguous(forged), content)

    def test_plain_words(self) -> None:
        for identity, expected in (
            ("category='client' type='pc' xml:lang='pt-BR' name='a/b'", True),
            ("category='client' type='pc' xml:lang='a/b'", False),
            ("category='urn:x' type='pc'", False),
            ("category='client' type='p/c'", False),
        ):
            found = is_unambiguous(info(f"<identity {identity}/>"))
            self.assertIs(found, expected, identity)

    def test_known_forms(self) -> None:
        software = "urn:xmpp:dataforms:softwareinfo"
        for shown, expected in (
            (form(software), True),
            (form(software, "<field var='os'><value>urn:x</value></field>"), True),
            (form(software, "<field var='urn:x'/>"), False),
            (form("urn:other"), False),
            (form("urn:other", kind=""), True),
        ):
            self.assertIs(is_unambiguous(info(CLIENT + shown)), expected, shown)


class AnnouncedTests(SynchronousTestCase):
    """What stands in presence (section 4)."""

    def read(self, attributes: str) -> Announced | None:
        text = f"<c xmlns='http://jabber.org/protocol/caps' {attributes}/>"
        return Announced.read(parse_document(text.encode()))

    def test_reading(self) -> None:
        table = [
            ("hash='sha-1' node='urn:n' ver='v'", Announced("urn:n", "v", "sha-1")),
            ("node='urn:n' ver='1.0' ext='a b'", Announced("urn:n", "1.0")),
            ("hash='' node='urn:n' ver='1.0'", Announced("urn:n", "1.0")),
            ("hash='sha-1' node='urn:n'", None),
            ("hash='sha-1' node='urn:n' ver=''", None),
            ("hash='sha-1' ver='v'", None),
            ("", None),
        ]
        for attributes, expected in table:
            self.assertEqual(self.read(attributes), expected, attributes)

    def test_nodes(self) -> None:
        """6.2; nothing to name in the legacy format."""
        self.assertEqual(Announced("urn:n", "v", "sha-1").info_node, "urn:n#v")
        self.assertEqual(Announced("urn:n", "1.0").info_node, "")

    def test_keys(self) -> None:
        """Only what can be a digest by a hash we know can be verified."""
        right = b64encode(sha1(b"").digest()).decode()
        table = [
            (Announced("urn:n", right, "sha-1"), f"sha-1 {right}"),
            (Announced("urn:other", right, "sha-1"), f"sha-1 {right}"),
            (Announced("urn:n", right, "sha-256"), ""),
            (Announced("urn:n", right, "md5"), ""),
            (Announced("urn:n", right), ""),
            (Announced("urn:n", right.rstrip("="), "sha-1"), ""),
            (Announced("urn:n", f"{right}\n", "sha-1"), ""),
            (Announced("urn:n", "x" * 10_000, "sha-1"), ""),
            (Announced("urn:n", "\u00e9", "sha-1"), ""),
            # Bits beyond the digest, which decode to the same.
            (Announced("urn:n", right[:-2] + "l=", "sha-1"), ""),
        ]
        self.assertTrue(right.endswith("k="))
        for announced, expected in table:
            self.assertEqual(announced.key, expected, announced)
