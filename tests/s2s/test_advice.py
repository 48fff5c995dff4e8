"""What to do about each trouble there can be."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.s2s.advice import advice
from xmppd.s2s.pairs import Pair
from xmppd.s2s.unreached import Cause, Step, Unreached

PAIR = Pair("capulet.example", "montague.example")


class AdviceTests(SynchronousTestCase):
    """See `tests.s2s.test_explain` for which cause has which."""

    def test_there_is_some_for_everything(self) -> None:
        troubles = [Unreached(step, "", "") for step in Step]
        troubles += [Unreached(Step.STREAM, "", "", cause=cause) for cause in Cause]
        given = [advice(trouble, PAIR) for trouble in troubles]
        self.assertEqual(len(set(given)), len(Step) + len(Cause))
        for text in given:
            self.assertRegex(text, r"^[A-Z].*[.?]$")
            self.assertNotRegex(text, "[{}]")

    def test_names_and_settings(self) -> None:
        text = advice(Unreached(Step.CERTIFICATE, "", "", cause=Cause.UNTRUSTED), PAIR)
        self.assertIn("Those who run montague.example have", text)
        self.assertIn('as ca in [s2s.domain."montague.example"].', text)
