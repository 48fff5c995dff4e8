"""Any bytes at every stage: named errors leave, nothing breaks, and neighbours go on talking."""

from collections.abc import Callable
from itertools import count
from xml.etree.ElementTree import Element

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.c2s.client import Client
from tests.c2s.house import HouseCase
from tests.c2s.texts import CAPULET, CLOSE, JULIET, ROMEO, auth, binding, opening, plain
from xmppd.stream.errors import CONDITIONS

ERROR = "{http://etherx.jabber.org/streams}error"
STAGES = ("connected", "opened", "known", "bound")
TALK = {
    "connected": opening() + plain("juliet") + opening() + binding("x"),
    "opened": auth("SCRAM-SHA-1", b"n,,n=juliet,r=x")
    + "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>Yz1iaXdzLHI9eCxwPXg=</response>"
    + plain("juliet")
    + opening()
    + binding("y"),
    "known": f"<iq type='get' id='1' to='{CAPULET}'><ping xmlns='urn:xmpp:ping'/></iq>"
    + binding("x")
    + "<presence/>"
    + CLOSE,
    "bound": f"<message to='{ROMEO}/orchard' xml:lang='en' id='a'><body>&lt;b&gt;</body></message>"
    f"<presence from='{JULIET}'><show>away</show><priority>5</priority></presence> \n"
    f"<iq type='set' id='2' xmlns:p='urn:p'><p:query p:a='1'><item/>text</p:query></iq>"
    "<message><forwarded xmlns='urn:f'><message xmlns='jabber:client'/></forwarded></message>"
    + CLOSE,
}

Edit = Callable[[bytes], bytes]


def cut(at: float, size: int) -> Edit:
    return lambda data: data[: int(at * len(data))] + data[int(at * len(data)) + size :]


def insert(at: float, what: bytes) -> Edit:
    return lambda data: data[: int(at * len(data))] + what + data[int(at * len(data)) :]


def double(at: float, size: int) -> Edit:
    def edit(data: bytes) -> bytes:
        start = int(at * len(data))
        return data[: start + size] + data[start:]

    return edit


MARKUP = (
    b"<",
    b">",
    b"'",
    b'"',
    b"&",
    b"/",
    b"\0",
    b"]]>",
    b"<![CDATA[",
    b"<!--",
    b"xmlns='",
    b"</",
)
PLACES = st.floats(0, 1, exclude_max=True)
EDITS = st.one_of(
    st.builds(cut, PLACES, st.integers(1, 40)),
    st.builds(double, PLACES, st.integers(1, 40)),
    st.builds(insert, PLACES, st.sampled_from(MARKUP) | st.binary(min_size=1, max_size=8)),
)


class FuzzTests(HouseCase):
    """One stream is fed anything; two others watch."""

    def setUp(self) -> None:
        super().setUp()
        self.romeo = self.house.login("romeo", "orchard")
        self.nurse = self.house.login("nurse", "kitchen")
        self.numbers = count()

    def bring(self, stage: str) -> Client:
        """Return a client from somewhere else each time."""
        number = next(self.numbers)
        client = self.house.connect(address=f"198.51.{number // 250}.{number % 250}")
        if stage == "opened":
            client.opens()
        elif stage in ("known", "bound"):
            client.logs_in()
        if stage == "bound":
            client.binds(f"balcony {number}")
        return client

    def feed(self, stage: str, chunks: list[bytes]) -> None:
        client = self.bring(stage)
        for chunk in chunks:
            client.sends(chunk)
        self.house.passes(1)
        self.check_answers(client.takes(), client)
        client.hangs_up()
        self.house.ends.remove(client)
        self.check_neighbours()

    def check_answers(self, answers: list[Element], client: Client) -> None:
        """Errors have names, none of them ours to be ashamed of, and nothing follows them."""
        for place, element in enumerate(answers):
            if element.tag == ERROR:
                condition = element[0].tag.partition("}")[2]
                self.assertIn(condition, CONDITIONS - {"internal-server-error"})
                self.assertEqual(place, len(answers) - 1)
                self.assertTrue(client.reader.ended)
        self.assertEqual(self.flushLoggedErrors(), [])

    def check_neighbours(self) -> None:
        self.romeo.takes()
        self.nurse.sends(f"<message to='{ROMEO}/orchard' id='still there'/>")
        self.assertEqual([each.get("id") for each in self.romeo.takes()], ["still there"])
        self.assertEqual(len(self.house.clients), 2)
        self.assertEqual(self.house.server.hosts[CAPULET].local.sessions("juliet"), ())

    def test_any_bytes(self) -> None:
        @settings(max_examples=100, deadline=None, derandomize=True, database=None)
        @given(st.sampled_from(STAGES), st.lists(st.binary(min_size=1, max_size=60), max_size=5))
        def check(stage: str, chunks: list[bytes]) -> None:
            self.feed(stage, chunks)

        check()

    def test_damaged_conversations(self) -> None:
        @settings(max_examples=400, deadline=None, derandomize=True, database=None)
        @given(
            st.sampled_from(STAGES), st.lists(EDITS, min_size=1, max_size=3), st.integers(1, 400)
        )
        def check(stage: str, edits: list[Edit], size: int) -> None:
            data = TALK[stage].encode()
            for edit in edits:
                data = edit(data)
            self.feed(stage, [data[at : at + size] for at in range(0, len(data), size)])

        check()

    def test_whole_conversations(self) -> None:
        """What is damaged above is sound by itself: no stage ends with an error."""
        for stage in STAGES:
            client = self.bring(stage)
            client.sends(TALK[stage])
            tags = [element.tag for element in client.takes()]
            self.assertNotIn(ERROR, tags, stage)
            self.assertGreater(len(tags), 1)
            client.hangs_up()
