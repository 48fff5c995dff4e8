"""Commands about external components: `component list`."""

from dataclasses import dataclass

from xmppd.api.commands import Command
from xmppd.component.service import ComponentService
from xmppd.stanza.dates import format_datetime


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """A component; `since` is when it connected, as a date and time (XEP-0082), "" if it has not.

    - `address`: where it is connected from; `queued`: about how many bytes wait to be sent to it.
    """

    domain: str
    since: str
    address: str
    queued: int


class ComponentCommands:
    """What can be asked of the components of a server."""

    def __init__(self, components: ComponentService) -> None:
        self._components = components

    def commands(self) -> tuple[Command, ...]:
        """Return the commands."""
        about = "List the components there may be, and whether they are connected."
        return (Command("component list", about, self.show, list[ComponentRow]),)

    def show(self) -> list[ComponentRow]:
        """List components in the order of the configuration."""
        return [self._row(domain) for domain in self._components.domains]

    def _row(self, domain: str) -> ComponentRow:
        there = self._components.components.get(domain)
        if there is None:
            return ComponentRow(domain, "", "", 0)
        since = format_datetime(there.since)
        return ComponentRow(domain, since, there.address, there.backlog.bytes)
