"""Every play in this folder, with everybody on one host and as it is written."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.plays.likeness import Unknown, difference
from tests.plays.script import BadScript, Play, parse, read
from tests.plays.stage import Flop, Stage

FOLDER = Path(__file__).parent

SHORT = """\
A message (RFC 6121 5).

Juliet is juliet@example.org/balcony
Romeo is romeo@example.net/orchard

# They have met.
Juliet logs in
Romeo logs in
Juliet sends:
    <message to='romeo@example.net/orchard' id='1'/>
Romeo receives:
    <message from='juliet@example.org/balcony' to='romeo@example.net/orchard' id='1'/>
Juliet receives nothing
"""


class PlayTests(SynchronousTestCase):
    """The plays."""

    def plays(self) -> list[Play]:
        found = [read(path) for path in sorted(FOLDER.glob("*.play"))]
        self.assertGreaterEqual(len(found), 12)
        return found

    def perform_all(self, *, one_host: bool) -> None:
        flops = []
        for play in self.plays():
            try:
                Stage(play, one_host=one_host).perform()
            except Flop as flop:
                flops.append(str(flop))
        self.assertFalse(flops, "\n\n" + "\n\n".join(flops))

    def test_as_written(self) -> None:
        self.perform_all(one_host=False)

    def test_on_one_host(self) -> None:
        self.perform_all(one_host=True)

    def test_titles(self) -> None:
        """Each says what it shows, and where that is written."""
        for play in self.plays():
            self.assertRegex(play.title, r"^[A-Z].*\((RFC |XEP-)\S.*\)\.$", play.name)


class ScriptTests(SynchronousTestCase):
    """How plays are read."""

    def test_reading(self) -> None:
        play = parse("short.play", SHORT)
        self.assertEqual("A message (RFC 6121 5).", play.title)
        self.assertEqual("romeo@example.net/orchard", str(play.cast["Romeo"]))
        self.assertEqual(
            ["logs in", "logs in", "sends", "receives", "receives"],
            [line.verb for line in play.lines],
        )
        self.assertEqual((9, "Juliet"), (play.lines[2].number, play.lines[2].who))
        self.assertEqual("", play.lines[4].text)

    def test_mistakes(self) -> None:
        head = "Title.\n\nJuliet is juliet@example.org/balcony\n"
        table = [
            ("Juliet dances\n", "x.play:4: what is this: 'Juliet dances'?"),
            ("Nurse logs in\n", "x.play:4: nobody is called 'Nurse'"),
            ("Juliet sends:\n", "x.play:4: there are no stanzas below"),
            ("Juliet receives:\n", "x.play:4: there are no stanzas below"),
            ("    <presence/>\n", "x.play:4: this belongs to nothing above"),
            ("Juliet logs in\n  <presence/>\n", "x.play:5: this belongs to nothing above"),
            ("Juliet receives nothing\n  <presence/>\n", "x.play:5: this belongs to nothing above"),
            ("", "x.play: nothing happens"),
        ]
        for text, message in table:
            error = self.assertRaises(BadScript, parse, "x.play", head + text)
            self.assertEqual(message, str(error))


class StageTests(SynchronousTestCase):
    """That plays can fail, and how that reads."""

    def flop(self, old: str, new: str) -> str:
        text = SHORT.replace(old, new)
        self.assertNotEqual(SHORT, text)
        return str(self.assertRaises(Flop, Stage(parse("short.play", text)).perform))

    def test_success(self) -> None:
        for one_host in (False, True):
            Stage(parse("short.play", SHORT), one_host=one_host).perform()

    def test_something_else(self) -> None:
        text = self.flop("orchard' id='1'/>\nJ", "orchard' id='2'><body/></message>\nJ")
        self.assertIn("short.play:11: Romeo should have received (-), and received (+)\n- ", text)
        self.assertIn("\n+ <message from", text)

    def test_nothing(self) -> None:
        text = self.flop("Romeo receives:", "Romeo receives nothing\nRomeo receives:")
        self.assertIn("short.play:11: Romeo", text)
        self.assertIn("\n+ <message", f"\n{text}")

    def test_less_than_was_expected(self) -> None:
        text = self.flop("Juliet receives nothing", "Juliet receives:\n    <presence/>")
        self.assertIn("short.play:13: Juliet", text)
        self.assertIn("\n- <presence/>", text)

    def test_somebody_who_is_not_there(self) -> None:
        text = self.flop("Romeo logs in\n", "")
        self.assertIn("Romeo is not logged in", text)

    def test_mistakes_in_stanzas(self) -> None:
        table = [
            ("<message to='romeo@example.net/orchard' id='1'/>", "<message to='", ":9: this"),
            ("<message to='romeo@example.net/orchard' id='1'/>", "<iq id='$who'/>", "'$who'"),
            ("to='romeo@example.net/orchard' id='1'/>\nJ", "to='x'\nJ", ":11: this cannot be"),
        ]
        for old, new, words in table:
            self.assertIn(words, self.flop(old, new))

    def test_left_over(self) -> None:
        text = self.flop("Juliet receives nothing", "Juliet sends:\n    <presence/>")
        self.assertIn("short.play:the end: nobody should have received anything else", text)

    def test_leaving_unseen_what_one_has_received(self) -> None:
        text = self.flop("Romeo receives:", "Romeo disconnects\nRomeo receives:")
        self.assertIn("short.play:11: Romeo has received what nobody spoke of\n<message", text)

    def test_time_and_restarts(self) -> None:
        text = SHORT.replace("# They have met.\n", "the server restarts\n90 seconds pass\n")
        Stage(parse("short.play", text)).perform()
        error = self.flop("Juliet receives nothing", "the server restarts\nJuliet receives nothing")
        self.assertIn("Juliet is not logged in", error)


class LikenessTests(SynchronousTestCase):
    """What `*` and `$name` stand for."""

    def test_anything(self) -> None:
        table = [
            ("<iq id='*'/>", ["<iq id='x'/>"], True),
            ("<iq id='*'/>", ["<iq/>"], False),
            ("<iq/>", ["<iq id='x'/>"], False),
            ("<iq><q ver='*'/></iq>", ["<iq><q ver='7'/></iq>"], True),
            ("<iq id='*'/><iq id='*'/>", ["<iq id='x'/>", "<iq id='y'/>"], True),
            ("<iq id='$a'/><iq id='$a'/>", ["<iq id='x'/>", "<iq id='y'/>"], False),
            ("<iq id='$a'/><iq id='$a'/>", ["<iq id='x'/>", "<iq id='x'/>"], True),
            ("<iq id='*'/>", ["<iq id='x'/>", "<iq id='y'/>"], False),
            ("<iq id='*'/>", [], False),
            ("<iq id='*'>a</iq>", ["<iq id='x'>b</iq>"], False),
        ]
        for expected, got, same in table:
            self.assertEqual(same, not difference(expected, got, Unknown()), (expected, got))

    def test_sending_what_was_received(self) -> None:
        unknown = Unknown()
        difference("<iq><q ver='$v'/></iq>", ["<iq><q ver='7'/></iq>"], unknown)
        self.assertEqual('<iq><q ver="7">x</q></iq>', unknown.fill("<iq><q ver='$v'>x</q></iq>"))
        self.assertRaises(KeyError, unknown.fill, "<iq id='$id'/>")
