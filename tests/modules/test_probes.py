"""Presence probes (RFC 6121 4.3); who may see whom in every state is in `tests.im`."""

from zope.interface import implementer

from tests.modules.people import (
    BALCONY,
    JULIET,
    ORCHARD,
    PeopleCase,
    presence,
)
from xmppd.api.registrations import Provide
from xmppd.api.roster import ILastSeen
from xmppd.testing.collaborators import NOON

TYBALT_BARE = "tybalt@example.com"
TYBALT = f"{TYBALT_BARE}/street"


@implementer(ILastSeen)
class SeenAtNoon:
    """Everybody was there last at noon."""

    async def last_seen(self, owner: str) -> tuple[float, str] | None:
        return NOON, "Gone to bed"


class AskingTests(PeopleCase):
    """What a server asks for a client that comes (4.3.1)."""

    def test_contacts_are_asked(self) -> None:
        self.befriend()
        self.romeo.sends("<presence><show>dnd</show></presence>")
        self.juliet.take()
        self.juliet.sends("<presence/>")
        self.juliet.receives(
            presence("", JULIET, BALCONY),
            presence("", JULIET, ORCHARD, inner="<show>dnd</show>"),
        )

    def test_only_when_a_client_comes(self) -> None:
        tybalt = self.capulet.remote(TYBALT)
        self.juliet.sends(presence("subscribe", "tybalt@example.com"))
        tybalt.sends(presence("subscribed", JULIET, "tybalt@example.com"))
        tybalt.take()
        for sent, probes in (
            ("<presence/>", 1),
            ("<presence><show>away</show></presence>", 0),
            ("<presence type='unavailable'/>", 0),
            ("<presence/>", 1),
        ):
            self.juliet.sends(sent)
            told = [text for text in tybalt.take() if 'type="probe"' in text]
            self.assertEqual(probes, len(told), sent)
        self.assertIn(f'from="{JULIET}"', told[0])
        self.assertIn('to="tybalt@example.com"', told[0])


class AnsweringTests(PeopleCase):
    """What becomes of a probe (4.3.2, 4.6.6)."""

    def test_subscribers(self) -> None:
        """The last presence of each resource as it was, to whom it was asked by."""
        self.available()
        self.befriend()
        chamber = self.capulet.login("juliet/chamber")
        chamber.sends("<presence id='c'><priority>-1</priority></presence>")
        self.capulet.unread()
        self.romeo.sends(presence("probe", JULIET, id="p"))
        self.romeo.receives(
            presence("", ORCHARD, BALCONY),
            presence("", ORCHARD, f"{JULIET}/chamber", id="c", inner="<priority>-1</priority>"),
        )
        self.assertEqual({}, self.capulet.unread())

    def test_nobody_is_there(self) -> None:
        self.befriend()
        self.romeo.sends(presence("probe", JULIET, id="p"))
        self.romeo.receives(presence("unavailable", ORCHARD, JULIET, id="p"))
        self.capulet.install("seen", [Provide(ILastSeen, SeenAtNoon())])
        self.romeo.sends(presence("probe", JULIET, id="p"))
        delay = "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T12:00:00Z'/>"
        self.romeo.receives(presence("unavailable", ORCHARD, JULIET, id="p", inner=delay))

    def test_one_resource(self) -> None:
        """Nothing but whether it is there; and nothing of any other."""
        self.available()
        self.befriend()
        self.juliet.sends("<presence id='x'><show>away</show></presence>")
        self.romeo.take()
        self.romeo.sends(presence("probe", BALCONY, id="p"))
        self.romeo.receives(presence("", ORCHARD, BALCONY, id="x"))
        self.romeo.sends(presence("probe", f"{JULIET}/chamber", id="p"))
        self.romeo.receives(presence("unavailable", ORCHARD, f"{JULIET}/chamber", id="p"))

    def test_strangers(self) -> None:
        """Whether the account is there or not."""
        self.available()
        self.capulet.add_account("nurse")
        tybalt = self.capulet.remote(TYBALT)
        for to in (JULIET, BALCONY, "nurse@example.org", "nobody@example.org/x"):
            tybalt.sends(presence("probe", to, id="p"))
            tybalt.receives(presence("unsubscribed", TYBALT, to.partition("/")[0], id="p"))
        self.assertEqual({}, self.capulet.unread())

    def test_oneself(self) -> None:
        self.available()
        self.juliet.sends(presence("probe", JULIET))
        self.juliet.receives(presence("", BALCONY, BALCONY))

    def test_directed_presence(self) -> None:
        """4.6.6: mere presence, of that one resource, until it has gone."""
        tybalt = self.capulet.remote(TYBALT)
        denied = presence("unsubscribed", TYBALT, JULIET, id="p")
        self.juliet.sends(presence("", TYBALT, inner="<status>Psst</status>"))
        tybalt.take()
        for to in (BALCONY, JULIET):
            tybalt.sends(presence("probe", to, id="p"))
            tybalt.receives(presence("", TYBALT, BALCONY, id="p"))
        tybalt.sends(presence("probe", f"{JULIET}/chamber", id="p"))
        tybalt.receives(denied)
        self.juliet.disconnects()
        tybalt.receives(presence("unavailable", TYBALT, BALCONY))
        tybalt.sends(presence("probe", BALCONY, id="p"))
        tybalt.receives(denied)

    def test_without_rosters(self) -> None:
        self.available()
        self.capulet.remove("rosters")
        tybalt = self.capulet.remote(TYBALT)
        tybalt.sends(presence("probe", JULIET, id="p"))
        tybalt.receives(presence("unsubscribed", TYBALT, JULIET, id="p"))
