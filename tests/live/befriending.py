"""Brings about a mutual subscription of CI_ACCOUNT1 and CI_ACCOUNT2 (see `slixmpp_itest`).

Tests that send requests to each other's clients need it: RFC 6121 8.5.3.1 refuses the requests of
those to whom presence is not shown.
"""

import asyncio
from typing import Any

from slixmpp.test.integration import SlixIntegration

PATIENCE = 20.0


class Befriending(SlixIntegration):
    """Both authorize whoever asks, and ask back, as slixmpp does untold."""

    async def asyncSetUp(self) -> None:
        """Log in, and be available: requests are shown to those who are."""
        for name in ("CI_ACCOUNT1", "CI_ACCOUNT2"):
            password: Any = self.envstr(f"{name}_PASSWORD")
            self.add_client(self.envjid(name), password)
        await self.connect_clients()
        for client in self.clients:
            await client.get_roster()
            client.send_presence()

    async def test_befriend(self) -> None:
        """One asks, everything else follows."""
        one, two = self.clients
        one.send_presence_subscription(two.boundjid.bare)
        async with asyncio.timeout(PATIENCE):
            while True:
                item = one.client_roster[two.boundjid.bare]
                if item["subscription"] == "both":
                    break
                await one.wait_until("roster_update")
