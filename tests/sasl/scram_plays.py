"""What the tests of SCRAM share: short ways through an exchange."""

from tests.sasl.helpers import ScramClient, context
from xmppd.sasl.exchange import (
    Challenge,
    Condition,
    Exchange,
    Failed,
    Mechanism,
    NeedKeys,
    Outcome,
    SaslContext,
    ScramKeys,
    Verify,
)
from xmppd.sasl.scram import Scram, ScramFacts
from xmppd.sasl.scram_keys import make_keys

SALT = b"sixteen bytes ok"
ALGORITHMS = {"SHA-512": "sha512", "SHA-256": "sha256", "SHA-1": "sha1"}
FIRST = b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"


def facts_of(outcome: Outcome) -> ScramFacts:
    assert isinstance(outcome, Verify), outcome
    assert isinstance(outcome.facts, ScramFacts)
    return outcome.facts


def challenge_of(outcome: Outcome) -> bytes:
    assert isinstance(outcome, Challenge), outcome
    return outcome.data


def condition_of(outcome: Outcome) -> Condition:
    assert isinstance(outcome, Failed), outcome
    return outcome.condition


def run(mechanism: Mechanism, here: SaslContext, client: ScramClient, keys: ScramKeys) -> Outcome:
    """The whole exchange, up to what follows the client-final message."""
    exchange = mechanism.start(here)
    assert isinstance(exchange.step(client.first()), NeedKeys)
    return exchange.step(client.final(challenge_of(exchange.keys(keys))))


def waiting_for_final(here: SaslContext | None = None) -> tuple[Exchange, bytes]:
    """An exchange that waits for the client-final message, and its challenge."""
    exchange = Scram("SHA-1").start(here or context())
    exchange.step(FIRST)
    return exchange, challenge_of(exchange.keys(make_keys("SHA-1", "pencil", SALT, 4096)))
