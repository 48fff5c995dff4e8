"""Server dialback: its keys, and what is asked and answered (XEP-0220, XEP-0185).

An initiating server asks by `result` to be allowed to send for a pair of domains, with a key; the
receiving server asks by `verify`, at the server that the DNS names for the sender's domain, whether
that key is right. Names and numbers only: who asks when is the affair of whoever runs the streams.

Domains are A-labels everywhere here, also in keys: both ends of a key are ours.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from hmac import new as new_hmac

from xmppd.stanza.errors import DEFAULT_TYPES
from xmppd.stanza.jid import JID, JIDError
from xmppd.stream.errors import StreamError
from xmppd.wire.element import Element
from xmppd.wire.namespaces import DIALBACK, DIALBACK_FEATURE, STANZA_ERRORS
from xmppd.wire.serializer import escape_attr, escape_text

MAX_LENGTH = 1024
"""The most characters of a key or a stream id: another server is asked to look at both."""

_MAX_TEXT = 500
_UNDEFINED = "undefined-condition"
# XEP-0220 2.5 has one condition more than RFC 6120 8.3.3.
_TYPES = {**DEFAULT_TYPES, "remote-connection-failed": DEFAULT_TYPES["remote-server-not-found"]}


class Kind(StrEnum):
    """Which of the two questions."""

    RESULT = "result"
    """May we send for this pair?"""
    VERIFY = "verify"
    """Is this key yours?"""


class Outcome(StrEnum):
    """What the answer is (XEP-0220 2.1, 2.5)."""

    VALID = "valid"
    INVALID = "invalid"
    ERROR = "error"


_KINDS = {kind.value: kind for kind in Kind}
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


def make_key(secret: bytes, receiving: str, originating: str, id: str) -> str:
    """Return the key for a pair on the stream of that id, in lower-case hex (XEP-0185).

    `receiving` is the domain to be sent to, `originating` ours, whose secret it is.
    """
    text = f"{receiving} {originating} {id}"
    # XEP-0185 shows it: the key of the HMAC is the digest as it is written, not its bytes.
    return new_hmac(sha256(secret).hexdigest().encode(), text.encode(), sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, by and to whom.

    - `id`: of `verify` only, that of the question.
    - `condition`, `text`: of `Outcome.ERROR` only: a stanza error, or `remote-connection-failed`;
      for a person.
    """

    kind: Kind
    from_: str
    to: str
    outcome: Outcome
    id: str = ""
    condition: str = ""
    text: str = ""

    def to_bytes(self) -> bytes:
        """Return it for a stream whose header declares the prefix `db`, which XEP-0220 2 wants."""
        head = f"<db:{_tag(self)} type='{self.outcome}'"
        if self.outcome is not Outcome.ERROR:
            return f"{head}/>".encode()
        text = f"<text xmlns='{STANZA_ERRORS}'>{escape_text(self.text)}</text>" if self.text else ""
        return (
            f"{head}><error type='{_TYPES[self.condition]}'>"
            f"<{self.condition} xmlns='{STANZA_ERRORS}'/>{text}</error></db:{self.kind}>"
        ).encode()


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, by and for whom.

    - `id`: of `verify` only, that of the stream the key came over.
    - `key`: the key, which may be empty and wrong; it does not show in a repr.
    """

    kind: Kind
    from_: str
    to: str
    key: str = field(repr=False)
    id: str = ""

    def to_bytes(self) -> bytes:
        """Return it for a stream whose header declares the prefix `db`, which XEP-0220 2 wants."""
        return f"<db:{_tag(self)}>{escape_text(self.key)}</db:{self.kind}>".encode()

    def answer(self, outcome: Outcome) -> Answer:
        """Return the answer to it."""
        return Answer(self.kind, self.to, self.from_, outcome, self.id)

    def error(self, condition: str, text: str = "") -> Answer:
        """Return an error in answer to it (XEP-0220 2.5), for peers that have shown they know it.

        Raises `ValueError` for what is no such condition.
        """
        if condition not in _TYPES:
            raise ValueError(f"{condition!r} is not a dialback error condition")
        return Answer(self.kind, self.to, self.from_, Outcome.ERROR, self.id, condition, text)

    def is_right(self, secret: bytes) -> bool:
        """Tell whether a `verify` asks about a key that we have made.

        That takes a time which does not tell how much of it is right.
        """
        key = make_key(secret, self.from_, self.to, self.id)
        return compare_digest(self.key.encode(), key.encode())


def read_dialback(element: Element) -> Request | Answer:
    """Return what an element in the namespace of dialback says.

    Raises `StreamError` if it is none of dialback's, or says nothing: `improper-addressing` for
    addresses that are missing or no domains, `policy-violation` for a key or id that is too long.
    """
    kind = _KINDS.get(element.name) if element.ns == DIALBACK else None
    if kind is None:
        raise StreamError("unsupported-stanza-type", "no element of server dialback")
    from_, to = _domain(element, "from"), _domain(element, "to")
    id = _bounded(element.attrs.get("id", "")) if kind is Kind.VERIFY else ""
    if kind is Kind.VERIFY and not id:
        raise StreamError("bad-format", "a stream's 'id' is missing")
    if "type" not in element.attrs:
        return Request(kind, from_, to, _bounded(element.text.strip()), id)
    outcome = _OUTCOMES.get(element.attrs["type"])
    if outcome is None:
        raise StreamError("bad-format", "'type' is valid, invalid or error")
    condition, text = _error(element) if outcome is Outcome.ERROR else ("", "")
    return Answer(kind, from_, to, outcome, id, condition, text)


def feature() -> Element:
    """Return the stream feature that says we know dialback and its errors (XEP-0220 2.4.2)."""
    dialback = Element("dialback", DIALBACK_FEATURE)
    dialback.add("errors")
    return dialback


def knows_errors(features: Element) -> bool:
    """Tell whether a peer's features say that it knows dialback errors (XEP-0220 2.4.2)."""
    dialback = features.child("dialback", DIALBACK_FEATURE)
    return dialback is not None and dialback.child("errors", DIALBACK_FEATURE) is not None


class Unanswered:
    """The questions we have asked on one stream and have no answer to.

    An answer that nobody asked for on its stream must not count (XEP-0220 3.1). `limit` is how many
    there may be at once.
    """

    __slots__ = ("_limit", "_requests")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._requests: dict[tuple[Kind, str, str, str], Request] = {}

    def __len__(self) -> int:
        return len(self._requests)

    def ask(self, request: Request) -> bool:
        """Remember what is being asked; tell whether there was room, else it must not be."""
        question = request.kind, request.from_, request.to, request.id
        if question in self._requests or len(self._requests) >= self._limit:
            return False
        self._requests[question] = request
        return True

    def settle(self, answer: Answer) -> Request | None:
        """Return the question this answers, which is forgotten; None if it was not asked here."""
        return self._requests.pop((answer.kind, answer.to, answer.from_, answer.id), None)

    def abandon(self) -> list[Request]:
        """Return all questions, in order, and forget them: the stream has ended."""
        requests = list(self._requests.values())
        self._requests.clear()
        return requests


def _tag(value: Request | Answer) -> str:
    id = f" id='{escape_attr(value.id)}'" if value.kind is Kind.VERIFY else ""
    return f"{value.kind} from='{escape_attr(value.from_)}' to='{escape_attr(value.to)}'{id}"


def _domain(element: Element, name: str) -> str:
    try:
        address = JID.parse(element.attrs.get(name, ""))
    except JIDError:
        address = None
    if address is None or address.localpart or address.resourcepart:
        raise StreamError("improper-addressing", f"'{name}' is not a domain")
    return address.domainpart


def _bounded(text: str) -> str:
    if len(text) > MAX_LENGTH:
        raise StreamError("policy-violation", "a dialback key or id is too long")
    return text


def _error(element: Element) -> tuple[str, str]:
    """Return the condition and the text of an error; it is in one content namespace or another."""
    error = element.child("error")
    if error is None:
        return _UNDEFINED, ""
    found = [child.name for child in error.elements(ns=STANZA_ERRORS) if child.name in _TYPES]
    told = error.child("text", STANZA_ERRORS)
    text = "" if told is None else " ".join(told.text.split())[:_MAX_TEXT]
    text = "".join(each if each.isprintable() else "\ufffd" for each in text)
    return (found[0] if found else _UNDEFINED), text
