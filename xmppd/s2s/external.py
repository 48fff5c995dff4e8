"""SASL EXTERNAL, by which a server that has connected proves itself (RFC 6120 6, XEP-0178 3).

What its certificate is worth is judged elsewhere; here is what is said about it.
"""

from base64 import b64decode, b64encode

from xmppd.stanza.jid import JID
from xmppd.stream.errors import StreamError
from xmppd.wire.element import Element
from xmppd.wire.namespaces import SASL

EXTERNAL = "EXTERNAL"
TRIES = 3
"""How often one stream may try to log in (RFC 6120 6.4.5)."""


class External:
    """The exchanges of one stream."""

    __slots__ = ("_challenged", "_failures")

    def __init__(self) -> None:
        self._challenged = False
        self._failures = 0

    @property
    def exhausted(self) -> bool:
        """Whether so many have failed that the stream has to end (RFC 6120 6.4.5)."""
        return self._failures >= TRIES

    def take(self, element: Element, domain: str, *, secure: bool) -> Element:
        """Return the answer to an element: `<success/>`, `<failure/>` or `<challenge/>`.

        `domain` is what the certificate shown on the stream and the stream's header prove together,
        "" for nothing; `secure` whether there is TLS. Raises `StreamError` for an element that is
        none of these exchanges, or comes where none is going on.
        """
        challenged, self._challenged = self._challenged, False
        text = element.text.strip()
        if element.name == "auth":
            self._failures += challenged  # that exchange is given up (RFC 6120 6.4.2)
            condition = _refusal(element, domain, secure=secure)
            if not condition and not text:
                # RFC 4422 5: who sends no initial response is asked for one.
                self._challenged = True
                return Element("challenge", SASL)
        elif element.name == "abort":
            condition = "aborted"
        elif element.name == "response" and challenged:
            condition = ""
        else:
            raise StreamError("unsupported-stanza-type")
        condition = condition or _wrong(text, domain)
        return self._failure(condition) if condition else Element("success", SASL)

    def _failure(self, condition: str) -> Element:
        self._failures += 1
        failure = Element("failure", SASL)
        failure.add(condition)
        return failure


def _refusal(auth: Element, domain: str, *, secure: bool) -> str:
    """Return why there is no exchange, "" if there is one (RFC 6120 6.5)."""
    if auth.attrs.get("mechanism") != EXTERNAL:
        return "invalid-mechanism"
    if not secure:
        return "encryption-required"
    return "" if domain else "not-authorized"


def _wrong(text: str, domain: str) -> str:
    """Return what is wrong with a response, "" if nothing is (RFC 6120 6.3.8, 6.4.2).

    It names who the other side wants to be, or nobody; that has to be who its header says it is.
    """
    if text in ("", "="):
        return ""
    try:
        given = b64decode(text, validate=True)
    except ValueError:
        return "incorrect-encoding"
    if b64encode(given).decode() != text:
        return "incorrect-encoding"
    try:
        said = JID.parse(given.decode())
    except ValueError:
        return "invalid-authzid"
    return "" if said == JID.make("", domain) else "invalid-authzid"
