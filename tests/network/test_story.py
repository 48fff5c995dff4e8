"""What is printed of a run in which something is broken: the lines a person needs, no others."""

import io
from contextlib import redirect_stdout
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from tests.network.federation import run
from tests.network.planted import PLANTED
from tests.network.scenario import Scenario
from tests.network.simulate import STORIES, show
from tests.network.story import LAST, line, stories
from xmppd.testing.net.trace import Note

NOTES = (
    Note(0.0, "a.example", "starts"),
    Note(1.0, "a.example", "crashes (landed: False, power: False)"),
    Note(50.0, "b.example", "is cut off from a.example"),
    Note(50.5, "c.example", "crashes (landed: False, power: False)"),
    Note(51.0, "b.example", "loses 0 connections to a.example"),
    Note(52.0, "mallory.example", "attacks c.example as a.example: garbage"),
    Note(52.5, "mallory.example", "attacks d.example as c.example: garbage"),
    Note(60.0, "juliet@a.example/desk", 'sends <message to="romeo@b.example" id="m7"/>'),
    Note(60.0, "juliet@a.example/desk", 'sends <message to="romeo@b.example" id="m70"/>'),
    Note(61.0, "b.example<a.example #4", f'{"y" * 400}<message id="m7"/>'),
    Note(61.5, "a.example>b.example #4", "<a h='1'/>"),
    Note(61.5, "a.example>b.example #5", "<a h='2'/>"),
    Note(70.0, "a.example>b.example #4", "<a h='3'/>"),
    Note(71.0, "a.example>b.example #4", "lost (ConnectionLost)"),
    Note(72.0, "romeo@b.example/desk", 'gets <message id="m7"/>'),
    Note(99.0, "b.example", "crashes (landed: False, power: False)"),
)


class StoryTests(SynchronousTestCase):
    """What is told, by its time."""

    def told(self, what: str) -> list[float]:
        first, *lines = stories([what], NOTES)
        self.assertEqual((f"--- {what}", ""), (first, lines.pop()))
        return [float(each.split()[0]) for each in lines]

    def test_a_stanza(self) -> None:
        self.assertEqual([50, 52, 60, 61, 61.5, 71, 72], self.told("m7 was accepted and is lost"))

    def test_a_stanza_that_nobody_knows(self) -> None:
        self.assertEqual([], self.told("m8 was accepted and is lost"))

    def test_a_server(self) -> None:
        """Its last lines, with its connections."""
        self.assertEqual([50, 51, 61, 99], self.told("b.example: 3 streams"))

    def test_an_exception(self) -> None:
        self.assertEqual(len(NOTES), len(self.told("Traceback: KeyError")))
        many = [Note(1.0, "b.example", "starts")] * 100
        self.assertEqual(LAST + 2, len(list(stories(["b.example: 3 streams"], many))))

    def test_people(self) -> None:
        notes = [
            Note(1.0, "a.example", "crashes (landed: False, power: False)"),
            Note(2.0, "juliet@a.example/desk", 'sends <presence to="romeo@b.example" type="x"/>'),
            Note(
                3.0,
                "juliet@a.example/desk",
                'sends <presence to="romeo@b.example" type="subscribe"/>',
            ),
        ]
        _, *lines = stories(["juliet@a.example believes to see romeo@b.example"], notes)
        self.assertEqual(["1.0000", "3.0000"], [each.split()[0] for each in lines if each])

    def test_what_is_long(self) -> None:
        self.assertIn("<body>x*3000</body>", line(Note(1.0, "a", f"<body>{'x' * 3000}</body>")))
        self.assertLess(len(line(Note(1.0, "a", "y" * 5000))), 400)


class ShowTests(SynchronousTestCase):
    """A run with a bug, as it is shown."""

    def shown(self, seed: int) -> str:
        with redirect_stdout(io.StringIO()) as printed:
            show(run(seed, bodies=True))
        return printed.getvalue()

    def test_a_bug(self) -> None:
        """Who has sent what to whom and when, how it went on its way, and how to see more."""
        with PLANTED["in doubt though it has arrived"].plant():
            seed = next(seed for seed in range(20) if run(seed).broken)
            printed = self.shown(seed)
            self.assertEqual(printed, self.shown(seed))
        self.assertRegex(printed, r"--- [mn]\d+ was ")
        self.assertRegex(printed, r"\n +\d+\.\d{4}  \w+@\w\.example/\w+ +sends <message to=")
        self.assertRegex(printed, r"\n +\d+\.\d{4}  \w\.example[<>]\w\.example #\d+ ")
        self.assertRegex(printed, rf"-m tests\.network\.simulate --trace {seed}\n")
        self.assertLessEqual(printed.count("--- "), STORIES)

    def test_an_exception(self) -> None:
        with patch.object(Scenario, "heal", side_effect=KeyError("nobody")):
            printed = self.shown(3)
        self.assertIn("KeyError: 'nobody'", printed)
        self.assertIn("a.example ", printed)
