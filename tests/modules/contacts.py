"""A roster that says who may see whose presence, and nothing else."""

from collections.abc import Iterator

from xmppd.api.host import IHost
from xmppd.api.registrations import Provide, Registration
from xmppd.api.roster import IRoster
from xmppd.stanza.jid import JID
from xmppd.stanza.roster import RosterItem
from xmppd.stanza.subscription import Subscription


class Contacts:
    """A feature that answers `item`; subscriptions stand in `states` by (owner, contact)."""

    def __init__(self, host: IHost) -> None:
        self.states: dict[tuple[str, str], Subscription] = {}

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield Provide(IRoster, self)

    async def item(self, owner: str, contact: JID) -> RosterItem:
        """Return the item of a contact."""
        state = self.states.get((owner, str(contact)), Subscription.NONE)
        return RosterItem(contact, subscription=state, listed=True)
