"""Tests of xmppd.sasl.digest_messages against RFC 2831 sections 2.1 and 7."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.sasl.digest_messages import (
    DigestResponse,
    DigestSyntaxError,
    read_response,
    write_challenge,
)

HEX = b"0123456789abcdef0123456789abcdef"
REQUIRED: dict[bytes, bytes] = {
    b"username": b'"chris"',
    b"realm": b'"example.org"',
    b"nonce": b'"n0nce"',
    b"cnonce": b'"cn0nce"',
    b"nc": b"00000001",
    b"digest-uri": b'"xmpp/example.org"',
    b"response": HEX,
}


def response(changes: dict[bytes, bytes | None] | None = None, glue: bytes = b",") -> bytes:
    """A response with some directives replaced, added or (None) left out."""
    values: dict[bytes, bytes | None] = {**REQUIRED, **(changes or {})}
    return glue.join(name + b"=" + value for name, value in values.items() if value is not None)


PLAIN_ANSWER = DigestResponse(
    username="chris",
    realm=b"example.org",
    nonce=b"n0nce",
    cnonce=b"cn0nce",
    count=b"00000001",
    uri=b"xmpp/example.org",
    response=HEX,
    authzid=None,
)

SAME: list[bytes] = [
    response(),
    response(glue=b" ,\t"),
    response(glue=b",\r\n "),
    response(glue=b",, ,"),
    b", " + response() + b" ,",
    response({b"qop": b"auth"}),
    response({b"qop": b'"auth"'}),
    response({b"charset": b"utf-8"}),
    response({b"charset": b"UTF-8"}),
    response({b"maxbuf": b"65536", b"cipher": b"rc4"}),
    response({b"nc": b'"00000001"', b"response": b'"' + HEX + b'"'}),
    response({b"username": b"chris"}),
    response({b"username": b'"\\c\\hris"'}),
    response({b"x-new": b"1", b"X-New": b'"2"'}),
    response().replace(b"username=", b"UserName = "),
]

MALFORMED: list[bytes] = [
    b"",
    b",",
    b"username",
    response() + b"\n",
    response() + b",x",
    response() + b",x=",
    response() + b",=x",
    response() + b",x=y z",
    response() + b',x="y',
    response() + b',x="y"z',
    response() + b',x="\x00"',
    response() + b',x="\n"',
    response() + b',x="\\\x00"',
    response() + b',x="\\',
    response() + b",x=\xff",
    response() + b',username="chris"',
    response() + b',USERNAME="eve"',
    response({b"authzid": b'"a"'}) + b',authzid="b"',
    response({b"qop": b"auth"}) + b",qop=auth",
    response({b"qop": b"auth-int"}),
    response({b"qop": b"auth-conf"}),
    response({b"qop": b'""'}),
    response({b"qop": b"AUTH"}),
    response({b"charset": b"iso-8859-1"}),
    response({b"nc": b"1"}),
    response({b"nc": b"0000000G"}),
    response({b"nc": b"000000001"}),
    response({b"response": HEX[:-1]}),
    response({b"response": HEX.upper()}),
    response({b"cnonce": b'""'}),
    response({b"charset": b"utf-8", b"username": b'"chr\xffis"'}),
    response({b"authzid": b'"chr\xffis"'}),
    *(response({name: None}) for name in REQUIRED),
]


class ReadResponseTests(SynchronousTestCase):
    """The client's response, in every spelling the grammar has."""

    def test_ways_to_write_it(self) -> None:
        for message in SAME:
            self.assertEqual(read_response(message), PLAIN_ANSWER, message)

    def test_malformed(self) -> None:
        for message in MALFORMED:
            with self.assertRaises(DigestSyntaxError, msg=message):
                read_response(message)

    def test_values(self) -> None:
        table: list[tuple[dict[bytes, bytes | None], str, str | None]] = [
            ({b"username": b'"j\xfcrgen"'}, "j\u00fcrgen", None),
            (
                {b"username": '"j\u00fcrgen"'.encode(), b"charset": b"utf-8"},
                "j\u00fcrgen",
                None,
            ),
            ({b"username": b'"a\\"b\\\\c"'}, 'a"b\\c', None),
            ({b"authzid": b'""'}, "chris", ""),
            (
                {b"authzid": '"j\u00fcrgen@example.org"'.encode()},
                "chris",
                "j\u00fcrgen@example.org",
            ),
            ({b"username": b'"a, b=c"'}, "a, b=c", None),
        ]
        for changes, username, authzid in table:
            answer = read_response(response(changes))
            self.assertEqual((answer.username, answer.authzid), (username, authzid), changes)

    def test_length(self) -> None:
        message = response() + b",x="
        longest = message + b"y" * (4095 - len(message))
        self.assertEqual(read_response(longest), PLAIN_ANSWER)
        self.assertRaises(DigestSyntaxError, read_response, longest + b"y")

    def test_proofs_and_nonces_stay_out_of_the_repr(self) -> None:
        text = repr(read_response(response()))
        for secret in ("n0nce", HEX.decode()):
            self.assertNotIn(secret, text)


class WriteChallengeTests(SynchronousTestCase):
    """The challenge."""

    def test_example(self) -> None:
        # RFC 2831 section 4, with the directives in the order of RFC 3920 section 6.5
        self.assertEqual(
            write_challenge("elwood.innosoft.com", b"OA6MG9tEQGm2hh"),
            b'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",'
            b"charset=utf-8,algorithm=md5-sess",
        )
