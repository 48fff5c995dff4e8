"""Tests of xmppd.sasl.scram_messages against RFC 5802 sections 5.1 and 7."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.sasl.scram_messages import (
    ClientFinal,
    ClientFirst,
    ScramSyntaxError,
    read_client_final,
    read_client_first,
    write_server_final,
    write_server_first,
)

FIRSTS: list[tuple[bytes, ClientFirst]] = [
    (
        b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        ClientFirst(
            flag="n",
            binding="",
            authzid="",
            username="user",
            nonce=b"fyko+d2lbbFgONRv9qkxdawL",
            header=b"n,,",
            bare=b"n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        ),
    ),
    (
        b"y,a=user@example.org,n=user,r=x",
        ClientFirst(
            flag="y",
            binding="",
            authzid="user@example.org",
            username="user",
            nonce=b"x",
            header=b"y,a=user@example.org,",
            bare=b"n=user,r=x",
        ),
    ),
    (
        b"p=tls-server-end-point,,n=user,r=!~",
        ClientFirst(
            flag="p",
            binding="tls-server-end-point",
            authzid="",
            username="user",
            nonce=b"!~",
            header=b"p=tls-server-end-point,,",
            bare=b"n=user,r=!~",
        ),
    ),
]

NAMES: list[tuple[bytes, str]] = [
    (b"a=2Cb=3Dc", "a,b=c"),
    (b"=3D2C", "=2C"),
    (b"=2C3D", ",3D"),
    ("j\u00fcrgen".encode(), "j\u00fcrgen"),
    (b" \x01\x7f", " \x01\x7f"),
]

BAD_FIRSTS: list[bytes] = [
    b"",
    b"n",
    b"n,",
    b"n,,",
    b"n,,n=user",
    b"n,,r=x,n=user",
    b"n,,n=user,r=",
    b"n,,n=user,r=x,",
    b"n,,n=user,r=x ",
    b"n,,n=user,r=x y",
    b"n,,n=user,r=\x7f",
    b"n,,n=user,r=x\n",
    b"n,,n=user,r=\xc3\xbc",
    b"n,,n=,r=x",
    b"n,,n=us=er,r=x",
    b"n,,n=user=2c,r=x",
    b"n,,n=user=3d,r=x",
    b"n,,n=user=,r=x",
    b"n,,n=us\0er,r=x",
    b"n,,n=us\xffer,r=x",
    b"n,,N=user,r=x",
    b"n,,n=user,R=x",
    b" n,,n=user,r=x",
    b"n,, n=user,r=x",
    b"n,a=,n=user,r=x",
    b"n,a=a=b,n=user,r=x",
    b"n,user,n=user,r=x",
    b"n,n=user,r=x",
    b"F,n,,n=user,r=x",
    b"N,,n=user,r=x",
    b"Y,,n=user,r=x",
    b"p,,n=user,r=x",
    b"p=,,n=user,r=x",
    b"p=tls_unique,,n=user,r=x",
    b"n=tls-unique,,n=user,r=x",
    b"x,,n=user,r=x",
    # mandatory extensions, in their place and out of it
    b"n,,m=ext,n=user,r=x",
    b"n,,n=user,r=x,m=ext",
    # attributes with a place of their own
    b"n,,n=user,r=x,n=admin",
    b"n,,n=user,r=x,a=admin",
    b"n,,n=user,r=x,r=y",
    b"n,,n=user,r=x,c=biws",
    b"n,,n=user,r=x,e=other-error",
    b"n,,n=user,r=x,i=1",
    b"n,,n=user,r=x,p=AAAA",
    b"n,,n=user,r=x,s=AAAA",
    b"n,,n=user,r=x,v=AAAA",
    # what no extension looks like
    b"n,,n=user,r=x,z",
    b"n,,n=user,r=x,z=",
    b"n,,n=user,r=x,1=y",
    b"n,,n=user,r=x,zz=y",
    b"n,,n=user,r=x,z=\0",
]

BAD_FINALS: list[bytes] = [
    b"",
    b"c=biws",
    b"c=biws,r=x",
    b"c=biws,p=AAAA",
    b"r=x,c=biws,p=AAAA",
    b"c=biws,r=x,p=AAAA,",
    b"c=biws,r=x,p=AAAA,z=y",
    b"c=biws,r=x,p=AAA",
    b"c=biws,r=x,p=AAAA\n",
    b"c=biws,r=x,p=A AAA",
    b"c=biws,r=x,p=AA-_",
    b"c=biws,r=x,p=AA==AA==",
    b"c=biw,r=x,p=AAAA",
    b"c=biws,r=,p=AAAA",
    b"c=biws,r=x,p=AAAA,p=AAAA",
    b"c=biws,r=x,c=biws,p=AAAA",
    b"c=biws,r=x,m=ext,p=AAAA",
    b"m=ext,c=biws,r=x,p=AAAA",
    b"c=biws,r=x,z=\xff,p=AAAA",
    # padding bits that are not zero
    b"c=biws,r=x,p=AB==",
    b"c=biws,r=x,p=AAB=",
]


class ClientFirstTests(SynchronousTestCase):
    """The first message of the client."""

    def test_examples(self) -> None:
        for message, expected in FIRSTS:
            self.assertEqual(read_client_first(message), expected)

    def test_names_are_unescaped(self) -> None:
        for written, name in NAMES:
            first = read_client_first(b"n,a=" + written + b",n=" + written + b",r=x")
            self.assertEqual((first.authzid, first.username), (name, name))
            self.assertEqual(first.bare, b"n=" + written + b",r=x")

    def test_malformed(self) -> None:
        for message in BAD_FIRSTS:
            with self.assertRaises(ScramSyntaxError, msg=message):
                read_client_first(message)

    def test_optional_extensions_are_ignored(self) -> None:
        first = read_client_first("n,,n=user,r=x,z=\u00fc=,q=1,q=2".encode())
        self.assertEqual(first.username, "user")
        self.assertEqual(first.bare, "n=user,r=x,z=\u00fc=,q=1,q=2".encode())

    def test_length(self) -> None:
        start = b"n,,n=user,r="
        longest = start + b"x" * (4096 - len(start))
        self.assertEqual(len(read_client_first(longest).nonce), 4096 - len(start))
        self.assertRaises(ScramSyntaxError, read_client_first, longest + b"x")


class ClientFinalTests(SynchronousTestCase):
    """The last message of the client."""

    def test_example(self) -> None:
        self.assertEqual(
            read_client_final(b"c=biws,r=abc,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="),
            ClientFinal(
                binding=b"biws",
                nonce=b"abc",
                proof=bytes.fromhex("bf45fcbf7073d93d022466c94321745fe1c8e13b"),
                bare=b"c=biws,r=abc",
            ),
        )

    def test_malformed(self) -> None:
        for message in BAD_FINALS:
            with self.assertRaises(ScramSyntaxError, msg=message):
                read_client_final(message)

    def test_optional_extensions_are_ignored(self) -> None:
        final = read_client_final(b"c=biws,r=x,z=p=,x=19C6532F,p=AAAA")
        self.assertEqual((final.bare, final.proof), (b"c=biws,r=x,z=p=,x=19C6532F", bytes(3)))

    def test_length(self) -> None:
        start, end = b"c=biws,r=", b",p=AAAA"
        room = 8192 - len(start) - len(end)
        self.assertEqual(len(read_client_final(start + b"x" * room + end).nonce), room)
        self.assertRaises(ScramSyntaxError, read_client_final, start + b"x" * (room + 1) + end)


class ServerMessageTests(SynchronousTestCase):
    """What the server writes."""

    def test_first(self) -> None:
        self.assertEqual(write_server_first(b"ab", b"salt", 4096, None), b"r=ab,s=c2FsdA==,i=4096")

    def test_first_with_downgrade_protection(self) -> None:
        self.assertEqual(
            write_server_first(b"ab", b"salt", 10000, b"aGFzaA=="),
            b"r=ab,s=c2FsdA==,i=10000,h=aGFzaA==",
        )

    def test_final(self) -> None:
        self.assertEqual(write_server_final(b"signature"), b"v=c2lnbmF0dXJl")


class ReprTests(SynchronousTestCase):
    """What may be printed."""

    def test_proofs_and_nonces_stay_out(self) -> None:
        first = read_client_first(b"n,,n=user,r=secretnonce")
        final = read_client_final(b"c=biws,r=secretnonce,p=AAAA")
        for message in (first, final):
            self.assertNotIn("secretnonce", repr(message))
        self.assertEqual(repr(final), "ClientFinal()")
