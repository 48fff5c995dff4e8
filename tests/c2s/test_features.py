"""Stream features of modules on the wire (RFC 6120 4.3)."""

from typing import Any

from tests.c2s.client import Client
from tests.c2s.house import HouseCase
from tests.c2s.texts import CAPULET, opening, plain
from tests.c2s.watchers import breaks
from xmppd.api.registrations import StreamContext, StreamFeature
from xmppd.wire.element import Element


class FeatureTests(HouseCase):
    """Stream features of modules (4.3)."""

    def feature(self, when: Any = "after-login", **more: Any) -> StreamFeature:
        return StreamFeature(
            lambda context: Element("shown", f"urn:{context.account or 'nobody'}"),
            when=when,
            **more,
        )

    def test_shown_at_their_time(self) -> None:
        def hidden(context: StreamContext) -> None:
            self.contexts.append(context)

        self.contexts: list[StreamContext] = []
        self.house.install(
            self.feature("before-login"),
            self.feature("after-login"),
            self.feature("both"),
            StreamFeature(hidden, when="both"),
        )
        client = self.house.connect()
        client.sends(opening())
        (features,) = client.takes()
        shown = [each.tag for each in features if each.tag.endswith("shown")]
        self.assertEqual(shown, ["{urn:nobody}shown"] * 2)
        client.sends(plain("juliet"), opening())
        _, features = client.takes()
        shown = [each.tag for each in features if each.tag.endswith("shown")]
        self.assertEqual(shown, ["{urn:juliet}shown"] * 2)
        self.assertEqual([each.account for each in self.contexts], ["", "juliet"])
        self.assertEqual({each.host for each in self.contexts}, {CAPULET})
        self.assertEqual({each.address for each in self.contexts}, {Client.ADDRESS})

    def test_one_that_breaks_hides_no_other(self) -> None:
        self.house.install(StreamFeature(breaks), self.feature())
        client = self.house.connect()
        client.logs_in()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        client.binds()
        self.flushLoggedErrors(ZeroDivisionError)

    def test_answers(self) -> None:
        """To elements of features that are on offer just now."""
        takes = (("urn:x", "ask"),)

        def begin(context: StreamContext, element: Element) -> list[Element]:
            return [Element("answer", "urn:x", {"to": element.attrs["id"], "as": context.account})]

        self.house.install(self.feature("both", takes=takes, begin=begin))
        client = self.house.connect()
        client.opens()
        client.sends("<ask xmlns='urn:x' id='1'/>")
        client.receives("<answer xmlns='urn:x' to='1' as=''/>")
        client.sends(plain("juliet"), opening())
        client.takes()
        client.sends("<ask xmlns='urn:x' id='2'/>")
        client.receives("<answer xmlns='urn:x' to='2' as='juliet'/>")
        client.sends("<other xmlns='urn:x'/>")
        client.fails_with("unsupported-stanza-type")

    def test_no_answers_from_what_is_not_offered(self) -> None:
        takes = (("urn:x", "ask"),)
        self.house.install(
            StreamFeature(lambda _: None, takes, lambda *_: [Element("x")]),
            StreamFeature(lambda _: Element("shown", "urn:x"), takes, None),
        )
        client = self.house.connect()
        client.logs_in()
        client.sends("<ask xmlns='urn:x'/>")
        client.fails_with("unsupported-stanza-type")

    def test_one_that_breaks_answering(self) -> None:
        takes = (("urn:x", "ask"),)
        self.house.install(self.feature(takes=takes, begin=breaks))
        client, other = self.house.connect(), self.house.login("romeo")
        client.logs_in()
        client.sends("<ask xmlns='urn:x'/>")
        client.fails_with("internal-server-error")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        other.sends(f"<message to='romeo@{CAPULET}' id='1'/>")
        self.assertEqual(len(other.takes()), 1)
