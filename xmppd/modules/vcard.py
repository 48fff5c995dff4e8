"""vcard-temp (XEP-0054): what users tell of themselves, kept as they have written it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from xmppd.api.host import IHost
from xmppd.api.registrations import (
    ACCOUNT,
    HOST,
    OWN_ACCOUNT,
    Answer,
    Feature,
    HandleIq,
    Promised,
    Registration,
    Request,
)
from xmppd.api.roster import IRoster
from xmppd.api.settings import Between
from xmppd.api.storage import KeyValue
from xmppd.stanza.errors import StanzaError
from xmppd.wire.document import parse_document
from xmppd.wire.element import Element
from xmppd.wire.namespaces import VCARD_TEMP
from xmppd.wire.serializer import TooLong, serialize


@dataclass(frozen=True, slots=True)
class VCardSettings:
    """Who sees vCards, and how large they may be.

    - `visible`: to "everybody", or to "contacts": those with a subscription to the user's presence.
    - `bytes`: of one vCard, its pictures (in base64) included.
    """

    visible: Literal["everybody", "contacts"] = "everybody"
    bytes: Annotated[int, Between(1_024, 10_000_000)] = 131_072


DEFAULTS = VCardSettings()


class VCards:
    """Keeps a vCard for each account, and shows it to whoever may see it."""

    def __init__(self, host: IHost, settings: VCardSettings = DEFAULTS) -> None:
        self._host = host
        self._settings = settings
        self._cards = host.open("vcard", KeyValue)

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield Feature(VCARD_TEMP, at=HOST | OWN_ACCOUNT | ACCOUNT)
        yield HandleIq("get", VCARD_TEMP, "vCard", self.own)
        yield HandleIq("get", VCARD_TEMP, "vCard", self.other, at=ACCOUNT)
        yield HandleIq("set", VCARD_TEMP, "vCard", self.set, refusal="forbidden")

    async def own(self, request: Request) -> Element:
        """Return the user's vCard, an empty one if there is none (section 3.1)."""
        kept = await self._cards.get(request.owner)
        return Element("vCard", VCARD_TEMP) if kept is None else parse_document(kept)

    async def other(self, request: Request) -> Element:
        """Return somebody's vCard (section 3.3).

        Where there is none, or none for the one who asks, the answer is that for accounts which do
        not exist.
        """
        if not await self._may_see(request):
            raise StanzaError("service-unavailable")
        kept = await self._cards.get(request.owner)
        if kept is None:
            raise StanzaError("service-unavailable")
        return parse_document(kept)

    def set(self, request: Request) -> Answer:
        """Replace the user's vCard (section 3.2); an empty one is kept and shown like any other."""
        if self._host.anonymous:
            raise StanzaError("not-allowed", "nothing is kept for guests")
        try:
            card = serialize(request.payload, limit=self._settings.bytes)
        except TooLong:
            most = self._settings.bytes
            raise StanzaError("policy-violation", f"a vCard has at most {most} bytes") from None
        return Promised(None, self._cards.put(request.owner, card))

    async def _may_see(self, request: Request) -> bool:
        if self._settings.visible == "everybody":
            return True
        roster = self._host.find(IRoster)
        if roster is None:
            return False
        item = await roster.item(request.owner, request.sender.bare)
        return item.subscription.is_seen
