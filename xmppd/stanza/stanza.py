"""Stanzas as the server carries them: an envelope around bytes (RFC 6120 section 8).

A `Stanza` is a `Message`, `Presence` or `Iq`. Its envelope (addresses, id, type, language, names of
the first-level children) is at hand; its inner bytes are canonical (`xmppd.wire.canonical`) and
become a tree only when somebody asks for one. Whoever receives a stanza may keep it; once it has
been handed on it is not changed any more: `copy` makes a changed one and shares the inner bytes.
"""

from typing import ClassVar, Self

from xmppd.stanza.jid import JID, JIDError
from xmppd.wire.canonical import Child, inner_of
from xmppd.wire.document import parse_fragment
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT, XML_LANG
from xmppd.wire.serializer import attributes, escape_attr

_ROOT = f"<root xmlns='{CLIENT}'>".encode()


class Stanza:
    """A message, presence or IQ.

    - `to`, `from_`: `JID` or None.
    - `type`, `id`, `lang`: str, "" where the attribute is missing.
    - `extra`: any other attributes, written as they stand in the start tag ("" for none).
    - `inner`: bytes between the tags; `children`: its elements (see `xmppd.wire.canonical.Child`).
    - `ticket`: the storage ticket this stanza promises, 0 for none (see `xmppd.api.storage`).
    - `malformed`: the name of an address attribute which is no address ("" if all are well);
      such a stanza is answered with `jid-malformed`, never delivered.
    """

    __slots__ = (
        "children",
        "extra",
        "from_",
        "id",
        "inner",
        "lang",
        "malformed",
        "ticket",
        "to",
        "type",
    )
    kind: ClassVar[str]
    _opening: ClassVar[str]
    _closing: ClassVar[bytes]

    def __init_subclass__(cls) -> None:
        cls._opening = f"<{cls.kind}"
        cls._closing = f"</{cls.kind}>".encode()

    def __init__(
        self,
        *payload: Element,
        to: JID | None = None,
        from_: JID | None = None,
        type: str = "",
        id: str = "",
        lang: str = "",
    ) -> None:
        self.to = to
        self.from_ = from_
        self.type = type
        self.id = id
        self.lang = lang
        self.extra = ""
        self.ticket = 0
        self.malformed = ""
        self.inner: bytes = b""
        self.children: list[Child] = []
        if payload:
            self.inner, self.children = inner_of(Element(self.kind, children=list(payload)))

    def __repr__(self) -> str:
        """Show the envelope; what is inside may be private."""
        return f"<{self.kind} {self.type!r} to={self.to} from={self.from_} id={self.id!r}>"

    @classmethod
    def received(cls, attrs: dict[str, str], inner: bytes, children: list[Child]) -> Self:
        """Make a stanza of what the parser cut out (a `StanzaMaker`); `attrs` is used up."""
        self = cls.__new__(cls)
        pop = attrs.pop
        self.malformed = ""
        self.to = self._address("to", attrs) if "to" in attrs else None
        self.from_ = self._address("from", attrs) if "from" in attrs else None
        self.type = pop("type", "")
        self.id = pop("id", "")
        self.lang = pop(XML_LANG, "")
        self.extra = attributes(attrs) if attrs else ""
        self.inner = inner
        self.children = children
        self.ticket = 0
        return self

    def _address(self, name: str, attrs: dict[str, str]) -> JID | None:
        try:
            return JID.parse(attrs.pop(name))
        except JIDError:
            self.malformed = name
            return None

    @classmethod
    def from_element(cls, element: Element) -> Self:
        """Make a stanza of a tree whose content namespace is `jabber:client`.

        Raises `ValueError` if an address is none, or a text cannot be written in XML.
        """
        stanza = cls.received(dict(element.attrs), *inner_of(element))
        if stanza.malformed:
            raise ValueError(f"the {stanza.malformed} attribute is not an address")
        return stanza

    def copy(self) -> Self:
        """Return a stanza of equal content, to be changed before it is handed on."""
        other = self.__class__.__new__(self.__class__)
        other.to = self.to
        other.from_ = self.from_
        other.type = self.type
        other.id = self.id
        other.lang = self.lang
        other.extra = self.extra
        other.inner = self.inner
        other.children = self.children
        other.ticket = self.ticket
        other.malformed = self.malformed
        return other

    def to_bytes(self, xmlns: str = "") -> bytes:
        """Return the stanza as UTF-8 XML.

        Without `xmlns` it fits into a stream whose default namespace is the content namespace;
        with it, the own tag declares that (for `<forwarded/>`, archives, one-document frames).
        """
        # Everything but the lang is usual; ids and types are strangers' text like any other.
        head = self._opening
        if xmlns:
            head += f' xmlns="{xmlns}"'
        if self.from_ is not None:
            head += f' from="{escape_attr(self.from_.text)}"'
        if self.to is not None:
            head += f' to="{escape_attr(self.to.text)}"'
        if self.type:
            head += f' type="{escape_attr(self.type)}"'
        if self.id:
            head += f' id="{escape_attr(self.id)}"'
        if self.lang:
            head += f' xml:lang="{escape_attr(self.lang)}"'
        if self.extra:
            head += self.extra
        if not self.inner:
            return f"{head}/>".encode()
        return b"%b>%b%b" % (head.encode(), self.inner, self._closing)

    def __bytes__(self) -> bytes:
        return self.to_bytes()

    def to_element(self) -> Element:
        """Build the whole tree."""
        return parse_fragment(self.to_bytes(), _ROOT)

    # First-level children.

    def has(self, name: str, ns: str = CLIENT) -> bool:
        """Tell whether there is a child of that name."""
        wanted = f"{ns} {name}"
        return any(child[0] == wanted for child in self.children)

    def child(self, name: str, ns: str = CLIENT) -> Element | None:
        """Build the tree of the first child of that name; None if there is none."""
        wanted = f"{ns} {name}"
        for child in self.children:
            if child[0] == wanted:
                return self.child_element(child)
        return None

    def child_element(self, child: Child) -> Element:
        """Build the tree of one of `children`."""
        return parse_fragment(self.inner[child[1] : self._end(child)], _ROOT)

    def add(self, element: Element) -> None:
        """Append a child. Raises `ValueError` if a text cannot be written in XML."""
        piece, children = inner_of(Element(self.kind, children=[element]))
        at = len(self.inner)
        self.inner += piece
        self.children = [
            *self.children,
            *((name, start + at, end + at) for name, start, end in children),
        ]

    def remove(self, children: list[Child]) -> None:
        """Remove these of `children`, given in their order."""
        pieces: list[bytes] = []
        kept: list[Child] = []
        going = frozenset(children)
        at = shift = 0
        for child in self.children:
            if child not in going:
                kept.append((child[0], child[1] - shift, child[2] - shift))
                continue
            end = self._end(child)
            pieces.append(self.inner[at : child[1]])
            shift += end - child[1]
            at = end
        pieces.append(self.inner[at:])
        self.inner = b"".join(pieces)
        self.children = kept

    def _end(self, child: Child) -> int:
        """Return where a child ends, its end tag included."""
        at = child[2]
        # Behind a child without an end tag there is never an end tag: the stanza's own is outside.
        return self.inner.index(b">", at) + 1 if self.inner.startswith(b"</", at) else at


class Message(Stanza):
    """A message (RFC 6121 section 5)."""

    __slots__ = ()
    kind = "message"


class Presence(Stanza):
    """A presence, probe or subscription stanza (RFC 6121 sections 3 and 4)."""

    __slots__ = ()
    kind = "presence"


class Iq(Stanza):
    """A request or an answer to one (RFC 6120 8.2.3)."""

    __slots__ = ()
    kind = "iq"

    @property
    def is_request(self) -> bool:
        """Whether somebody waits for an answer to this."""
        return self.type in ("get", "set")

    def payload(self) -> Element | None:
        """Build the tree of the first child; None if there is none."""
        return self.child_element(self.children[0]) if self.children else None

    def result(self, payload: Element | None = None) -> "Iq":
        """Return the answer to this request, with addresses swapped."""
        children = () if payload is None else (payload,)
        return Iq(*children, to=self.from_, from_=self.to, type="result", id=self.id)


_KINDS: dict[str, type[Stanza]] = {cls.kind: cls for cls in (Message, Presence, Iq)}


def restore(stored: bytes) -> Stanza:
    """Return the stanza whose `bytes()` were stored; raises `ValueError` for anything else."""
    element = parse_fragment(stored, _ROOT)
    if element.ns != CLIENT or element.name not in _KINDS:
        raise ValueError("not a stanza")
    return _KINDS[element.name].from_element(element)


MAKERS = {cls.kind: cls.received for cls in (Message, Presence, Iq)}
"""What a `StreamParser` makes of the first-level elements of a content namespace."""
