"""Stanza errors (RFC 6120 8.3): raised by who finds the fault, written by the router."""

from enum import StrEnum
from typing import TypeVar

from xmppd.stanza.stanza import Stanza
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT, STANZA_ERRORS, XML_LANG


class ErrorType(StrEnum):
    """What the sender may do about an error (RFC 6120 8.3.2)."""

    AUTH = "auth"
    CANCEL = "cancel"
    CONTINUE = "continue"
    MODIFY = "modify"
    WAIT = "wait"


DEFAULT_TYPES = {
    "bad-request": ErrorType.MODIFY,
    "conflict": ErrorType.CANCEL,
    "feature-not-implemented": ErrorType.CANCEL,
    "forbidden": ErrorType.AUTH,
    "gone": ErrorType.CANCEL,
    "internal-server-error": ErrorType.CANCEL,
    "item-not-found": ErrorType.CANCEL,
    "jid-malformed": ErrorType.MODIFY,
    "not-acceptable": ErrorType.MODIFY,
    "not-allowed": ErrorType.CANCEL,
    "not-authorized": ErrorType.AUTH,
    "policy-violation": ErrorType.MODIFY,
    "recipient-unavailable": ErrorType.WAIT,
    "redirect": ErrorType.MODIFY,
    "registration-required": ErrorType.AUTH,
    "remote-server-not-found": ErrorType.CANCEL,
    "remote-server-timeout": ErrorType.WAIT,
    "resource-constraint": ErrorType.WAIT,
    "service-unavailable": ErrorType.CANCEL,
    "subscription-required": ErrorType.AUTH,
    "undefined-condition": ErrorType.CANCEL,
    "unexpected-request": ErrorType.WAIT,
}
"""The defined conditions (RFC 6120 8.3.3) and the type each usually has."""

_EMPTY_ID = ' id=""'
"""The id of an answer to an IQ that has none: it must be there (RFC 6120 8.3.1, rule 3)."""

AnyStanza = TypeVar("AnyStanza", bound=Stanza)


class StanzaError(Exception):
    """What a stanza asks for cannot be done.

    - `condition`: a key of `DEFAULT_TYPES`; anything else raises `ValueError`.
    - `text`: for a person, in English; "" for none. It must not tell what the sender may not know.
    - `type`: by default the condition's usual one.
    - `detail`: an application-specific condition element, or None.
    - `alternative`: the address in `<gone/>` and `<redirect/>`.
    """

    def __init__(
        self,
        condition: str,
        text: str = "",
        *,
        type: ErrorType | None = None,
        detail: Element | None = None,
        alternative: str = "",
    ) -> None:
        if condition not in DEFAULT_TYPES:
            raise ValueError(f"{condition!r} is not a stanza error condition of RFC 6120 8.3.3")
        super().__init__(condition, text)
        self.condition = condition
        self.text = text
        self.type = DEFAULT_TYPES[condition] if type is None else type
        self.detail = detail
        self.alternative = alternative

    def to_element(self) -> Element:
        """Return the `<error/>` element."""
        error = Element("error", CLIENT, {"type": self.type.value})
        error.add(self.condition, STANZA_ERRORS, self.alternative)
        if self.text:
            error.add("text", STANZA_ERRORS, self.text).attrs[XML_LANG] = "en"
        if self.detail is not None:
            error.children.append(self.detail)
        return error


def can_be_answered(stanza: Stanza) -> bool:
    """Tell whether an error may be returned to this stanza.

    Errors and IQ results are never answered (RFC 6120 8.3.1, 8.2.3).
    """
    return stanza.type != "error" and not (stanza.kind == "iq" and stanza.type == "result")


def error_reply(stanza: AnyStanza, error: StanzaError) -> AnyStanza:
    """Return the error stanza that answers `stanza`: same kind and id, addresses swapped."""
    reply = stanza.__class__(
        error.to_element(),
        to=stanza.from_,
        from_=stanza.to,
        type="error",
        id=stanza.id,
    )
    if stanza.kind == "iq" and not stanza.id:
        reply.extra = _EMPTY_ID
    return reply
