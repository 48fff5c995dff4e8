"""The shipped stores, as their makers call them."""

from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from xmppd.makers import StoreContext
from xmppd.server.stores import SqliteSettings, memory, sqlite
from xmppd.storage.memory import MemoryStorage


class StoreTests(TestCase):
    """Where the data go."""

    def context(self, settings: object = None) -> StoreContext:
        self.data = Path(self.mktemp()).absolute()
        outside: Any = reactor
        return StoreContext(self.data, settings, outside, outside.callFromThread, lambda: "id")

    def test_memory(self) -> None:
        self.assertIsInstance(memory(self.context()), MemoryStorage)

    async def test_sqlite(self) -> None:
        elsewhere = Path(self.mktemp()).absolute() / "other.sqlite"
        table = [
            (None, None),
            (SqliteSettings(), None),
            (SqliteSettings(elsewhere), elsewhere),
        ]
        for settings, expected in table:
            with self.subTest(settings=settings):
                storage = sqlite(self.context(settings))
                path = expected or self.data / "xmppd.sqlite"
                self.assertFalse(path.exists())
                storage.start()
                await storage.stop()
                self.assertTrue(path.exists())
