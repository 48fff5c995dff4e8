"""Presence after an outage: what was missed between two whole servers (RFC 6121 4.2.2, 4.3)."""

from typing import Any

from tests.s2s.test_outgoing import OutgoingCase, message
from tests.s2s.world import ADDRESSES, CAPULET, MONTAGUE, WorldCase, service
from xmppd.api.storage import Account
from xmppd.stanza.jid import JID
from xmppd.stanza.prep import skeleton
from xmppd.testing.fake_session import FakeSession

JULIET, ROMEO = f"juliet@{CAPULET}", f"romeo@{MONTAGUE}"
BALCONY, ORCHARD = f"{JULIET}/balcony", f"{ROMEO}/orchard"


class ReunionCase(WorldCase):
    """Juliet and Romeo, who see each other, and a way to take the network from between them."""

    def setUp(self) -> None:
        super().setUp()
        for domain in (CAPULET, MONTAGUE):
            self.server(domain)
        for jid in (JID.parse(JULIET), JID.parse(ROMEO)):
            account = Account(jid.localpart, skeleton(jid.localpart), {}, self.world.wall.now())
            self.world.servers[jid.domainpart].host().accounts.create(account)
        self.juliet, self.romeo = self.comes(BALCONY), self.comes(ORCHARD)
        for one, other, to in ((self.juliet, self.romeo, ROMEO), (self.romeo, self.juliet, JULIET)):
            one.sends(f"<presence to='{to}' type='subscribe'/>")
            self.world.turn(200)
            other.sends(f"<presence to='{one.jid.bare}' type='subscribed'/>")
            self.world.turn(200)
        self.world.passes(70)  # what breaks sooner is not made again at once
        self.quiet()

    def server(self, domain: str, **more: Any) -> None:
        """Start a server."""
        self.world.server(domain, retry_seconds=5, **more)

    def comes(self, address: str) -> FakeSession:
        """Return a client that has sent initial presence."""
        client = self.world.login(address)
        client.sends("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>", "<presence/>")
        self.world.turn(200)
        return client

    def quiet(self) -> None:
        """Overlook what has come."""
        for client in (self.juliet, self.romeo):
            client.overlook()

    def cut(self) -> None:
        """Break all connections between servers, and let none be made."""
        for wires in self.world.network.wires:
            for wire in wires:
                wire.abortConnection()
        self.away = dict(self.world.network.listening)
        self.world.network.listening.clear()
        self.world.turn()

    def heal(self) -> None:
        """Let connections be made again; nobody makes one."""
        self.world.passes(20)  # nothing waits any longer
        self.world.network.listening.update(self.away)
        self.world.passes(70)

    def speak(self, who: FakeSession, to: str) -> None:
        """Give a server a reason to call the other one."""
        who.sends(f"<message to='{to}' type='chat' id='m'><body>Hello</body></message>")
        self.world.turn(200)
        self.world.passes(130)

    def seen(self, client: FakeSession, who: str) -> list[str]:
        """Return the types of presence, "" for available, that have come from that client."""
        return [
            stanza.type
            for stanza in client.stanzas
            if stanza.kind == "presence" and str(stanza.from_) in (who, who.partition("/")[0])
        ]


class ServersTests(ReunionCase):
    """Who came, changed and went while there was no way."""

    def test_who_comes_is_shown(self) -> None:
        self.cut()
        chamber = self.comes(f"{JULIET}/chamber")
        self.heal()
        self.assertEqual(self.seen(self.romeo, f"{JULIET}/chamber"), [])
        self.speak(self.romeo, JULIET)
        self.assertEqual(set(self.seen(self.romeo, f"{JULIET}/chamber")), {""})
        self.assertEqual(self.seen(chamber, ORCHARD)[-1:], [""])

    def test_who_goes_is_shown(self) -> None:
        for speaker, to in ((self.juliet, ROMEO), (self.romeo, JULIET)):
            self.quiet()
            self.cut()
            chamber = self.comes(f"{JULIET}/chamber")
            self.heal()
            self.speak(speaker, to)
            self.assertEqual(self.seen(self.romeo, f"{JULIET}/chamber")[-1:], [""])
            self.quiet()
            self.cut()
            chamber.sends("<presence type='unavailable'/>")
            self.world.turn(200)
            self.heal()
            self.speak(speaker, to)
            self.assertEqual(self.seen(self.romeo, f"{JULIET}/chamber")[-1:], ["unavailable"])

    def test_the_last_one_goes(self) -> None:
        self.cut()
        self.juliet.sends("<presence type='unavailable'/>")
        self.world.turn(200)
        self.heal()
        self.speak(self.romeo, JULIET)
        self.assertIn("unavailable", self.seen(self.romeo, BALCONY))
        self.assertNotIn("", self.seen(self.romeo, BALCONY))

    def test_streams_that_were_closed_before(self) -> None:
        """The other server has not noticed anything: nobody but ours knows that she went."""
        self.world.passes(1000)
        self.quiet()
        self.cut()
        self.juliet.sends("<presence type='unavailable'/>")
        self.world.turn(200)
        self.heal()
        self.speak(self.romeo, JULIET)
        self.assertIn("unavailable", self.seen(self.romeo, BALCONY))

    def test_while_it_is_not_tried_again(self) -> None:
        """What is refused at once counts as what had to wait."""
        self.world.passes(1000)
        self.quiet()
        self.cut()
        for sent in (f"<presence to='x@{MONTAGUE}'/>", "<presence type='unavailable'/>"):
            self.juliet.sends(sent)
            self.world.turn(200)
        self.heal()
        self.speak(self.romeo, JULIET)
        self.assertIn("unavailable", self.seen(self.romeo, BALCONY))

    def test_a_killed_server(self) -> None:
        """Its clients are gone, and nobody of it says so."""
        data = self.world.crash(CAPULET)
        self.world.network.listening = {
            (ip, port): factory
            for (ip, port), factory in self.world.network.listening.items()
            if ip != ADDRESSES[CAPULET]
        }
        self.world.passes(10)
        self.server(CAPULET, data=data)
        self.quiet()
        self.speak(self.romeo, JULIET)
        self.assertEqual(set(self.seen(self.romeo, BALCONY)), {"unavailable"})

    def test_nothing_was_missed(self) -> None:
        """Streams that were closed because they were idle, and are made again."""
        self.world.passes(1000)
        self.quiet()
        self.speak(self.juliet, ROMEO)
        self.assertEqual(self.seen(self.romeo, BALCONY), [])
        self.assertEqual(
            [len(service(each).around.missed) for each in self.world.servers.values()], [0, 0]
        )

    def test_nobody_calls_for_that(self) -> None:
        self.cut()
        self.juliet.sends("<presence><show>away</show></presence>")
        self.world.turn(200)
        self.world.passes(20)
        asked = len(self.world.network.asked)
        self.heal()
        self.assertEqual(len(self.world.network.asked), asked)


class OneWayTests(ServersTests):
    """Each server sends over streams of its own: the other one's calling is a proof of life."""

    def server(self, domain: str, **more: Any) -> None:
        super().server(domain, **more)
        for other in (CAPULET, MONTAGUE):  # it shows them no certificate, which bidi would need
            service(self.world.servers[domain]).dialler._remember(other)


class EndingTests(OutgoingCase):
    """How a stream of ours ends, and whether something may have been missed then."""

    def test_what_counts(self) -> None:
        error = "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
        for end, counts in (("</stream:stream>", 0), (f"{error}</stream:stream>", 1), ("<", 1)):
            self.sends(message("1"))
            peer = self.ready()
            if end == "<":
                peer.transport.abortConnection()
                self.world.turn()
            else:
                peer.sends(end)
            self.assertEqual(len(service(self.server).around.missed), counts, end)
            self.world.passes(100)
