"""Tests of xmppd.stream.headers."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.jid import JID
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Answered, Opened
from xmppd.stream.headers import (
    answer_to,
    answer_version,
    read_answer,
    read_header,
    write_header,
    write_initial,
)
from xmppd.wire.namespaces import CLIENT, COMPONENT, DIALBACK, SERVER, STREAMS, XML_LANG
from xmppd.wire.parser import Header


def header(
    name: str = "stream", ns: str = STREAMS, default: str | None = CLIENT, **attrs: str
) -> Header:
    """Return a header as the parser does; `from_` and `lang` stand for what cannot be a keyword."""
    names = {"from_": "from", "lang": XML_LANG}
    written = {names.get(key, key): value for key, value in attrs.items()}
    declared = {"stream": STREAMS} if default is None else {"": default, "stream": STREAMS}
    return Header(name, ns, {"version": "1.0", **written}, declared)


class ReadHeaderTests(SynchronousTestCase):
    """What a peer's header says, and what is wrong with it."""

    def test_addresses(self) -> None:
        juliet = JID.parse("juliet@example.org/balcony")
        for attrs, expected in (
            ({}, Opened(None, None, "")),
            ({"to": "example.org"}, Opened(JID.parse("example.org"), None, "")),
            ({"to": "EXAMPLE.org."}, Opened(JID.parse("example.org"), None, "")),
            ({"from_": "Juliet@example.org/balcony"}, Opened(None, juliet, "")),
            ({"id": "ours to give", "foo": "bar"}, Opened(None, None, "")),
        ):
            self.assertEqual(read_header(header(**attrs), CLIENT), expected)

    def test_languages(self) -> None:
        """Every stanza of the stream may come to bear it: what is no tag counts for nothing."""
        for lang, expected in (
            ("en", "en"),
            ("de-CH", "de-CH"),
            ("i-klingon", "i-klingon"),
            ("sl-rozaj-biske-1994", "sl-rozaj-biske-1994"),
            ("", ""),
            ("'/><x a='", ""),
            ("d\u00e9", ""),
            ("en_US", ""),
            ("toolongatag", ""),
            ("en" + "-abcdefgh" * 7, "en" + "-abcdefgh" * 7),
            ("en" + "-abcdefgh" * 8, ""),
            ("x" * 200_000, ""),
        ):
            self.assertEqual(read_header(header(lang=lang), CLIENT).lang, expected)

    def test_default_namespaces(self) -> None:
        """RFC 6120 4.8.2: the content's, or none of its own beside the stream's."""
        for content in (CLIENT, SERVER):
            for default in (content, STREAMS, "", None):
                self.assertEqual(
                    read_header(header(default=default), content), Opened(None, None, "")
                )

    def test_faults(self) -> None:
        for wrong, condition in (
            (header(ns="http://wrong.namespace.example.org/"), "invalid-namespace"),
            (header(ns=""), "invalid-namespace"),
            (header(ns=CLIENT, name="message"), "invalid-namespace"),
            (header(name="streams"), "bad-format"),
            (header(default=SERVER), "invalid-namespace"),
            (header(default="urn:example"), "invalid-namespace"),
            (header(version=""), "unsupported-version"),
            (header(version="0.9"), "unsupported-version"),
            (header(version="one"), "unsupported-version"),
            (header(version="1"), "unsupported-version"),
            (header(version="\u0661.\u0660"), "unsupported-version"),
            (header(to=""), "improper-addressing"),
            (header(to="a@b@c"), "improper-addressing"),
            (header(from_="@example.org"), "improper-addressing"),
        ):
            with self.assertRaises(StreamError) as caught:
                read_header(wrong, CLIENT)
            self.assertEqual(caught.exception.condition, condition, wrong)

    def test_components_have_no_version(self) -> None:
        """XEP-0114."""
        plays = JID.parse("plays.example.org")
        for version in ("", "0.9", "1.0", "one"):
            told = header(default=COMPONENT, to="plays.example.org", version=version)
            self.assertEqual(read_header(told, COMPONENT), Opened(plays, None, "", ""))

    def test_servers_of_before_1_0(self) -> None:
        """RFC 6120 4.7.5: no version is "0.9"; what is no version is none that we know."""
        for version, expected in (
            ("1.0", "1.0"),
            ("1.7", "1.0"),
            ("2.0", "1.0"),
            ("0.9", ""),
            ("0.10", ""),
            (None, ""),
        ):
            attrs = {} if version is None else {"version": version}
            told = Header("stream", STREAMS, attrs, {"": SERVER, "stream": STREAMS})
            self.assertEqual(read_header(told, SERVER), Opened(None, None, "", expected))
        for version in ("", "one", "1", "1.0.0", "-1.0", " 0.9"):
            with self.assertRaises(StreamError) as caught:
                read_header(header(default=SERVER, version=version), SERVER)
            self.assertEqual(caught.exception.condition, "unsupported-version", version)


class AnswerTests(SynchronousTestCase):
    """What our header says in answer to the peer's."""

    def test_version(self) -> None:
        """RFC 6120 4.7.5: the lower of both, compared as numbers; none where none was given."""
        for theirs, ours in (
            ("1.0", "1.0"),
            ("1.1", "1.0"),
            ("1.10", "1.0"),
            ("2.0", "1.0"),
            ("11.0", "1.0"),
            ("01.00", "1.0"),
            ("0.9", "0.9"),
            ("0.10", "0.10"),
            ("00.09", "0.9"),
            ("", ""),
            ("1", ""),
            ("1.0.0", ""),
            ("9" * 1000 + ".0", ""),
        ):
            self.assertEqual(answer_version(header(version=theirs)), ours, theirs)
        self.assertEqual(answer_version(Header("stream", STREAMS, {}, {})), "")

    def test_to(self) -> None:
        """RFC 6120 4.7.2: the bare JID they gave, or its domain, nothing if they gave none."""
        for attrs, expected in (
            ({}, None),
            ({"from_": "juliet@example.org"}, JID.parse("juliet@example.org")),
            ({"from_": "juliet@example.org/balcony"}, JID.parse("juliet@example.org")),
            ({"from_": "@"}, None),
        ):
            self.assertEqual(answer_to(header(**attrs), CLIENT), expected)
            domain = None if expected is None else JID.parse(expected.domainpart)
            self.assertEqual(answer_to(header(**attrs), SERVER), domain)


class ReadAnswerTests(SynchronousTestCase):
    """What a peer answers to our header."""

    def test_table(self) -> None:
        other = JID.parse("other.example")
        for told, expected in (
            (header(id="x"), Answered("x", None, "1.0", False)),
            (header(id="x", version="1.7"), Answered("x", None, "1.0", False)),
            (header(id="x", version="2.0"), Answered("x", None, "1.0", False)),
            (header(id="x", version="0.9"), Answered("x", None, "", False)),
            (header(id="x", version=""), Answered("x", None, "", False)),
            (header(id="x", version="one"), Answered("x", None, "", False)),
            (header(), Answered("", None, "1.0", False)),
            (header(id="x", from_=""), Answered("x", None, "1.0", False)),
            (header(id="x", from_="OTHER.example."), Answered("x", other, "1.0", False)),
            (header(id="x", to="not even an @@"), Answered("x", None, "1.0", False)),
            (header(id="x", default=STREAMS), Answered("x", None, "1.0", False)),
            (header(id="x", default=None), Answered("x", None, "1.0", False)),
        ):
            self.assertEqual(read_answer(told, CLIENT), expected, told)

    def test_dialback_under_any_prefix(self) -> None:
        for prefix in ("db", "x"):
            declared = {"stream": STREAMS, prefix: DIALBACK}
            told = Header("stream", STREAMS, {"id": "x"}, declared)
            self.assertEqual(read_answer(told, SERVER), Answered("x", None, "", True))

    def test_faults(self) -> None:
        for wrong, condition in (
            (header(ns="urn:x"), "invalid-namespace"),
            (header(name="features"), "bad-format"),
            (header(default=SERVER), "invalid-namespace"),
            (header(default=COMPONENT), "invalid-namespace"),
            (header(from_="@example.org"), "improper-addressing"),
            (header(from_="a b"), "improper-addressing"),
        ):
            with self.assertRaises(StreamError) as caught:
                read_answer(wrong, CLIENT)
            self.assertEqual(caught.exception.condition, condition, wrong)


class WriteInitialTests(SynchronousTestCase):
    """The header we open a stream with."""

    def test_table(self) -> None:
        head = (
            b"<?xml version='1.0'?><stream:stream xmlns='jabber:server'"
            b" xmlns:stream='http://etherx.jabber.org/streams'"
        )
        declared = b" xmlns:db='jabber:server:dialback'"
        for from_, to, dialback, rest in (
            ("a", "b", False, b" from='a' to='b' version='1.0' xml:lang='en'>"),
            ("a", "b", True, declared + b" from='a' to='b' version='1.0' xml:lang='en'>"),
            ("", "b", True, declared + b" to='b' version='1.0' xml:lang='en'>"),
            ("'", "<", False, b" from='&apos;' to='&lt;' version='1.0' xml:lang='en'>"),
        ):
            written = write_initial(SERVER, from_, to, dialback=dialback)
            self.assertEqual(written, head + rest)


class WriteHeaderTests(SynchronousTestCase):
    """Our header as bytes."""

    def test_all_of_it(self) -> None:
        self.assertEqual(
            write_header(CLIENT, "example.org", "id", JID.parse("a@b"), "1.0"),
            b"<?xml version='1.0'?><stream:stream xmlns='jabber:client'"
            b" xmlns:stream='http://etherx.jabber.org/streams' id='id' from='example.org' to='a@b'"
            b" version='1.0' xml:lang='en'>",
        )

    def test_what_can_be_missing(self) -> None:
        self.assertEqual(
            write_header(SERVER, "example.org", "id", None, ""),
            b"<?xml version='1.0'?><stream:stream xmlns='jabber:server'"
            b" xmlns:stream='http://etherx.jabber.org/streams' id='id' from='example.org'"
            b" xml:lang='en'>",
        )

    def test_dialback(self) -> None:
        """XEP-0220 2.4.1."""
        written = write_header(SERVER, "example.org", "id", None, "1.0", dialback=True)
        self.assertIn(b"streams' xmlns:db='jabber:server:dialback' id='id'", written)

    def test_components_are_told_no_version(self) -> None:
        for version in ("", "1.0"):
            self.assertNotIn(b" version=", write_header(COMPONENT, "a", "id", None, version)[21:])

    def test_escaped(self) -> None:
        written = write_header(CLIENT, "a", "<'\"&", JID.make("o'>", "b"), "1.0")
        self.assertIn(b" id='&lt;&apos;&quot;&amp;'", written)
        self.assertIn(b" to='o&apos;&gt;@b'", written)
