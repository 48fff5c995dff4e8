"""What a session's own presence says of its availability (RFC 6121 section 4)."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.routing.presence import availability
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.stanza import Presence
from xmppd.testing.texts import read_stanzas


def presence(text: str) -> Presence:
    [stanza] = read_stanzas(text)
    assert isinstance(stanza, Presence)
    return stanza


class AvailabilityTests(SynchronousTestCase):
    """`availability`."""

    def test_available(self) -> None:
        table = [
            ("<presence/>", 0),
            ("<presence><status>Hm</status></presence>", 0),
            ("<presence><priority>5</priority></presence>", 5),
            ("<presence><priority>+5</priority></presence>", 5),
            ("<presence><priority> -7\n</priority></presence>", -7),
            ("<presence><priority>-128</priority></presence>", -128),
            ("<presence><priority>127</priority></presence>", 127),
            ("<presence><show>dnd</show><priority>1</priority></presence>", 1),
            ("<presence><priority xmlns='urn:other'>9</priority></presence>", 0),
            *((f"<presence><show>{each}</show></presence>", 0) for each in ("away", "chat", "xa")),
        ]
        for text, priority in table:
            said = presence(text)
            self.assertEqual(
                {"available": True, "presence": said, "priority": priority},
                availability(said),
                text,
            )

    def test_unavailable(self) -> None:
        said = presence("<presence type='unavailable'><status>Gone</status></presence>")
        self.assertEqual({"available": False, "presence": None}, availability(said))

    def test_errors_change_nothing(self) -> None:
        self.assertIsNone(availability(presence("<presence type='error'/>")))

    def test_bad_requests(self) -> None:
        bad = [
            *(f"<presence type='{each}'/>" for each in ("probe", "subscribe", "available", "AWAY")),
            *(
                f"<presence><priority>{each}</priority></presence>"
                for each in ("", "128", "-129", "1.5", "high", "٣", "99999")
            ),
            *(
                f"<presence><show>{each}</show></presence>"
                for each in ("", "online", "Away", "away dnd")
            ),
        ]
        for text in bad:
            error = self.assertRaises(StanzaError, availability, presence(text))
            self.assertEqual("bad-request", error.condition, text)
