"""Private XML Storage (XEP-0049): whatever clients want to find again, for their user alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from xmppd.api.host import IHost
from xmppd.api.moments import PASS, AccountDeleted, Verdict
from xmppd.api.registrations import (
    HOST,
    OWN_ACCOUNT,
    Answer,
    Feature,
    HandleIq,
    Promised,
    Registration,
    Request,
    Watch,
)
from xmppd.api.settings import Count
from xmppd.api.storage import NO_TICKET, Map
from xmppd.api.turns import Turns
from xmppd.stanza.errors import StanzaError
from xmppd.wire.document import parse_document
from xmppd.wire.element import Element
from xmppd.wire.namespaces import PRIVATE, VCARD_TEMP
from xmppd.wire.serializer import TooLong, serialize

_RESERVED = ("jabber:", "http://jabber.org/")


@dataclass(frozen=True, slots=True)
class PrivateSettings:
    """How much one account may keep: so many `elements`, of so many `bytes` each."""

    elements: Count = 100
    bytes: Count = 65_536


DEFAULTS = PrivateSettings()


class PrivateStorage:
    """Keeps one element of each name and namespace for each account."""

    def __init__(self, host: IHost, settings: PrivateSettings = DEFAULTS) -> None:
        self._host = host
        self._settings = settings
        self._kept = host.open("private", Map)
        # Counting waits, and what is counted must not change meanwhile.
        self._turns = Turns()

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield Feature(PRIVATE, at=HOST | OWN_ACCOUNT)
        yield HandleIq("get", PRIVATE, "query", self.get, refusal="forbidden")
        yield HandleIq("set", PRIVATE, "query", self.set, refusal="forbidden")
        yield Watch(AccountDeleted, self.deleted)

    async def get(self, request: Request) -> Element:
        """Return the element of the name asked for, an empty one if none is kept."""
        asked = list(request.payload.elements())
        if len(asked) != 1:
            raise StanzaError("bad-request", "name the one element you want")
        _refuse_reserved(asked[0])
        kept = await self._kept.get(request.owner, _key(asked[0]))
        found = Element(asked[0].name, asked[0].ns) if kept is None else parse_document(kept)
        return Element("query", PRIVATE, children=[found])

    async def set(self, request: Request) -> Answer:
        """Keep all elements of a request, or none if one of them cannot be kept."""
        rows: dict[str, bytes | None] = {}
        for element in request.payload.elements():
            _refuse_reserved(element)
            if _key(element) in rows:
                raise StanzaError("not-acceptable", "an element is there twice")
            rows[_key(element)] = self._written(element)
        if not rows:
            raise StanzaError("not-acceptable", "nothing is there to be kept")
        if self._host.anonymous:
            raise StanzaError("not-allowed", "nothing is kept for guests")
        async with self._turns.of(request.owner):
            await self._check_room(request.owner, rows)
            return self._write(request.owner, rows)

    async def deleted(self, owner: str) -> Verdict:
        """Forget what was being kept while its account was deleted."""
        async with self._turns.of(owner):
            self._kept.clear(owner)
        return PASS

    def _written(self, element: Element) -> bytes | None:
        """Return the stored form of an element; None for an empty one, which need not be kept."""
        if not element.children and not element.attrs:
            return None
        try:
            return serialize(element, limit=self._settings.bytes)
        except TooLong:
            most = self._settings.bytes
            text = f"an element has at most {most} bytes"
            raise StanzaError("policy-violation", text) from None

    async def _check_room(self, owner: str, rows: dict[str, bytes | None]) -> None:
        """Raise `StanzaError` if the account would come to keep too much."""
        kept = [key for key, value in rows.items() if value is not None]
        if all([await self._kept.get(owner, key) is not None for key in kept]):
            return
        there = {key for key, _ in await self._kept.items(owner)}
        if len((there - set(rows)).union(kept)) > self._settings.elements:
            raise StanzaError("resource-constraint", "too much is kept already")

    def _write(self, owner: str, rows: dict[str, bytes | None]) -> Promised:
        ticket = NO_TICKET
        for key, value in rows.items():
            if value is None:
                ticket = self._kept.delete(owner, key)
            else:
                ticket = self._kept.put(owner, key, value)
        return Promised(None, ticket)


def _key(element: Element) -> str:
    return f"{element.ns} {element.name}"


def _refuse_reserved(element: Element) -> None:
    """Refuse namespaces of other protocols, and elements without one of their own.

    Those inherit the namespace of the query, or of the stream.
    """
    if not element.ns or element.ns == VCARD_TEMP or element.ns.startswith(_RESERVED):
        raise StanzaError("not-acceptable", "this namespace is reserved")
