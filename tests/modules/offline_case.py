"""Juliet, who is away, and Romeo who writes to her: for tests of offline messages."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.plays import refusal
from xmppd.api.storage import Archive, Page, Range
from xmppd.modules.offline.feature import OfflineMessages, OfflineSettings
from xmppd.stanza.stanza import Message
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.wire.namespaces import DELAY

JULIET, ROMEO = "juliet@example.org", "romeo@example.net/orchard"
BALCONY, CHAMBER = f"{JULIET}/balcony", f"{JULIET}/chamber"
STAMP = "2026-01-01T12:00:00Z"
BODY = "<body>Hi</body>"
COMPOSING = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
NO_STORE = "<no-store xmlns='urn:xmpp:hints'/>"
NEGATIVE = "<presence><priority>-1</priority></presence>"


def delay(from_: str = "example.org", stamp: str = STAMP) -> str:
    return f"<delay xmlns='{DELAY}' from='{from_}' stamp='{stamp}'/>"


def message(id: str = "1", inner: str = BODY, to: str = JULIET, type: str = "chat") -> str:
    return f"<message type='{type}' id='{id}' to='{to}'>{inner}</message>"


def received(
    id: str = "1", inner: str = BODY, to: str = JULIET, type: str = "chat", from_: str = ROMEO
) -> str:
    return f"<message type='{type}' id='{id}' from='{from_}' to='{to}'>{inner}</message>"


def too_much(id: str, to: str = JULIET) -> str:
    return refusal("service-unavailable", kind="message", id=id, from_=to, to=ROMEO)


class OfflineCase(SynchronousTestCase):
    """Juliet's account, which nobody uses, and Romeo on another server."""

    settings = OfflineSettings(messages=4, bytes=2_048, held_bytes=3_000)

    def setUp(self) -> None:
        self.host = FakeHost()
        self.module = self.host.load(OfflineMessages, self.settings)
        self.host.add_account("juliet")
        self.romeo = self.host.remote(ROMEO)

    def comes(self, resource: str = "balcony", priority: int = 0) -> FakeSession:
        """Log Juliet in and let her send presence."""
        client = self.host.login(f"juliet/{resource}")
        client.sends(f"<presence><priority>{priority}</priority></presence>")
        return client

    def ids(self, client: FakeSession) -> list[str]:
        """Return the ids of the messages a client has got, which must be from Romeo."""
        ids = [stanza.id for stanza in client.stanzas if stanza.kind == "message"]
        client.take()
        return ids

    def kept(self) -> list[str]:
        """Return what is in the store, as it is."""
        page: Page = self.successResultOf(
            self.host.open("offline", Archive).page("juliet", Range(), 100_000)
        )
        return [entry.value.decode() for entry in page.entries]

    def slowly(self) -> "list[Callable[[], None]]":
        """Let reads of the store take until what is appended here is called.

        They find what was there when they began.
        """
        waiting: list[Callable[[], None]] = []
        archive = self.module._archive
        page = archive.page

        def later(owner: str, range: Range, limit: int) -> "Deferred[Page]":
            answer: Deferred[Page] = Deferred()
            found: Page = self.successResultOf(page(owner, range, limit))
            waiting.append(lambda: answer.callback(found))
            return answer

        self.patch(archive, "page", later)
        return waiting

    def slow(self) -> FakeSession:
        """Log in a client that takes what comes at once, and then no more until it `reads`."""
        juliet = self.host.login("juliet/balcony")
        self.seen(lambda _: juliet.reads(False))
        juliet.sends("<presence/>")
        return juliet

    def seen(self, see: Callable[[str], None]) -> None:
        """Call `see` with the id of everything that is written to a session."""
        write = FakeSession.write

        def writes(session: FakeSession, stanza: Message) -> None:
            write(session, stanza)
            see(stanza.id)

        self.patch(FakeSession, "write", writes)
