"""The PLAIN mechanism: name and password as they are (RFC 4616)."""

from dataclasses import dataclass, field
from functools import partial

from xmppd.sasl.exchange import Condition, Exchange, Failed, Outcome, SaslContext, Verify
from xmppd.sasl.identity import AUTHZID_BYTES, NAME_BYTES, may_act_as
from xmppd.sasl.one_message import OneMessage
from xmppd.stanza import prep


@dataclass(frozen=True, slots=True)
class PlainFacts:
    """A name and the password claimed for it.

    `username` is prepared as a localpart; `password` is prepared with SASLprep as a query string
    (RFC 4616 section 2) and is not empty.
    """

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plain:
    """PLAIN, offered under TLS only, unless `allow_clear` says that the network is trusted."""

    allow_clear: bool = False

    @property
    def name(self) -> str:
        """The registered name."""
        return "PLAIN"

    def possible(self, context: SaslContext) -> bool:
        """Whether a password may be sent over this stream (RFC 6120 section 13.8.3)."""
        return self.allow_clear or context.secure

    def start(self, context: SaslContext) -> Exchange:
        """Begin an exchange; on a stream where PLAIN is not possible it ends at once."""
        if not self.possible(context):
            return OneMessage(_refuse_clear, silence_counts=True)
        return OneMessage(partial(_judge, context.domain))


def _refuse_clear(message: bytes) -> Outcome:
    return Failed(Condition.ENCRYPTION_REQUIRED)


def _judge(domain: str, message: bytes) -> Outcome:
    parts = _split(message)
    if parts is None:
        return Failed(Condition.MALFORMED_REQUEST)
    authzid, authcid, claimed = parts
    try:
        username = prep.localpart(authcid)
        password = prep.saslprep(claimed, allow_unassigned=True)
    except prep.PrepError:
        # What no account can have is answered like what this account has not.
        return Failed(Condition.NOT_AUTHORIZED)
    if not password:
        return Failed(Condition.NOT_AUTHORIZED)
    if not may_act_as(authzid, username, domain):
        return Failed(Condition.INVALID_AUTHZID)
    return Verify(PlainFacts(username, password))


def _split(message: bytes) -> tuple[str, str, str] | None:
    """(authzid, authcid, password) by the grammar of RFC 4616 section 2, or None."""
    parts = message.split(b"\0", 3)
    if len(parts) != 3:
        return None
    authzid, authcid, password = parts
    if len(authzid) > AUTHZID_BYTES:
        return None
    if not 0 < len(authcid) <= NAME_BYTES or not 0 < len(password) <= NAME_BYTES:
        return None
    try:
        return authzid.decode(), authcid.decode(), password.decode()
    except UnicodeDecodeError:
        return None
