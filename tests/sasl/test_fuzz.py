"""Whatever a client sends, an exchange answers with an outcome and comes to an end."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.sasl.helpers import BINDINGS, context
from xmppd.sasl.anonymous import Anonymous
from xmppd.sasl.digest_md5 import DigestMd5
from xmppd.sasl.exchange import Challenge, Failed, Mechanism, NeedKeys, Verify
from xmppd.sasl.external import External
from xmppd.sasl.plain import Plain
from xmppd.sasl.scram import MECHANISMS
from xmppd.sasl.scram_keys import fake_keys

ALL: tuple[Mechanism, ...] = (*MECHANISMS, Plain(), External(), Anonymous(), DigestMd5())
HERE = context(
    bindings=BINDINGS,
    offered=("SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"),
    offered_bindings=("tls-exporter",),
    certified=("juliet@example.org",),
)
QUICK = settings(deadline=None, derandomize=True, database=None, max_examples=150)

# Messages that are right somewhere, and pieces of every grammar: random bytes alone get nowhere.
WHOLE = st.sampled_from(
    [
        *(b"n,,n=juliet,r=abc", b"n,a=juliet@example.org,n=juliet,r=abc"),
        *(b"p=tls-exporter,,n=juliet,r=abc", b"p=tls-unique,,n=juliet,r=abc,z=x"),
        *(b"\0juliet\0r0m30myr0m30", b"juliet@example.org", b"", b"c=biws,r=abc,p=AAAA"),
    ]
)
PIECES = st.sampled_from(
    [
        *(b"n,,", b"y,,", b"p=tls-exporter,,", b"n=juliet", b",r=abc", b"c=biws", b",p=AAAA"),
        *(b",m=x", b",z=y", b"=2C", b"=3D", b"=", b",", b"\0", b"juliet", b"\\", b"\xff", b"\xc3"),
        *(b'username="juliet"', b',nonce="x"', b'"', b",nc=00000001", b"\xbc", b"\r\n "),
    ]
)
MESSAGES = st.one_of(
    st.none(), WHOLE, st.binary(max_size=60), st.lists(PIECES, max_size=8).map(b"".join)
)


class FuzzTests(SynchronousTestCase):
    """Strangers at the door."""

    def test_any_messages(self) -> None:
        reached: set[type] = set()

        @QUICK
        @given(st.sampled_from(ALL), st.lists(MESSAGES, min_size=5, max_size=5))
        def play(mechanism: Mechanism, messages: list[bytes | None]) -> None:
            exchange = mechanism.start(HERE)
            ended = False
            for message in messages:
                outcome = exchange.step(message)
                reached.add(type(outcome))
                if isinstance(outcome, NeedKeys):
                    keys = fake_keys(outcome.hash, outcome.username, b"secret", 4096)
                    outcome = exchange.keys(keys)
                self.assertIsInstance(outcome, Failed if ended else Challenge | Failed | Verify)
                ended = isinstance(outcome, Failed | Verify)
            self.assertTrue(ended)

        play()
        self.assertEqual(reached, {Challenge, NeedKeys, Verify, Failed})

    @QUICK
    @given(st.sampled_from(MECHANISMS), st.binary(max_size=80))
    def test_any_bytes_in_place_of_the_proof(self, mechanism: Mechanism, message: bytes) -> None:
        exchange = mechanism.start(HERE)
        flag = b"p=tls-exporter" if mechanism.name.endswith("-PLUS") else b"n"
        asked = exchange.step(flag + b",,n=juliet,r=abc")
        assert isinstance(asked, NeedKeys)
        exchange.keys(fake_keys(asked.hash, asked.username, b"secret", 4096))
        self.assertIsInstance(exchange.step(message), Failed)
