"""Block lists (XEP-0191): asked for, changed, told of, kept."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.modules.block_lists import CHAMBER, command, element, push, result
from tests.modules.people import BALCONY, JULIET
from tests.plays import refusal
from xmppd.api.moments import AccountDeleted
from xmppd.api.registrations import HOST
from xmppd.api.roster import IBlocking
from xmppd.modules.blocking.feature import Blocking, BlockingSettings
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Stanza
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.wire.element import Element
from xmppd.wire.namespaces import BLOCKING


class BlockingCase(SynchronousTestCase):
    """Juliet's balcony on a host with nothing but this feature, which takes four items."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.blocking = self.host.load(Blocking, BlockingSettings(items=4))
        self.juliet = self.host.login("juliet/balcony")

    def list(self, client: FakeSession | None = None) -> list[str]:
        """Return what is on Juliet's list, as she is told."""
        client = client or self.juliet
        client.sends(f"<iq type='get' id='list'><blocklist xmlns='{BLOCKING}'/></iq>")
        answer = client.stanzas[-1]
        client.take()
        found = answer.child("blocklist", BLOCKING)
        assert found is not None
        return [item.attrs["jid"] for item in found.elements("item", BLOCKING)]


class ListTests(BlockingCase):
    """Sections 3.2 to 3.5: what clients ask for and are told."""

    def test_empty(self) -> None:
        self.juliet.sends(f"<iq type='get' id='1'><blocklist xmlns='{BLOCKING}'/></iq>")
        self.juliet.receives(result(inner=element("blocklist")))

    def test_discovered(self) -> None:
        self.assertIn(BLOCKING, self.host.features(HOST))

    def test_block_and_unblock(self) -> None:
        self.juliet.sends(
            command("block", "romeo@example.net", "Tybalt@EXAMPLE.org", "example.com")
        )
        self.juliet.receives(result())
        self.assertEqual(self.list(), ["example.com", "romeo@example.net", "tybalt@example.org"])
        self.juliet.sends(command("unblock", "romeo@example.net", "nobody@example.net"))
        self.juliet.take()
        self.assertEqual(self.list(), ["example.com", "tybalt@example.org"])
        self.juliet.sends(command("unblock"))
        self.juliet.take()
        self.assertEqual(self.list(), [])

    def test_it_is_kept(self) -> None:
        self.juliet.sends(command("block", "romeo@example.net/orchard"))
        self.juliet.disconnects()
        again = self.host.login("juliet/balcony")
        self.assertEqual(self.list(again), ["romeo@example.net/orchard"])

    def test_pushes(self) -> None:
        """To the resources that have asked for the list, the one that changes it, too."""
        chamber = self.host.login("juliet/chamber")
        garden = self.host.login("juliet/garden")
        self.list()
        self.list(chamber)
        for name, items in (
            ("block", ("romeo@example.net", "example.com")),
            ("unblock", ("romeo@example.net",)),
            ("unblock", ()),
        ):
            self.juliet.sends(command(name, *items))
            first, second = (stanza.id for stanza in (*self.juliet.stanzas[:1], *chamber.stanzas))
            self.juliet.receives(push(name, *items, to=BALCONY, id=first), result())
            chamber.receives(push(name, *items, to=CHAMBER, id=second))
            self.assertNotEqual(first, second)
        garden.receives()

    def test_who_has_left_is_not_told(self) -> None:
        chamber = self.host.login("juliet/chamber")
        self.list(chamber)
        chamber.disconnects()
        again = self.host.login("juliet/chamber")
        self.juliet.sends(command("block", "romeo@example.net"))
        self.juliet.receives(result())
        again.receives()

    def test_a_client_that_does_not_take_its_push(self) -> None:
        """It is cut off on the way; the others are told all the same."""
        chamber = self.host.login("juliet/chamber")
        self.list()
        self.list(chamber)
        self.patch(type(chamber), "write", _closing(chamber, type(chamber).write))
        self.juliet.sends(command("block", "romeo@example.net"))
        self.assertEqual([stanza.type for stanza in self.juliet.stanzas], ["set", "result"])
        self.assertEqual(chamber.closed_with, "resource-constraint")

    def test_refused(self) -> None:
        item = "<item jid='{}'/>".format
        table = (
            ("<block xmlns='{}'/>", "bad-request", "there is nobody to be blocked"),
            ("<block xmlns='{}'><x/></block>", "bad-request", "there is nobody to be blocked"),
            ("<block xmlns='{}'><item/></block>", "bad-request", "an item needs an address"),
            ("<unblock xmlns='{}'><item/></unblock>", "bad-request", "an item needs an address"),
            (f"<block xmlns='{{}}'>{item('a@b')}{item('@')}</block>", "jid-malformed", ""),
            (f"<unblock xmlns='{{}}'>{item('a b@c')}</unblock>", "jid-malformed", ""),
        )
        for payload, condition, text in table:
            self.juliet.sends(f"<iq type='set' id='1'>{payload.format(BLOCKING)}</iq>")
            self.juliet.receives(
                refusal(condition, type="modify", text=text, id="1", from_=JULIET, to=BALCONY)
            )
        self.assertEqual(self.list(), [])

    def test_limit(self) -> None:
        """What is too much changes nothing; the same again is not more."""
        four = [f"r{number}@example.net" for number in range(4)]
        self.juliet.sends(command("block", *four))
        self.juliet.receives(result())
        self.juliet.sends(command("block", four[0], "one-more@example.net"))
        self.juliet.receives(
            refusal(
                "resource-constraint",
                type="wait",
                text="the block list is full",
                id="1",
                from_=JULIET,
                to=BALCONY,
            )
        )
        self.juliet.sends(command("block", *four, four[1]))
        self.juliet.receives(result())
        self.assertEqual(self.list(), four)

    def test_bytes(self) -> None:
        """An address may be three kilobytes long."""
        self.host.remove("blocking")
        self.host.load(Blocking, BlockingSettings(bytes=3_000))
        self.juliet = self.host.login("nurse/x")
        for name, taken in (("a", True), ("b", True), ("c", False)):
            self.juliet.sends(command("block", f"{name * 1_000}@example.net"))
            [answer] = self.juliet.take()
            self.assertEqual("resource-constraint" not in answer, taken)
        self.juliet.sends(command("unblock", f"{'a' * 1_000}@example.net"))
        self.juliet.sends(command("block", f"{'c' * 1_000}@example.net"))
        self.assertNotIn("resource-constraint", "".join(self.juliet.take()))

    def test_a_limit_that_came_later(self) -> None:
        """What is too much already can still be made less, and changed."""
        four = [f"r{number}@example.net" for number in range(4)]
        self.juliet.sends(command("block", *four))
        self.juliet.disconnects()
        self.host.remove("blocking")
        self.host.load(Blocking, BlockingSettings(items=2))
        self.juliet = self.host.login("juliet/balcony")
        self.juliet.sends(command("unblock", four[0]), command("block", "one@example.net"))
        self.assertEqual(["error", "result"], sorted(each.type for each in self.juliet.stanzas))
        self.juliet.take()
        self.assertEqual(self.list(), four[1:])

    def test_answers_wait_for_storage(self) -> None:
        self.list()
        self.host.storage.latency = 5.0
        self.juliet.sends(command("block", "romeo@example.net"))
        self.juliet.sends(f"<iq type='get' id='2'><blocklist xmlns='{BLOCKING}'/></iq>")
        self.juliet.receives()
        self.host.clock.advance(5)
        self.assertEqual(
            [stanza.type for stanza in self.juliet.stanzas], ["set", "result", "result"]
        )

    def test_what_could_not_be_kept_is_not_promised(self) -> None:
        self.host.storage.fail_next_commit()
        self.juliet.sends(command("block", "romeo@example.net"))
        self.juliet.receives()
        self.assertEqual(self.juliet.closed_with, "internal-server-error")

    def test_guests(self) -> None:
        """Nothing is kept of them."""
        guests = FakeHost("guests.example", beside=self.host, anonymous=True)
        guests.load(Blocking)
        guest = guests.login("somebody/x", anonymous=True)
        own = "somebody@guests.example"
        guest.sends(f"<iq type='get' id='1'><blocklist xmlns='{BLOCKING}'/></iq>")
        inner = element("blocklist")
        guest.receives(f"<iq type='result' id='1' from='{own}' to='{own}/x'>{inner}</iq>")
        for name in ("block", "unblock"):
            guest.sends(command(name, "romeo@example.net"))
            guest.receives(
                refusal(
                    "not-allowed",
                    text="guests have no block list",
                    id="1",
                    from_=own,
                    to=f"{own}/x",
                )
            )
        self.assertIsNone(guests.find(IBlocking))


def _closing(victim: FakeSession, write: object) -> object:
    def closing(session: FakeSession, stanza: object) -> None:
        if session is victim:
            session.close("resource-constraint")
        else:
            write(session, stanza)  # type: ignore[operator]

    return closing


class RacesTests(BlockingCase):
    """Lists that are read while they change, and accounts that go."""

    def unbound(self, name: str, *items: str) -> "Deferred[Stanza | None]":
        """Send a command over a stream of Juliet's that has not bound a resource."""
        payload = Element(
            name, BLOCKING, children=[Element("item", BLOCKING, {"jid": item}) for item in items]
        )
        own = JID.parse(JULIET)
        iq = Iq(payload, from_=own, to=own, type="set", id="1")
        return self.host.accounts_domain.answer(iq)

    def slowly(self) -> "list[Callable[[], None]]":
        """Let lists be read only when what is appended here is called."""
        waiting: list[Callable[[], None]] = []
        rows = self.blocking._rows
        items = rows.items

        def later(owner: str) -> "Deferred[list[tuple[str, bytes]]]":
            answer: Deferred[list[tuple[str, bytes]]] = Deferred()
            found = items(owner)  # as of now
            waiting.append(lambda: answer.callback(self.successResultOf(found)))
            return answer

        self.patch(rows, "items", later)
        return waiting

    def test_before_binding(self) -> None:
        """With a session elsewhere, and without one."""
        self.list()
        self.unbound("block", "romeo@example.net")
        self.host.turn()
        self.assertEqual(["set"], [stanza.type for stanza in self.juliet.stanzas])
        self.assertEqual(self.list(), ["romeo@example.net"])
        self.juliet.disconnects()
        answer = self.successResultOf(self.unbound("block", "example.com"))
        assert answer is not None
        self.assertEqual(answer.type, "result")
        self.assertEqual(
            self.list(self.host.login("juliet/x")), ["example.com", "romeo@example.net"]
        )

    def test_the_list_before_binding(self) -> None:
        self.juliet.sends(command("block", "romeo@example.net"))
        self.juliet.disconnects()
        own = JID.parse(JULIET)
        iq = Iq(Element("blocklist", BLOCKING), from_=own, to=own, type="get", id="1")
        answer = self.successResultOf(self.host.accounts_domain.answer(iq))
        assert answer is not None
        self.assertIn(b"romeo@example.net", bytes(answer))

    def test_a_change_while_the_list_is_loaded(self) -> None:
        self.juliet.disconnects()
        waiting = self.slowly()
        juliet = self.host.login("juliet/balcony")
        answer = self.unbound("block", "romeo@example.net")
        self.assertNoResult(juliet.opening)
        waiting.pop(0)()
        self.successResultOf(juliet.opening)
        self.assertEqual(waiting, [])
        self.successResultOf(answer)
        self.assertEqual(self.list(juliet), ["romeo@example.net"])

    def test_a_login_while_a_change_waits(self) -> None:
        self.juliet.disconnects()
        waiting = self.slowly()
        answer = self.unbound("block", "romeo@example.net")
        juliet = self.host.login("juliet/balcony")
        self.assertEqual(1, len(waiting))
        waiting.pop(0)()
        self.successResultOf(answer)
        waiting.pop(0)()
        self.successResultOf(juliet.opening)
        self.assertEqual(self.list(juliet), ["romeo@example.net"])

    def test_what_comes_while_the_list_is_loaded(self) -> None:
        self.juliet.sends(command("block", "romeo@example.net"))
        self.juliet.disconnects()
        romeo = self.host.remote("romeo@example.net/orchard")
        waiting = self.slowly()
        juliet = self.host.login("juliet/balcony")
        romeo.sends(f"<message id='1' to='{JULIET}'/>")
        self.assertEqual(1, len(romeo.take()))
        waiting.pop(0)()
        self.successResultOf(juliet.opening)
        romeo.sends(f"<message id='1' to='{BALCONY}'/>")
        self.assertEqual(1, len(romeo.take()))
        juliet.receives()

    def test_a_change_of_an_account_that_is_deleted(self) -> None:
        """Nothing of it is left for the next one of that name."""
        self.juliet.disconnects()
        waiting = self.slowly()
        answer = self.unbound("block", "romeo@example.net")
        self.host.accounts.delete("juliet")
        self.host.announce(AccountDeleted, "juliet")
        waiting.pop(0)()
        refused = self.successResultOf(answer)
        assert refused is not None
        self.assertEqual(refused.type, "error")
        next_one = self.host.login("juliet/balcony")
        waiting.pop(0)()
        next_one.sends(f"<iq type='get' id='1'><blocklist xmlns='{BLOCKING}'/></iq>")
        next_one.receives(result(inner=element("blocklist")))

    def test_the_next_account_of_that_name(self) -> None:
        self.juliet.sends(command("block", "romeo@example.net"))
        self.host.accounts.delete("juliet")
        self.host.announce(AccountDeleted, "juliet")
        self.assertNotIn("juliet", self.blocking._lists)
        self.juliet.disconnects()
        self.assertEqual(self.list(self.host.login("juliet/balcony")), [])

    def test_lost_writes(self) -> None:
        """Memory goes back to what is on disk; nobody was told otherwise."""
        chamber = self.host.login("juliet/chamber")
        self.host.storage.fail_next_commit()
        self.juliet.sends(command("block", "romeo@example.net"))
        self.assertEqual("internal-server-error", self.juliet.closed_with)
        self.assertEqual([], self.list(chamber))

    def test_a_lost_unblocking(self) -> None:
        """What is on disk counts again."""
        chamber = self.host.login("juliet/chamber")
        romeo = self.host.remote("romeo@example.net/orchard")
        self.juliet.sends(command("block", "romeo@example.net"))
        self.host.storage.fail_next_commit()
        self.juliet.sends(command("unblock"))
        self.assertEqual("internal-server-error", self.juliet.closed_with)
        romeo.sends(f"<message id='1' to='{CHAMBER}'/>")
        self.assertEqual(1, len(romeo.take()))
        chamber.receives()

    def test_who_blocks_nobody(self) -> None:
        """Such accounts cost nothing while they are online, and are not remembered after that."""
        chamber = self.host.login("juliet/chamber")
        self.host.login("romeo/orchard")
        self.assertEqual({"juliet", "romeo"}, self.blocking._open)
        self.juliet.sends(command("block", "romeo@example.net"))
        self.assertEqual({"romeo"}, self.blocking._open)
        self.juliet.sends(command("unblock"))
        self.juliet.disconnects()
        self.assertEqual({"juliet", "romeo"}, self.blocking._open)
        chamber.disconnects()
        self.assertEqual({"romeo"}, self.blocking._open)

    def test_nothing_stays_in_memory(self) -> None:
        self.list()
        self.juliet.sends(command("block", "romeo@example.net"))
        self.juliet.disconnects()
        self.assertEqual((len(self.blocking._lists), len(self.blocking._turns)), (0, 0))
