"""vcard-temp (XEP-0054)."""

from twisted.trial.unittest import SynchronousTestCase

from tests.modules.contacts import Contacts
from tests.plays import refusal
from xmppd.api.registrations import ACCOUNT, HOST, OWN_ACCOUNT
from xmppd.modules.vcard import VCards, VCardSettings
from xmppd.stanza.subscription import Subscription
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.testing.remote import FakeRemote

JULIET = "juliet@example.org"
EMPTY = "<vCard xmlns='vcard-temp'/>"
CARD = (
    "<vCard xmlns='vcard-temp' version='3.0'><FN>Juliet &amp; co</FN>"
    "<x xmlns='urn:x' xml:lang='it' a='&quot;'>\n &lt;b&gt;</x></vCard>"
)


class VCardTestCase(SynchronousTestCase):
    """Juliet, who may have a vCard, and others who want to see it."""

    settings = VCardSettings()

    def setUp(self) -> None:
        self.host = FakeHost()
        self.host.load(VCards, self.settings)
        self.juliet = self.host.login("juliet/balcony")
        self.nurse = self.host.login("nurse/kitchen")
        self.romeo = self.host.remote("romeo@example.net/orchard")

    def sets(self, who: FakeSession, card: str, to: str = "") -> None:
        address = f" to='{to}'" if to else ""
        who.sends(f"<iq type='set' id='1'{address}>{card}</iq>")

    def asks(self, who: FakeSession | FakeRemote, to: str = JULIET) -> None:
        who.sends(f"<iq type='get' id='2' to='{to}'>{EMPTY}</iq>")

    def assert_shown(
        self, who: FakeSession | FakeRemote, card: str = CARD, to: str = JULIET
    ) -> None:
        self.asks(who, to)
        who.receives(f"<iq type='result' id='2' from='{to}' to='{who.jid}'>{card}</iq>")

    def assert_not_shown(self, who: FakeSession | FakeRemote, to: str = JULIET) -> None:
        self.asks(who, to)
        who.receives(refusal("service-unavailable", id="2", from_=to, to=str(who.jid)))

    def juliet_has(self, card: str = CARD) -> None:
        self.sets(self.juliet, card)
        self.juliet.receives(f"<iq type='result' id='1' from='{JULIET}' to='{JULIET}/balcony'/>")


class OwnTests(VCardTestCase):
    """One's own (3.1, 3.2)."""

    def test_none(self) -> None:
        self.assert_shown(self.juliet, EMPTY)

    def test_it_comes_back_as_it_was(self) -> None:
        self.juliet_has()
        self.assert_shown(self.juliet)
        self.juliet_has(EMPTY.replace("/>", "><FN>J</FN></vCard>"))
        self.assert_shown(self.juliet, "<vCard xmlns='vcard-temp'><FN>J</FN></vCard>")

    def test_without_an_address(self) -> None:
        self.juliet_has()
        self.juliet.sends(f"<iq type='get' id='2'>{EMPTY}</iq>")
        self.juliet.receives(
            f"<iq type='result' id='2' from='{JULIET}' to='{JULIET}/balcony'>{CARD}</iq>"
        )

    def test_prefixes_of_the_stream_are_spelled_out(self) -> None:
        self.juliet_has("<v:vCard xmlns:v='vcard-temp'><v:FN>J</v:FN></v:vCard>")
        self.assert_shown(self.romeo, "<vCard xmlns='vcard-temp'><FN>J</FN></vCard>")

    def test_an_empty_one_is_shown(self) -> None:
        """As other servers do; slixmpp's own tests look for it."""
        self.juliet_has()
        self.juliet_has(EMPTY)
        self.assert_shown(self.juliet, EMPTY)
        self.assert_shown(self.romeo, EMPTY)

    def test_each_has_its_own(self) -> None:
        self.juliet_has()
        self.assert_shown(self.nurse, EMPTY, "nurse@example.org")

    def test_the_answer_is_a_promise(self) -> None:
        self.host.storage.latency = 5.0
        self.sets(self.juliet, CARD)
        self.juliet.receives()
        self.host.clock.advance(5.0)
        self.assertEqual(1, len(self.juliet.take()))
        self.host = self.host.crashed()
        self.assert_shown(self.host.login("juliet/balcony"))

    def test_it_goes_with_its_account(self) -> None:
        self.juliet_has()
        self.successResultOf(self.host.accounts.delete("juliet"))
        self.host.add_account("juliet")
        self.assert_not_shown(self.romeo)

    def test_not_of_others(self) -> None:
        """3.2; nobody learns which accounts there are."""
        for who in (self.nurse, self.romeo):
            for to in (JULIET, "nobody@example.org"):
                who.sends(f"<iq type='set' id='1' to='{to}'>{CARD}</iq>")
                who.receives(refusal("forbidden", type="auth", id="1", from_=to, to=str(who.jid)))
        self.assert_shown(self.juliet, EMPTY)

    def test_other_elements_are_none(self) -> None:
        for card in ("<vCard xmlns='vcard-temp:x:update'/>", "<vcard xmlns='vcard-temp'/>"):
            self.sets(self.juliet, card)
            self.juliet.receives(
                refusal("service-unavailable", id="1", from_=JULIET, to=f"{JULIET}/balcony")
            )


class SizeTests(VCardTestCase):
    """A vCard has a limit, in bytes as they are kept."""

    settings = VCardSettings(bytes=1_024)

    def test_limit(self) -> None:
        around = len("<vCard xmlns='vcard-temp'><N></N></vCard>")
        for letter in ("x", "é"):
            most = (1_024 - around) // len(letter.encode())
            fits = f"<vCard xmlns='vcard-temp'><N>{letter * most}</N></vCard>"
            self.juliet_has(fits)
            self.sets(self.juliet, fits.replace("<N>", f"<N>{letter}"))
            self.juliet.receives(
                refusal(
                    "policy-violation",
                    type="modify",
                    id="1",
                    from_=JULIET,
                    to=f"{JULIET}/balcony",
                    text="a vCard has at most 1024 bytes",
                )
            )
            self.assert_shown(self.juliet, fits)


class OthersTests(VCardTestCase):
    """Other people's (3.3)."""

    def test_everybody_sees_it(self) -> None:
        self.juliet_has()
        for who in (self.nurse, self.romeo):
            self.assert_shown(who)

    def test_none_and_nobody_are_alike(self) -> None:
        for who in (self.nurse, self.romeo):
            self.assert_not_shown(who)
            self.assert_not_shown(who, "nobody@example.org")

    def test_the_host_has_none(self) -> None:
        self.assert_not_shown(self.romeo, "example.org")

    def test_clients_are_not_asked(self) -> None:
        self.juliet.sends("<presence/>")
        self.juliet_has()
        self.assert_shown(self.romeo)
        self.juliet.receives()

    def test_it_is_announced(self) -> None:
        for at in (HOST, OWN_ACCOUNT, ACCOUNT):
            self.assertEqual(("vcard-temp",), self.host.features(at))


class ContactsTests(VCardTestCase):
    """An operator may have vCards shown to contacts alone."""

    settings = VCardSettings(visible="contacts")

    def setUp(self) -> None:
        super().setUp()
        self.juliet_has()

    def test_who_sees_it(self) -> None:
        """Those with a subscription to her presence."""
        contacts = self.host.load(Contacts)
        for state in Subscription:
            contacts.states["juliet", "romeo@example.net"] = state
            if state.is_seen:
                self.assert_shown(self.romeo)
            else:
                self.assert_not_shown(self.romeo)
            self.assert_not_shown(self.nurse)
        self.assert_not_shown(self.romeo, "nobody@example.org")
        self.assert_shown(self.juliet)

    def test_without_rosters(self) -> None:
        self.assert_not_shown(self.romeo)
        self.assert_shown(self.juliet)


class GuestsTests(SynchronousTestCase):
    """Nothing is kept of guests."""

    def test_they_have_none(self) -> None:
        host = FakeHost(anonymous=True)
        host.load(VCards)
        guest = host.login("guest7/web", anonymous=True)
        address = "guest7@example.org"
        guest.sends(f"<iq type='set' id='1'>{CARD}</iq>")
        guest.receives(
            refusal(
                "not-allowed",
                id="1",
                from_=address,
                to=f"{address}/web",
                text="nothing is kept for guests",
            )
        )
        guest.sends(f"<iq type='get' id='2'>{EMPTY}</iq>")
        guest.receives(f"<iq type='result' id='2' from='{address}' to='{address}/web'>{EMPTY}</iq>")
