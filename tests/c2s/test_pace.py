"""However much one client sends at once, the others have their turns (RFC 6120 13.12)."""

from tests.c2s.client import Client
from tests.c2s.house import HouseCase
from tests.c2s.texts import CAPULET, CLOSE
from xmppd.api.moments import PASS, SentByClient, Verdict
from xmppd.api.pace import SECONDS
from xmppd.api.registrations import Watch
from xmppd.api.sessions import ISession
from xmppd.stanza.stanza import Stanza


class TurnsTests(HouseCase):
    """Juliet has sent much that takes long, the nurse a little."""

    def setUp(self) -> None:
        super().setUp()
        self.juliet, self.nurse = self.house.login(), self.house.login("nurse")
        self.taken: list[str] = []
        self.house.install(Watch(SentByClient, self.take))

    def take(self, stanza: Stanza, session: ISession) -> Verdict:
        self.taken.append(stanza.id)
        self.house.reactor.rightNow += SECONDS * (session.account == "juliet")
        return PASS

    def send_much(self, client: Client, last: str = "") -> None:
        ids = range(5)
        client.queues("".join(f"<presence id='{id}' type='unavailable'/>" for id in ids) + last)

    def test_turns(self) -> None:
        self.send_much(self.juliet)
        self.nurse.sends("<presence id='nurse' type='unavailable'/>")
        self.assertLess(self.taken.index("nurse"), 2)  # who is read first is left to the reactor
        self.taken.remove("nurse")
        self.assertEqual(self.taken, ["0", "1", "2", "3", "4"])

    def test_those_who_are_quick_need_not_wait(self) -> None:
        self.send_much(self.nurse)
        self.juliet.sends("<presence id='juliet' type='unavailable'/>")
        self.assertIn(self.taken.index("juliet"), (0, 5))

    def test_all_is_worked_off_before_the_end(self) -> None:
        """RFC 6120 10.1."""
        self.send_much(self.juliet, CLOSE)
        self.house.turn()
        self.assertEqual(self.taken, ["0", "1", "2", "3", "4"])
        self.assertTrue(self.juliet.reader.ended)

    def test_nothing_more_is_taken_of_who_is_gone(self) -> None:
        self.send_much(self.juliet)
        self.juliet.pump()
        self.house.reactor.turn()
        self.assertEqual(self.taken, ["0"])
        accounts = self.house.server.hosts[CAPULET].local.accounts_domain
        [session] = accounts.sessions.of("juliet")
        session.close("reset")
        self.house.turn()
        self.assertEqual(self.taken, ["0"])
