"""Entity Capabilities (XEP-0115): the host's own, and those of clients."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.plays import refusal
from xmppd.api.caps import ICaps
from xmppd.api.registrations import (
    HOST,
    Extension,
    Feature,
    Identity,
    Provide,
    StreamContext,
    StreamFeature,
)
from xmppd.api.roster import IRoster
from xmppd.api.storage import Map
from xmppd.modules.caps import NODE, OVERHEAD, Caps, CapsSettings
from xmppd.modules.disco import Disco
from xmppd.stanza.capabilities import digest
from xmppd.stanza.jid import JID
from xmppd.stanza.roster import RosterItem
from xmppd.stanza.stanza import Iq
from xmppd.stanza.subscription import Subscription
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.testing.remote import FakeRemote
from xmppd.testing.texts import read_stanzas
from xmppd.wire.document import parse_document
from xmppd.wire.element import Element

INFO = "http://jabber.org/protocol/disco#info"
CAPS = "http://jabber.org/protocol/caps"
CONTEXT = StreamContext("example.org", True, "juliet")

PSI = "<identity category='client' type='pc' name='Psi'/><feature var='urn:a'/><feature var='b'/>"
PSI_FEATURES = frozenset(("urn:a", "b"))
GAJIM = "<identity category='client' type='pc' name='Gajim'/><feature var='urn:c'/>"
GAJIM_FEATURES = frozenset(("urn:c",))


def ver_of(content: str, hash: str = "sha-1") -> str:
    """Return the digest of an answer."""
    return digest(parse_document(f"<query xmlns='{INFO}'>{content}</query>".encode()), hash)


def presence(ver: str, hash: str = "sha-1", to: str = "") -> str:
    """Return presence of a client that announces its capabilities."""
    algorithm = f" hash='{hash}'" if hash else ""
    address = f" to='{to}'" if to else ""
    return f"<presence{address}><c xmlns='{CAPS}' node='urn:n' ver='{ver}'{algorithm}/></presence>"


def answer(client: FakeSession | FakeRemote, question: str, content: str) -> None:
    """Have a client answer a question with that content."""
    [asked] = read_stanzas(question)
    address = "" if asked.from_ is None else f" to='{asked.from_}'"
    client.sends(
        f"<iq type='result' id='{asked.id}'{address}><query xmlns='{INFO}'>{content}</query></iq>"
    )


class OwnTests(SynchronousTestCase):
    """The host's capabilities (6.3)."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.host.load(Disco)
        self.host.load(Caps)
        self.romeo = self.host.remote("romeo@example.net/orchard")

    def offered(self) -> dict[str, str]:
        [feature] = [record for _, record in self.host.registry.records(StreamFeature)]
        shown = feature.element(CONTEXT)
        assert shown is not None
        self.assertEqual((shown.name, shown.ns), ("c", CAPS))
        self.assertEqual(feature.when, "after-login")
        return shown.attrs

    def asks(self, node: str, kind: str = "info") -> str:
        at = f" node='{node}'" if node else ""
        ns = f"http://jabber.org/protocol/disco#{kind}"
        self.romeo.sends(f"<iq type='get' id='1' to='example.org'><query xmlns='{ns}'{at}/></iq>")
        [text] = self.romeo.take()
        return text

    def test_they_are_what_disco_answers(self) -> None:
        """To the letter, for the node and without it, also with forms (XEP-0128)."""
        form = "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>"
        form += "<value>urn:f</value></field><field var='v'><value>1</value></field></x>"
        self.host.install(
            "acme",
            [
                Extension(lambda: parse_document(form.encode())),
                Identity("store", "file", "Files & more"),
                Feature("urn:z"),
            ],
        )
        attrs = self.offered()
        self.assertEqual((attrs["hash"], attrs["node"]), ("sha-1", NODE))
        for node in (f"{NODE}#{attrs['ver']}", ""):
            [result] = read_stanzas(self.asks(node))
            query = result.child("query", INFO)
            assert query is not None
            self.assertEqual(query.attrs.get("node", ""), node)
            self.assertEqual(digest(query), attrs["ver"])
            self.assertIn(CAPS, [each.attrs["var"] for each in query.elements("feature")])

    def test_they_change_with_the_features(self) -> None:
        before = self.offered()["ver"]
        self.host.install("acme", [Feature("urn:z")])
        after = self.offered()["ver"]
        self.assertNotEqual(before, after)
        self.assertIn("item-not-found", self.asks(f"{NODE}#{before}"))
        self.host.remove("acme")
        self.assertEqual(before, self.offered()["ver"])

    def test_no_node_for_items(self) -> None:
        """6.2."""
        self.assertIn("item-not-found", self.asks(f"{NODE}#{self.offered()['ver']}", "items"))

    def test_other_nodes(self) -> None:
        for node in (NODE, f"{NODE}#", f"urn:x#{self.offered()['ver']}", self.offered()["ver"]):
            self.assertIn("item-not-found", self.asks(node), node)

    def test_it_is_announced(self) -> None:
        self.assertIn(CAPS, self.host.features(HOST))


class ClientsTestCase(SynchronousTestCase):
    """Clients on one host; `known` is what a feature that watches was told."""

    settings = CapsSettings()

    def setUp(self) -> None:
        self.load(FakeHost())
        self.juliet = self.host.login("juliet/balcony")
        self.nurse = self.host.login("nurse/kitchen")

    def load(self, host: FakeHost) -> None:
        self.host = host
        self.known: list[tuple[str, frozenset[str]]] = []
        if not host.registry.features:
            host.load(Caps, self.settings)
        found: Any = host.find(ICaps)
        self.caps = found
        self.caps.watch(self.note)

    def note(self, jid: JID, features: frozenset[str]) -> None:
        self.known.append((str(jid), features))

    def features(self, jid: JID) -> frozenset[str] | None:
        found: frozenset[str] | None = self.caps.features(jid)
        return found

    def asked(self, client: FakeSession) -> str:
        """Return the one question a client was asked."""
        [question] = client.take()
        return question

    def assert_knows(self, client: FakeSession | FakeRemote, features: frozenset[str]) -> None:
        self.assertEqual(self.features(client.jid), features)
        self.assertIn((str(client.jid), features), self.known)
        self.known.remove((str(client.jid), features))

    def assert_ignorant(self, client: FakeSession | FakeRemote) -> None:
        self.assertIsNone(self.features(client.jid))
        self.assertEqual(self.known, [])

    def learn(self, content: str = PSI) -> None:
        """Have the nurse's client tell what it can do."""
        self.nurse.sends(presence(ver_of(content)))
        answer(self.nurse, self.asked(self.nurse), content)
        self.known.clear()
        self.nurse.disconnects()
        self.nurse = self.host.login("nurse/kitchen")


class DiscoveryTests(ClientsTestCase):
    """A client is asked once for all that announce the same (5.4, 6.2)."""

    def test_a_client_is_asked(self) -> None:
        ver = ver_of(PSI)
        self.juliet.sends(presence(ver))
        self.assert_ignorant(self.juliet)
        question = self.asked(self.juliet)
        [iq] = read_stanzas(question)
        self.assertEqual((iq.type, str(iq.from_), iq.to), ("get", "example.org", self.juliet.jid))
        query = iq.child("query", INFO)
        self.assertEqual(query, Element("query", INFO, {"node": f"urn:n#{ver}"}))
        answer(self.juliet, question, PSI)
        self.assert_knows(self.juliet, PSI_FEATURES)
        self.assertEqual(self.known, [])

    def test_others_need_not_be_asked(self) -> None:
        self.learn()
        self.juliet.sends(presence(ver_of(PSI)))
        self.juliet.receives()
        self.assert_knows(self.juliet, PSI_FEATURES)

    def test_nor_those_who_come_meanwhile(self) -> None:
        self.nurse.sends(presence(ver_of(PSI)))
        self.juliet.sends(presence(ver_of(PSI)))
        self.juliet.receives()
        answer(self.nurse, self.asked(self.nurse), PSI)
        self.assert_knows(self.nurse, PSI_FEATURES)
        self.assert_knows(self.juliet, PSI_FEATURES)
        self.juliet.receives()

    def test_all_hashes(self) -> None:
        for hash in ("sha-1", "sha-224", "sha-256", "sha-384", "sha-512"):
            self.juliet.sends(presence(ver_of(PSI, hash), hash))
            answer(self.juliet, self.asked(self.juliet), PSI)
            self.assert_knows(self.juliet, PSI_FEATURES)

    def test_the_same_again(self) -> None:
        """8.4: also presence without capabilities leaves them as they are."""
        self.learn()
        self.juliet.sends(presence(ver_of(PSI)))
        self.assert_knows(self.juliet, PSI_FEATURES)
        self.juliet.sends(presence(ver_of(PSI)), "<presence><show>away</show></presence>")
        self.juliet.sends(f"<presence><c xmlns='{CAPS}' hash='sha-1' ver='x'/></presence>")
        self.juliet.receives()
        self.assertEqual(self.known, [])
        self.assertEqual(self.features(self.juliet.jid), PSI_FEATURES)

    def test_others_than_before(self) -> None:
        self.learn()
        self.juliet.sends(presence(ver_of(PSI)))
        self.assert_knows(self.juliet, PSI_FEATURES)
        self.juliet.sends(presence(ver_of(GAJIM)))
        self.assert_ignorant(self.juliet)
        answer(self.juliet, self.asked(self.juliet), GAJIM)
        self.assert_knows(self.juliet, GAJIM_FEATURES)

    def test_others_while_it_is_asked(self) -> None:
        """One question at a time; the answer to the first is not for the second."""
        self.juliet.sends(presence(ver_of(PSI)), presence("legacy", ""))
        first, second = self.juliet.take()
        answer(self.juliet, first, PSI)
        self.assert_ignorant(self.juliet)
        answer(self.juliet, second, GAJIM)
        self.assert_knows(self.juliet, GAJIM_FEATURES)

    def test_who_goes_is_forgotten(self) -> None:
        self.learn()
        for end in ("unavailable", "disconnects"):
            self.juliet.sends(presence(ver_of(PSI)))
            self.assert_knows(self.juliet, PSI_FEATURES)
            if end == "unavailable":
                self.juliet.sends("<presence type='unavailable'/>")
            else:
                self.juliet.disconnects()
            self.assert_ignorant(self.juliet)

    def test_who_goes_while_it_is_asked(self) -> None:
        """The answer is not waited for, and it is not for who comes next."""
        self.juliet.sends(presence("legacy", ""))
        question = self.asked(self.juliet)
        self.juliet.disconnects()
        self.assertEqual(self.host.clock.getDelayedCalls(), [])
        self.juliet = self.host.login("juliet/balcony")
        answer(self.juliet, question, PSI)
        self.juliet.sends(presence("legacy", ""))
        self.assert_ignorant(self.juliet)
        answer(self.juliet, self.asked(self.juliet), GAJIM)
        self.assert_knows(self.juliet, GAJIM_FEATURES)

    def test_nothing_announced(self) -> None:
        self.juliet.sends("<presence/>")
        self.juliet.receives()
        self.assert_ignorant(self.juliet)
        self.assertIsNone(self.features(JID.parse("nobody@example.org/x")))

    def test_watchers(self) -> None:
        """One that fails spoils nothing; one that has gone is not called."""

        def fails(*_: object) -> None:
            raise ZeroDivisionError

        self.learn()
        self.caps.unwatch(self.note)
        self.caps.watch(fails)
        self.caps.watch(self.note)
        self.juliet.sends(presence(ver_of(PSI)))
        self.assert_knows(self.juliet, PSI_FEATURES)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.caps.unwatch(fails)
        self.caps.unwatch(self.note)
        self.nurse.sends(presence(ver_of(PSI)))
        self.assertEqual(self.known, [])


class PoisoningTests(ClientsTestCase):
    """False answers are believed of nobody (5.4, 9.3)."""

    def assert_not_believed(self, content: str, *, of_itself: frozenset[str] | None = None) -> None:
        """The nurse's client lies about what Juliet's announces, too."""
        ver = ver_of(PSI)
        self.nurse.sends(presence(ver))
        answer(self.nurse, self.asked(self.nurse), content)
        self.assertEqual(self.features(self.nurse.jid), of_itself)
        self.known.clear()
        self.juliet.sends(presence(ver))
        self.assert_ignorant(self.juliet)
        answer(self.juliet, self.asked(self.juliet), PSI)
        self.assert_knows(self.juliet, PSI_FEATURES)

    def test_another_digest(self) -> None:
        self.assert_not_believed(PSI + "<feature var='urn:evil'/>")

    def test_an_ill_formed_answer(self) -> None:
        self.assert_not_believed(PSI + "<feature var='b'/>")

    def test_the_same_digest_of_something_else(self) -> None:
        """It counts for who says so, and nobody else: a feature passed off as a form."""
        form = (
            "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>"
            "<value>urn:a</value></field></x>"
        )
        forged = PSI.replace("<feature var='urn:a'/>", form)
        self.assertEqual(ver_of(forged), ver_of(PSI))
        self.assert_not_believed(forged, of_itself=frozenset("b"))

    def test_no_answer_worth_the_name(self) -> None:
        ver = ver_of(PSI)
        for text in (
            "<iq type='result' id='{id}' to='example.org'/>",
            "<iq type='result' id='{id}' to='example.org'><query xmlns='urn:x'/></iq>",
            "<iq type='error' id='{id}' to='example.org'/>",
        ):
            self.nurse.sends(presence(ver))
            [iq] = read_stanzas(self.asked(self.nurse))
            self.nurse.sends(text.format(id=iq.id))
            self.assert_ignorant(self.nurse)

    def test_no_answer_at_all(self) -> None:
        """Others wait for a while, then they are asked themselves; it is asked again, too."""
        ver = ver_of(PSI)
        garden = self.host.login("juliet/garden")
        for client in (self.nurse, self.juliet, garden):
            client.sends(presence(ver))
        for client in (self.juliet, garden):
            client.receives()
        self.host.clock.advance(10)
        for client in (self.juliet, garden):
            question = self.asked(client)
            self.assertIsNone(self.features(client.jid))
            answer(client, question, PSI)
            self.assert_knows(client, PSI_FEATURES)
        self.assertEqual(len(self.nurse.take()), 1)
        self.nurse.sends(presence(ver))
        self.nurse.receives()
        self.assert_knows(self.nurse, PSI_FEATURES)

    def test_somebody_elses_answer(self) -> None:
        self.nurse.sends(presence("legacy", ""))
        question = self.asked(self.nurse)
        answer(self.juliet, question, PSI)
        answer(self.host.remote("romeo@example.net/orchard"), question, PSI)
        self.assert_ignorant(self.nurse)

    def test_digests_that_cannot_be_verified(self) -> None:
        """5.4 step 2, and the legacy format: each for itself."""
        for ver, hash in ((ver_of(PSI), "md5"), ("1.0", ""), ("not base64", "sha-1")):
            for client in (self.nurse, self.juliet):
                client.sends(presence(ver, hash))
            for client, content, found in (
                (self.nurse, PSI, PSI_FEATURES),
                (self.juliet, GAJIM, GAJIM_FEATURES),
            ):
                question = self.asked(client)
                self.assertIs("node=" in question, hash != "")
                answer(client, question, content)
                self.assert_knows(client, found)


class RememberedTests(ClientsTestCase):
    """What was verified outlasts the server, and is bounded."""

    settings = CapsSettings(verified=2, feature_bytes=3 * OVERHEAD + 20)

    def test_restart(self) -> None:
        self.learn()
        self.load(self.host.restarted())
        self.juliet = self.host.login("juliet/balcony")
        self.juliet.sends(presence(ver_of(PSI)))
        self.juliet.receives()
        self.assert_knows(self.juliet, PSI_FEATURES)

    def test_what_is_read_is_waited_for(self) -> None:
        self.learn()
        self.load(self.host.restarted())
        real = Deferred[Any]()
        self.patch(type(self.host.open("x", Map)), "items", lambda _store, _owner: real)
        clients = [self.host.login(f"juliet/{name}") for name in ("balcony", "garden")]
        for client in clients:
            client.sends(presence(ver_of(PSI)))
        self.assert_ignorant(clients[0])
        real.callback([(f"sha-1 {ver_of(PSI)}", b'["urn:a", "b"]')])
        for client in clients:
            client.receives()
            self.assert_knows(client, PSI_FEATURES)

    def contents(self) -> list[str]:
        return [f"{PSI}<feature var='urn:{n}'/>" for n in range(3)]

    def kept(self) -> set[str]:
        rows = self.successResultOf(self.host.open("capabilities", Map).items(""))
        return {key for key, _ in rows}

    def test_the_least_used_goes(self) -> None:
        first, second, third = self.contents()
        self.learn(first)
        self.learn(second)
        self.nurse.sends(presence(ver_of(first)))
        self.nurse.receives()
        self.nurse.disconnects()
        self.nurse = self.host.login("nurse/kitchen")
        self.learn(third)
        self.assertEqual(self.kept(), {f"sha-1 {ver_of(each)}" for each in (first, third)})
        self.juliet.sends(presence(ver_of(second)))
        self.assert_ignorant(self.juliet)
        self.asked(self.juliet)

    def test_a_lower_limit(self) -> None:
        for content in self.contents()[:2]:
            self.learn(content)
        self.host.remove("caps")
        self.host.load(Caps, CapsSettings(verified=1))
        self.nurse.sends(presence(ver_of(GAJIM)))
        self.host.turn()
        self.assertEqual(len(self.kept()), 1)

    def test_too_many_new_ones(self) -> None:
        """Nobody crowds out what others have; the client's own features are known all the same."""
        self.host.remove("caps")
        self.host.load(Caps, CapsSettings(new_per_user=1))
        self.caps = self.host.find(ICaps)
        first, second, _ = self.contents()
        for content in (first, second):
            self.nurse.sends(presence(ver_of(content)))
            answer(self.nurse, self.asked(self.nurse), content)
            self.assertIsNotNone(self.features(self.nurse.jid))
        self.assertEqual(self.kept(), {f"sha-1 {ver_of(first)}"})
        self.juliet.sends(presence(ver_of(second)))
        answer(self.juliet, self.asked(self.juliet), second)
        self.assertEqual(len(self.kept()), 2)

    def test_too_many_features(self) -> None:
        long = "<identity category='client' type='pc'/><feature var='{}'/>"
        longest = 2 * OVERHEAD + 20
        for length, known in ((longest, True), (longest + 1, False)):
            content = long.format("x" * length)
            self.nurse.sends(presence(ver_of(content)))
            answer(self.nurse, self.asked(self.nurse), content)
            self.assertIs(self.features(self.nurse.jid) is not None, known)
        self.assertEqual(len(self.kept()), 1)

    def test_many_short_features(self) -> None:
        """Each takes its room, however short: else a client could make up thousands."""
        identity = "<identity category='client' type='pc'/>"
        for count, known in ((3, True), (4, False)):
            content = identity + "".join(f"<feature var='{n}'/>" for n in range(count))
            self.nurse.sends(presence(ver_of(content)))
            answer(self.nurse, self.asked(self.nurse), content)
            self.assertIs(self.features(self.nurse.jid) is not None, known)

    def test_guests(self) -> None:
        """Nothing is kept of them."""
        self.host = FakeHost(anonymous=True)
        self.host.load(Caps, self.settings)
        self.caps = self.host.find(ICaps)
        for content in self.contents():
            guest = self.host.login("guest7/web", anonymous=True)
            guest.sends(presence(ver_of(content)))
            answer(guest, self.asked(guest), content)
            self.assertIsNotNone(self.features(guest.jid))
            guest.disconnects()
        self.assertEqual(self.kept(), set())


class BusyTests(ClientsTestCase):
    """So many clients are asked at once."""

    settings = CapsSettings(asked_at_once=1)

    def test_limit(self) -> None:
        self.nurse.sends(presence(ver_of(PSI)))
        self.juliet.sends(presence(ver_of(GAJIM)))
        self.juliet.receives()
        answer(self.nurse, self.asked(self.nurse), PSI)
        self.juliet.sends(presence(ver_of(GAJIM)))
        answer(self.juliet, self.asked(self.juliet), GAJIM)
        self.assertEqual(self.features(self.juliet.jid), GAJIM_FEATURES)


class Friends:
    """A roster in memory."""

    def __init__(self) -> None:
        self.items: dict[JID, RosterItem] = {}

    def online(self, owner: str) -> dict[JID, RosterItem] | None:
        """Return Juliet's items."""
        return self.items if owner == "juliet" else None


class ContactsTests(ClientsTestCase):
    """Clients of contacts elsewhere, by the presence they send."""

    settings = CapsSettings(contacts=2)

    def setUp(self) -> None:
        super().setUp()
        self.friends = Friends()
        self.host.install("friends", [Provide(IRoster, self.friends)])
        self.romeo = self.host.remote("romeo@example.net/orchard")
        self.befriend(Subscription.BOTH)
        self.juliet.sends("<presence/>")

    def befriend(self, state: Subscription) -> None:
        jid = self.romeo.jid.bare
        self.friends.items[jid] = RosterItem(jid, subscription=state, listed=True)

    def comes(self, content: str = PSI, to: str = "juliet@example.org") -> None:
        self.romeo.sends(presence(ver_of(content), to=to))

    def test_they_are_asked_by_their_contact(self) -> None:
        self.comes()
        [question] = self.romeo.take()
        [iq] = read_stanzas(question)
        self.assertIsInstance(iq, Iq)
        self.assertEqual((str(iq.from_), iq.to), ("juliet@example.org", self.romeo.jid))
        answer(self.romeo, question, PSI)
        self.assert_knows(self.romeo, PSI_FEATURES)
        self.romeo.sends("<presence type='unavailable' to='juliet@example.org'/>")
        self.assert_ignorant(self.romeo)

    def test_what_is_known_is_known_of_all(self) -> None:
        self.learn()
        self.comes()
        self.romeo.receives()
        self.assert_knows(self.romeo, PSI_FEATURES)

    def test_strangers_learn_nothing(self) -> None:
        """Whoever is asked knows that the account is there, and online."""
        for state in Subscription:
            self.befriend(state)
            self.comes()
            self.assertIs(len(self.romeo.take()) == 1, state.sees or state.is_seen, state)
            self.romeo.sends("<presence type='unavailable' to='juliet@example.org'/>")
        self.befriend(Subscription.BOTH)
        self.comes(to="nurse@example.org")
        self.friends.items.clear()
        self.comes()
        self.host.remove("friends")
        self.comes()
        self.romeo.receives()

    def test_other_presence(self) -> None:
        self.romeo.sends("<presence to='juliet@example.org'/>")
        for type in ("subscribe", "probe", "error"):
            text = presence(ver_of(PSI), to="juliet@example.org")
            self.romeo.sends(text.replace("<presence", f"<presence type='{type}'"))
        bare = self.host.remote("romeo@example.net")
        bare.sends(presence(ver_of(PSI), to="juliet@example.org"))
        self.assertEqual([text for text in self.romeo.take() if INFO in text], [])

    def test_ones_own_host_is_not_elsewhere(self) -> None:
        self.nurse.sends(presence(ver_of(PSI), to="juliet@example.org"))
        self.nurse.receives()

    def test_limit(self) -> None:
        """Those who came first are forgotten, and no longer waited for."""
        romeos = [self.host.remote(f"romeo@example.net/{n}") for n in range(3)]
        for n, client in enumerate(romeos):
            client.sends(presence(f"v{n}", "", "juliet@example.org"))
        for client in romeos:
            answer(client, client.take()[0], PSI)
        self.assertEqual(
            [self.features(client.jid) for client in romeos], [None, PSI_FEATURES, PSI_FEATURES]
        )

    def test_refused(self) -> None:
        self.comes()
        [question] = self.romeo.take()
        [iq] = read_stanzas(question)
        self.romeo.sends(
            refusal("service-unavailable", id=iq.id, to="juliet@example.org", from_=str(iq.to))
        )
        self.assert_ignorant(self.romeo)
