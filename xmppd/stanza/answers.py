"""What a submitted form says, held against the form that was offered (XEP-0004 section 4)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from xmppd.stanza.errors import StanzaError
from xmppd.stanza.forms import FORM_TYPE, LISTS, SEVERAL, Field, FieldType, Form, FormType
from xmppd.stanza.jid import JID, JIDError

_BOOLEANS = {"1": True, "true": True, "0": False, "false": False}
_is_integer = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII).fullmatch
_JIDS = frozenset({FieldType.JID_SINGLE, FieldType.JID_MULTI})
# An empty value of these says that there is none (XEP-0004 3.6).
_CLEARED = _JIDS | LISTS | {FieldType.BOOLEAN}


@dataclass(frozen=True, slots=True)
class Answers:
    """The fields that were filled in, by name; every value is what its field allows.

    `var in answers` tells whether a field was submitted: one that was not keeps its current value
    (XEP-0004 3.5). A field may have been submitted empty, and then counts as having no value.
    """

    submitted: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def __contains__(self, var: object) -> bool:
        return var in self.submitted

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the fields submitted, in the order of the form."""
        return iter(self.submitted)

    def texts(self, var: str) -> tuple[str, ...]:
        """Return all values of a field, () if there is none."""
        return self.submitted.get(var, ())

    def text(self, var: str, default: str = "") -> str:
        """Return the value of a field; several are lines of one text (text-multi)."""
        values = self.texts(var)
        return "\n".join(values) if values else default

    def flag(self, var: str, default: bool = False) -> bool:
        """Return the value of a boolean field."""
        values = self.texts(var)
        return _BOOLEANS[values[0]] if values else default

    def jid(self, var: str) -> JID | None:
        """Return the address in a field, None if there is none."""
        values = self.texts(var)
        return JID.parse(values[0]) if values else None

    def jids(self, var: str) -> tuple[JID, ...]:
        """Return the addresses in a field, each once."""
        return tuple(dict.fromkeys(map(JID.parse, self.texts(var))))

    def integer(self, var: str, default: int | None = None) -> int | None:
        """Return the whole number in a text field, `default` if there is none.

        Raises `StanzaError` (not-acceptable) for what is no number, or has too many digits.
        """
        text = self.text(var).strip()
        if not text:
            return default
        if not _is_integer(text):
            raise _unacceptable(f"{var}: give a whole number")
        return int(text)


def read(offered: Form, submitted: Form) -> Answers:
    """Return what a form says, by the types and rules of the form that was offered.

    Fields that were not offered are passed over. Raises `StanzaError`: bad-request for a form that
    is not a submission, not-acceptable, with a text that names the field, for one that is about
    something else, lacks what is required, or has a value its field does not allow.
    """
    if submitted.type is not FormType.SUBMIT:
        raise StanzaError("bad-request", "the form is not submitted")
    if submitted.form_type not in ("", offered.form_type):
        raise _unacceptable("this form was not offered")
    given = {each.var: each.values for each in submitted.fields}
    read: dict[str, tuple[str, ...]] = {}
    for each in offered.fields:
        if each.type is FieldType.FIXED or each.var == FORM_TYPE:
            continue
        if each.var in given:
            read[each.var] = _checked(each, given[each.var])
        if each.required and not any(read.get(each.var, ())):
            raise _unacceptable(f"{each.var}: this is required")
    return Answers(read)


def _checked(field: Field, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values of a field, in normal form."""
    kind = field.type
    if kind in _CLEARED:
        values = tuple(each for each in values if each or _is_option(field, each))
    if len(values) > 1 and kind not in SEVERAL:
        raise _unacceptable(f"{field.var}: this takes one value")
    if kind is FieldType.BOOLEAN:
        return tuple(_boolean(field, value) for value in values)
    if kind in _JIDS:
        return tuple(dict.fromkeys(_address(field, value) for value in values))
    if kind in LISTS and not all(_is_option(field, value) for value in values):
        raise _unacceptable(f"{field.var}: choose from what is offered")
    return tuple(dict.fromkeys(values)) if kind in LISTS else values


def _is_option(field: Field, value: str) -> bool:
    return any(option.value == value for option in field.options)


def _boolean(field: Field, value: str) -> str:
    if value.strip() not in _BOOLEANS:
        raise _unacceptable(f"{field.var}: give true or false")
    return value.strip()


def _address(field: Field, value: str) -> str:
    try:
        return str(JID.parse(value))
    except JIDError:
        raise _unacceptable(f"{field.var}: give an address") from None


def _unacceptable(text: str) -> StanzaError:
    return StanzaError("not-acceptable", text)
