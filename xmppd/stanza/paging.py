"""Result set management: which page of a list is wanted, and which one this is (XEP-0059)."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from xmppd.stanza.errors import StanzaError
from xmppd.wire.element import Element
from xmppd.wire.namespaces import RESULT_SETS

Member = TypeVar("Member")

_is_number = re.compile(r"[0-9]{1,18}", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The page somebody wants.

    - `max`: at most so many items; 0 asks for their number only (2.7). None: as many as one likes.
    - `after`, `before`: ids of the items next to the page; `before` "" asks for the last page
      (2.5). With both, the page is between them.
    - `index`: the position of the page's first item (2.6), never together with ids.
    """

    max: int | None = None
    after: str | None = None
    before: str | None = None
    index: int | None = None

    @property
    def backwards(self) -> bool:
        """Whether the page is the end of what lies between the ids, rather than its beginning."""
        return self.before is not None

    def limit(self, most: int) -> int:
        """Return how many items may be sent where we send at most `most`."""
        return most if self.max is None else min(self.max, most)

    @classmethod
    def from_element(cls, element: Element) -> "PageRequest":
        """Read a `<set/>`. Raises `StanzaError` (bad-request) for numbers that are none.

        An empty `<after/>` is the beginning of the list.
        """
        request = cls(
            _number(element, "max"),
            _text(element, "after") or None,
            _text(element, "before"),
            _number(element, "index"),
        )
        if request.index is not None and (request.after, request.before) != (None, None):
            raise StanzaError("bad-request", "a page begins at an index or at an item")
        return request

    @classmethod
    def found_in(cls, parent: Element) -> "PageRequest | None":
        """Read the `<set/>` directly inside an element; None if there is none.

        Raises `StanzaError` as `from_element` does.
        """
        element = parent.child("set", RESULT_SETS)
        return None if element is None else cls.from_element(element)


@dataclass(frozen=True, slots=True)
class PageInfo:
    """What an answer says of the page in it.

    - `first`, `last`: the ids of its first and last items, None if the page is empty.
    - `index`: the position of the first one, None if that is not known.
    - `count`: how many items there are in all, None if that is not known.
    """

    first: str | None = None
    last: str | None = None
    index: int | None = None
    count: int | None = None

    def to_element(self) -> Element:
        """Return the `<set/>`."""
        element = Element("set", RESULT_SETS)
        if self.first is not None and self.last is not None:
            first = element.add("first", text=self.first)
            if self.index is not None:
                first.attrs["index"] = str(self.index)
            element.add("last", text=self.last)
        if self.count is not None:
            element.add("count", text=str(self.count))
        return element


def cut(
    members: Sequence[Member], request: PageRequest, most: int, id_of: Callable[[Member], str]
) -> tuple[Sequence[Member], PageInfo]:
    """Return the page of a whole list that is asked for, of at most `most` items, and its `<set/>`.

    `id_of` tells the id of an item, unique in the list. Raises `StanzaError` (item-not-found) for
    an id that is not in the list (2.4).
    """
    begin, end = 0, len(members)
    if request.index is not None:
        begin = min(request.index, end)
    if request.after is not None:
        begin = _position(members, request.after, id_of) + 1
    if request.before:
        end = _position(members, request.before, id_of)
    size = min(request.limit(most), max(end - begin, 0))
    if request.backwards:
        begin = max(end - size, begin)
    page = members[begin : begin + size]
    if not page:
        return page, PageInfo(count=len(members))
    return page, PageInfo(id_of(page[0]), id_of(page[-1]), begin, len(members))


def _position(members: Sequence[Member], id: str, id_of: Callable[[Member], str]) -> int:
    for position, member in enumerate(members):
        if id_of(member) == id:
            return position
    raise StanzaError("item-not-found")


def _text(element: Element, name: str) -> str | None:
    child = element.child(name, RESULT_SETS)
    return None if child is None else child.text


def _number(element: Element, name: str) -> int | None:
    text = _text(element, name)
    if text is None:
        return None
    if not _is_number(text.strip()):
        raise StanzaError("bad-request", f"{name} is no number")
    return int(text)
