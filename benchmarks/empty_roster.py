"""A module for load generators that cannot do without a roster."""

from xmppd.api.host import IHost
from xmppd.api.registrations import HandleIq, Registration, Request
from xmppd.wire.element import Element

ROSTER = "jabber:iq:roster"


class EmptyRoster:
    """Answers roster requests: you have no contacts."""

    def __init__(self, host: IHost) -> None:
        pass

    def registrations(self) -> list[Registration]:
        """Handle roster gets."""
        return [HandleIq("get", ROSTER, "query", self.answer)]

    def answer(self, request: Request) -> Element:
        """Return an empty roster."""
        return Element("query", ROSTER)
