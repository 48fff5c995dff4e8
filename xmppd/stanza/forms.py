"""Data forms as values: offered, submitted, or reporting results (XEP-0004, XEP-0068).

A form of ours is made by `Form.of` and written by `to_element`; one of somebody else's is found by
`form_in`. What a submitted form says, held against the form that was offered, is for
`xmppd.stanza.answers` to read.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.wire.element import Element
from xmppd.wire.namespaces import DATA_FORMS

FORM_TYPE = "FORM_TYPE"
"""The name of the field that says what a form is about (XEP-0068)."""

Value = str | bool | int | JID | Iterable[str | JID]
"""What can be written into a field; several values for the types that take them."""


class FormType(StrEnum):
    """What a form is for (XEP-0004 3.1)."""

    FORM = "form"
    SUBMIT = "submit"
    CANCEL = "cancel"
    RESULT = "result"


class FieldType(StrEnum):
    """What a field holds (XEP-0004 3.3)."""

    BOOLEAN = "boolean"
    FIXED = "fixed"
    HIDDEN = "hidden"
    JID_MULTI = "jid-multi"
    JID_SINGLE = "jid-single"
    LIST_MULTI = "list-multi"
    LIST_SINGLE = "list-single"
    TEXT_MULTI = "text-multi"
    TEXT_PRIVATE = "text-private"
    TEXT_SINGLE = "text-single"


SEVERAL = frozenset(
    {FieldType.JID_MULTI, FieldType.LIST_MULTI, FieldType.TEXT_MULTI, FieldType.HIDDEN}
)
"""The types of fields that may have more than one value."""

LISTS = frozenset({FieldType.LIST_MULTI, FieldType.LIST_SINGLE})
"""The types of fields that have options."""

Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a list: its value, and what people are shown instead ("" for the value)."""

    value: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field (XEP-0004 3.2).

    - `var`: its name, unique in the form; "" only for fixed ones.
    - `type`: None where a submitted form leaves it to the form that was offered.
    - `values`: as they are written; see `written`. They may be secret: no repr shows them.
    """

    var: str
    type: FieldType | None = FieldType.TEXT_SINGLE
    label: str = ""
    desc: str = ""
    required: bool = False
    values: tuple[str, ...] = field(default=(), repr=False)
    options: tuple[Option, ...] = ()

    def to_element(self) -> Element:
        """Return the `<field/>`."""
        element = Element("field", DATA_FORMS)
        given = {"type": self.type, "var": self.var, "label": self.label}
        element.attrs.update((name, str(text)) for name, text in given.items() if text)
        if self.desc:
            element.add("desc", text=self.desc)
        if self.required:
            element.add("required")
        for value in self.values:
            element.add("value", text=value)
        for option in self.options:
            attrs = {"label": option.label} if option.label else {}
            element.add("option", **attrs).add("value", text=option.value)
        return element

    @classmethod
    def from_element(cls, element: Element) -> "Field":
        """Read a `<field/>`; raises `ValueError` with a plain sentence.

        A type nobody knows is text-single (XEP-0004 3.3).
        """
        var, written_type = element.attrs.get("var", ""), element.attrs.get("type")
        kind = None if written_type is None else _word(FieldType, written_type)
        if written_type is not None and kind is None:
            kind = FieldType.TEXT_SINGLE
        if not var:
            if kind not in (None, FieldType.FIXED):
                raise ValueError("a field has no name")
            kind = FieldType.FIXED
        desc = element.child("desc", DATA_FORMS)
        return cls(
            var,
            kind,
            element.attrs.get("label", ""),
            "" if desc is None else desc.text,
            element.child("required", DATA_FORMS) is not None,
            _values(element),
            tuple(map(_option, element.elements("option", DATA_FORMS))),
        )


Item = tuple[Field, ...]
"""One row of a result, a field for each column reported."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form.

    - `fields`: in the order shown, the one that tells the form's type among them.
    - `instructions`: one text a line.
    - `reported`: the columns of a result of many rows, None if it is none; `items`: its rows.
    """

    type: FormType
    fields: tuple[Field, ...] = ()
    title: str = ""
    instructions: tuple[str, ...] = ()
    reported: tuple[Field, ...] | None = None
    items: tuple[Item, ...] = ()

    @classmethod
    def of(
        cls,
        form_type: str,
        *fields: Field,
        type: FormType = FormType.FORM,
        title: str = "",
        instructions: str = "",
    ) -> "Form":
        """Make a form about `form_type` (XEP-0068; "" for none), by default one to be filled in."""
        about = (Field(FORM_TYPE, FieldType.HIDDEN, values=(form_type,)),) if form_type else ()
        return cls(type, (*about, *fields), title, tuple(instructions.splitlines()))

    @classmethod
    def result(cls, form_type: str, values: Mapping[str, Value]) -> "Form":
        """Make a form that reports values by the names of their fields."""
        fields = (Field(var, None, values=written(value)) for var, value in values.items())
        return cls.of(form_type, *fields, type=FormType.RESULT)

    @property
    def form_type(self) -> str:
        """What the form is about; "" if it does not say (XEP-0068 section 3.2)."""
        found = self.field(FORM_TYPE)
        if found is None or not found.values:
            return ""
        hidden = found.type is FieldType.HIDDEN
        untyped = found.type is None and self.type is FormType.SUBMIT
        return found.values[0] if hidden or untyped else ""

    def field(self, var: str) -> Field | None:
        """Return the field of that name, or None."""
        return next((each for each in self.fields if each.var == var), None)

    def value(self, var: str, default: str = "") -> str:
        """Return the first value of a field as it is written, `default` if it has none."""
        found = self.field(var)
        return found.values[0] if found is not None and found.values else default

    def filled(self, values: Mapping[str, Value]) -> "Form":
        """Return this form with these values in its fields, by their names.

        Raises `KeyError` for a name that is no field.
        """
        unknown = values.keys() - {each.var for each in self.fields}
        if unknown:
            raise KeyError(*sorted(unknown))
        fields = (
            replace(each, values=written(values[each.var])) if each.var in values else each
            for each in self.fields
        )
        return replace(self, fields=tuple(fields))

    def to_element(self) -> Element:
        """Return the `<x/>`; each call makes a new one."""
        element = Element("x", DATA_FORMS, {"type": self.type.value})
        if self.title:
            element.add("title", text=self.title)
        for line in self.instructions:
            element.add("instructions", text=line)
        element.children += [each.to_element() for each in self.fields]
        if self.reported is not None:
            element.children.append(_group("reported", self.reported))
        element.children += [_group("item", item) for item in self.items]
        return element

    @classmethod
    def from_element(cls, element: Element) -> "Form":
        """Read an `<x/>`; raises `ValueError` with a plain sentence for what is no form."""
        if (element.ns, element.name) != (DATA_FORMS, "x"):
            raise ValueError("this is no data form")
        kind = _word(FormType, element.attrs.get("type", ""))
        if kind is None:
            raise ValueError("a form is a form, submit, cancel or result")
        title = element.child("title", DATA_FORMS)
        reported = element.child("reported", DATA_FORMS)
        return cls(
            kind,
            tuple(_fields(element)),
            "" if title is None else title.text,
            tuple(each.text for each in element.elements("instructions", DATA_FORMS)),
            None if reported is None else tuple(_fields(reported)),
            tuple(tuple(_fields(item)) for item in element.elements("item", DATA_FORMS)),
        )


def written(value: Value) -> tuple[str, ...]:
    """Return the values of a field that holds `value`."""
    if isinstance(value, bool):
        return ("1" if value else "0",)
    if isinstance(value, str | int | JID):
        return (str(value),)
    return tuple(map(str, value))


def form_in(parent: Element) -> Form | None:
    """Return the first form directly inside an element, None if there is none.

    Raises `StanzaError` (bad-request) for one that cannot be read.
    """
    found = parent.child("x", DATA_FORMS)
    if found is None:
        return None
    try:
        return Form.from_element(found)
    except ValueError as error:
        raise StanzaError("bad-request", str(error)) from None


def _group(name: str, fields: tuple[Field, ...]) -> Element:
    return Element(name, DATA_FORMS, children=[each.to_element() for each in fields])


def _fields(parent: Element) -> Iterator[Field]:
    seen: set[str] = set()
    for element in parent.elements("field", DATA_FORMS):
        read = Field.from_element(element)
        if read.var in seen:
            raise ValueError("a field is there twice")
        if read.var:
            seen.add(read.var)
        yield read


def _values(element: Element) -> tuple[str, ...]:
    return tuple(value.text for value in element.elements("value", DATA_FORMS))


def _option(element: Element) -> Option:
    values = _values(element)
    if len(values) != 1:
        raise ValueError("an option has exactly one value")
    return Option(values[0], element.attrs.get("label", ""))


def _word(kind: type[Word], text: str) -> Word | None:
    try:
        return kind(text)
    except ValueError:
        return None
