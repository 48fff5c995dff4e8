"""What is told and asked anew when another server can be reached again."""

from tests.modules.people import JULIET, PeopleCase, presence
from xmppd.api.moments import Reached, ServerReached
from xmppd.modules.blocking.feature import Blocking
from xmppd.modules.reunion import BATCH, BETWEEN, PAUSE, Reunion
from xmppd.stanza.jid import JID
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.remote import FakeRemote
from xmppd.wire.namespaces import BLOCKING

DOMAIN = "verona.example"
TYBALT, PARIS, NURSE = (f"{name}@{DOMAIN}" for name in ("tybalt", "paris", "nurse"))
BALCONY, CHAMBER = f"{JULIET}/balcony", f"{JULIET}/chamber"
AWAY = "<show>away</show>"


class ReunionCase(PeopleCase):
    """Juliet, whom Tybalt sees, and who sees Paris."""

    def setUp(self) -> None:
        super().setUp()
        self.juliet.close("reset")
        self.capulet.load(Blocking)  # before there is a session whose list it is to keep
        self.capulet.load(Reunion)
        self.juliet = self.interested(self.capulet.login("juliet/balcony"))
        self.lost = False
        self.juliet.sends("<presence/>")
        self.tybalt, self.paris = self.sees(TYBALT), self.seen(PARIS)
        self.nurse = self.capulet.remote(NURSE)
        self.capulet.unread()

    def sees(self, jid: str) -> FakeRemote:
        """Return somebody with a subscription to Juliet's presence."""
        remote = self.capulet.remote(jid)
        remote.sends(presence("subscribe", JULIET, jid))
        self.juliet.sends(presence("subscribed", jid))
        return remote

    def seen(self, jid: str) -> FakeRemote:
        """Return somebody whose presence she has a subscription to."""
        remote = self.capulet.remote(jid)
        self.juliet.sends(presence("subscribe", jid))
        remote.sends(presence("subscribed", JULIET, jid))
        return remote

    def reached(self, *left: tuple[str, str], domain: str = DOMAIN) -> None:
        """Let the host know that the server can be reached."""
        self.tell(self.capulet, *left, domain=domain)

    def tell(self, host: FakeHost, *left: tuple[str, str], domain: str = DOMAIN) -> None:
        pairs = tuple((JID.parse(session), JID.parse(contact)) for session, contact in left)
        host.announce(ServerReached, Reached(domain, pairs, lambda: not self.lost))
        host.turn()

    def blocks(self, jid: str) -> None:
        self.juliet.sends(
            f"<iq type='set' id='b'><block xmlns='{BLOCKING}'><item jid='{jid}'/></block></iq>"
        )
        self.capulet.unread()


class RepeatingTests(ReunionCase):
    """Those who are there."""

    def test_each_client_is_shown_and_each_contact_asked(self) -> None:
        chamber = self.capulet.login("juliet/chamber")
        chamber.sends(f"<presence id='c'>{AWAY}</presence>")
        self.capulet.login("juliet/silent")
        self.capulet.unread()
        self.reached()
        self.tybalt.receives(
            presence("", TYBALT, BALCONY), presence("", TYBALT, CHAMBER, "c", AWAY)
        )
        (probe,) = self.paris.take()
        for part in ('type="probe"', f'from="{JULIET}"', f'to="{PARIS}"'):
            self.assertIn(part, probe)
        self.assertEqual(self.capulet.unread(), {})

    def test_both_ways(self) -> None:
        tybalt = self.seen(TYBALT)
        self.capulet.unread()
        self.reached()
        self.assertEqual(
            [(each.type, str(each.from_)) for each in tybalt.mailbox.stanzas],
            [("", BALCONY), ("probe", JULIET)],
        )

    def test_nobody_else(self) -> None:
        """No other server, nobody by name, nobody blocked, nobody unavailable or waiting."""
        self.juliet.sends(presence("", NURSE), presence("subscribe", NURSE))
        self.blocks(TYBALT)
        self.capulet.unread()
        self.reached(domain="mantua.example")
        self.assertEqual(self.capulet.unread(), {})
        self.capulet.clock.advance(BETWEEN)
        self.reached()
        self.assertEqual(list(self.capulet.unread()), [PARIS])
        self.juliet.sends("<presence type='unavailable'/>")
        self.capulet.unread()
        self.capulet.clock.advance(BETWEEN)
        self.reached()
        self.assertEqual(self.capulet.unread(), {})

    def test_a_host_without_rosters(self) -> None:
        host = FakeHost("mantua.example")
        host.load(Reunion)
        host.login("romeo/street").sends("<presence/>")
        self.tell(host, (f"romeo@{host.domain}/street", TYBALT))
        self.assertEqual(host.unread(), {})
        self.assertEqual(host.clock.getDelayedCalls(), [])

    def test_many_servers(self) -> None:
        """One look at the rosters serves all who are back, and there are not too many looks."""
        mercutio = self.sees("mercutio@mantua.example")
        self.capulet.unread()
        self.reached()
        self.assertEqual(len(self.tybalt.take()), 1)
        self.reached((f"{JULIET}/1", TYBALT))
        self.reached((f"{JULIET}/2", TYBALT), domain="mantua.example")
        self.reached((f"{JULIET}/2", TYBALT), (f"{JULIET}/1", TYBALT))
        self.paris.take()
        self.capulet.clock.advance(BETWEEN - 1)
        self.assertEqual(self.capulet.unread(), {})
        self.capulet.clock.advance(1)
        mercutio.receives(presence("", "mercutio@mantua.example", BALCONY))
        self.assertEqual(
            [str(each.from_) for each in self.tybalt.mailbox.stanzas],
            [BALCONY, f"{JULIET}/1", f"{JULIET}/2", f"{JULIET}/2"],
        )


class LeavingTests(ReunionCase):
    """Those who have left while nobody could be told."""

    def test_who_is_told(self) -> None:
        gone = f"{JULIET}/gone"
        self.sees(PARIS)
        self.blocks(PARIS)
        self.capulet.unread()
        left = [(gone, TYBALT), (BALCONY, TYBALT), (gone, PARIS), (gone, NURSE)]
        for online in (True, False):
            if not online:
                self.juliet.close("reset")
                self.capulet.unread()
                del left[1]
                self.capulet.clock.advance(BETWEEN)
            self.reached(*left)
            told = self.capulet.unread()
            self.assertEqual(list(told), [TYBALT])
            self.assertIn(f'from="{gone}"', told[TYBALT][-1])
            self.assertIn('type="unavailable"', told[TYBALT][-1])
            self.assertEqual(len(told[TYBALT]), 1 + online)

    def test_without_blocking(self) -> None:
        self.capulet.remove("blocking")
        self.reached((f"{JULIET}/gone", TYBALT))
        self.assertEqual(len(self.tybalt.take()), 2)


class PaceTests(ReunionCase):
    """Many, one batch after the other."""

    def setUp(self) -> None:
        super().setUp()
        self.clients = [self.capulet.login(f"juliet/{number}") for number in range(BATCH)]
        for client in self.clients:
            client.sends("<presence><priority>-1</priority></presence>")
        self.sees(NURSE)
        self.capulet.unread()

    def count(self) -> int:
        """Return how many stanzas have come for anybody since the last look."""
        return sum(map(len, self.capulet.unread().values()))

    def test_in_turns(self) -> None:
        self.reached()
        self.assertEqual(self.count(), BATCH + 1)  # what concerns one contact is not taken apart
        self.blocks(PARIS)  # so this is not asked any more
        self.capulet.clock.advance(PAUSE)
        self.assertEqual(self.count(), BATCH + 1)
        self.capulet.clock.advance(PAUSE)
        self.assertEqual(self.count(), 0)

    def test_a_server_that_is_lost_again(self) -> None:
        self.reached()
        self.lost = True
        self.count()
        self.capulet.clock.advance(PAUSE)
        self.assertEqual(self.count(), 0)
        self.capulet.clock.advance(BETWEEN)
        self.reached((f"{JULIET}/gone", TYBALT))
        self.assertEqual(self.count(), 1)  # what does not get there has to be noted anew
