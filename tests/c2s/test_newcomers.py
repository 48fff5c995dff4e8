"""Requests before login, answered by features that ask for them (RFC 6120 4.9.3.12)."""

from twisted.internet.defer import Deferred

from tests.c2s.client import Client
from tests.c2s.house import HouseCase, Setup
from tests.c2s.texts import CAPULET, JULIET, MONTAGUE, SUCCESS, iq_error, opening, plain
from tests.c2s.watchers import breaks
from xmppd.api.registrations import HandleBeforeLogin, StreamContext
from xmppd.stanza.errors import StanzaError
from xmppd.wire.element import Element

ASK = "<ask xmlns='urn:x'/>"


def request(payload: str = ASK, attributes: str = "", type: str = "get", id: str = "1") -> str:
    """Return a request."""
    return f"<iq type='{type}' id='{id}' {attributes}>{payload}</iq>"


class NewcomersTestCase(HouseCase):
    """A host with a feature that answers newcomers."""

    def setUp(self) -> None:
        super().setUp()
        self.contexts: list[StreamContext] = []
        self.slow: Deferred[Element | None] = Deferred()
        self.house.install(
            HandleBeforeLogin("get", "urn:x", "ask", self.answer),
            HandleBeforeLogin("set", "urn:x", "ask", self.refuse),
            HandleBeforeLogin("get", "urn:x", "broken", breaks),
            HandleBeforeLogin("get", "urn:x", "slow", lambda *_: self.slow, 600.0, 2),
            HandleBeforeLogin("get", "urn:x", "form", lambda *_: None, 600.0, 2),
        )

    def answer(self, stream: StreamContext, payload: Element) -> Element:
        self.contexts.append(stream)
        return Element("answer", payload.ns, dict(payload.attrs))

    def refuse(self, _stream: StreamContext, _payload: Element) -> Element:
        raise StanzaError("conflict")

    def newcomer(self, **how: str) -> Client:
        client = self.house.connect(**how)
        client.opens()
        return client


class AnswerTests(NewcomersTestCase):
    """What is answered."""

    def test_answers(self) -> None:
        """With the address it was sent to, if any."""
        client = self.newcomer(address="2001:db8::1")
        for attributes, from_ in (("", ""), (f"to='{CAPULET}'", f"from='{CAPULET}'")):
            client.sends(request("<ask xmlns='urn:x' n='1'/>", attributes))
            client.receives(f"<iq type='result' id='1' {from_}><answer xmlns='urn:x' n='1'/></iq>")
        [stream, _] = self.contexts
        self.assertEqual(
            (stream.host, stream.secure, stream.account, stream.address, stream.network),
            (CAPULET, False, "", "2001:db8::1", "2001:db8::/64"),
        )

    def test_empty_results(self) -> None:
        client = self.newcomer()
        client.sends(request("<form xmlns='urn:x'/>"))
        client.receives("<iq type='result' id='1'/>")

    def test_login_follows_on_the_same_stream(self) -> None:
        client = self.newcomer()
        client.sends(request())
        client.takes()
        client.sends(plain("juliet"))
        client.receives(SUCCESS)
        client.opens()
        client.binds("balcony")

    def test_refusals(self) -> None:
        client = self.newcomer()
        client.sends(request(type="set"))
        client.receives(iq_error("conflict", "cancel", "type='error' id='1'"))
        client.sends(request())
        self.assertEqual(len(client.takes()), 1)

    def test_crashes(self) -> None:
        client = self.newcomer()
        client.sends(request("<broken xmlns='urn:x'/>"))
        client.receives(iq_error("internal-server-error", "cancel", "type='error' id='1'"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_order_is_kept(self) -> None:
        client = self.newcomer()
        client.sends(request("<slow xmlns='urn:x'/>", id="1") + request(id="2"))
        client.receives()
        self.slow.callback(None)
        self.house.turn()
        client.receives(
            "<iq type='result' id='1'/>",
            "<iq type='result' id='2'><answer xmlns='urn:x'/></iq>",
        )

    def test_who_leaves_is_not_waited_for(self) -> None:
        cancelled: list[object] = []
        self.slow = Deferred(cancelled.append)
        client = self.newcomer()
        client.sends(request("<slow xmlns='urn:x'/>"))
        assert client.protocol is not None
        client.protocol.abort()
        self.house.turn()
        self.assertEqual(len(cancelled), 1)
        self.assertEqual(len(self.house.clients), 0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_only_before_login(self) -> None:
        client = self.house.connect()
        client.logs_in()
        client.sends(request())
        client.receives(iq_error("service-unavailable", "cancel", "type='error' id='1'"))


class RefusalTests(NewcomersTestCase):
    """Everything else ends the stream."""

    def test_other_stanzas(self) -> None:
        for stanza in (
            request("<ask xmlns='urn:y'/>"),
            request("<other xmlns='urn:x'/>"),
            request("<broken xmlns='urn:x'/>", type="set"),
            request(ASK * 2),
            request(""),
            request(type="result"),
            request(type="error"),
            request(type="what"),
            request(id=""),
            request(attributes=f"to='{JULIET}'"),
            request(attributes=f"to='{CAPULET}/x'"),
            request(attributes=f"to='{MONTAGUE}'"),
            request(attributes="to='@'"),
            request(attributes="from='@'"),
            request(attributes=f"from='{JULIET}'"),
            f"<message to='{CAPULET}'>{ASK}</message>",
            f"<presence>{ASK}</presence>",
        ):
            client = self.newcomer()
            client.sends(stanza)
            client.fails_with("not-authorized")
        self.assertEqual(self.contexts, [])

    def test_other_hosts(self) -> None:
        client = self.house.connect()
        client.opens(MONTAGUE)
        client.sends(request())
        client.fails_with("not-authorized")


class ClearTests(NewcomersTestCase):
    """In clear nothing is answered where TLS is required."""

    setup = Setup(tls=True)

    def test_in_clear(self) -> None:
        client = self.newcomer()
        client.sends(request())
        client.fails_with("not-authorized")

    def test_under_tls(self) -> None:
        client = self.house.connect()
        client.starts_tls()
        client.opens()
        client.sends(request())
        self.assertEqual(len(client.takes()), 1)
        self.assertTrue(self.contexts[0].secure)


class PatienceTests(NewcomersTestCase):
    """Whoever fills in a form may take longer, some of each network at a time."""

    def form(self, client: Client) -> None:
        client.sends(request("<form xmlns='urn:x'/>"))
        self.assertEqual(len(client.takes()), 1)

    def test_once_in_a_connection(self) -> None:
        client = self.newcomer()
        self.house.passes(59)
        self.form(client)
        self.house.passes(500)
        self.form(client)
        self.house.passes(99)
        self.assertFalse(client.reader.ended)
        self.house.passes(2)
        client.fails_with("connection-timeout")

    def test_others_get_no_more_time(self) -> None:
        client = self.newcomer()
        client.sends(request())
        client.sends(request(type="set"))
        client.takes()
        self.house.passes(61)
        client.fails_with("connection-timeout")

    def test_so_many_of_a_network(self) -> None:
        near = [self.newcomer(address=f"2001:db8::{n}") for n in range(1, 4)]
        far = self.newcomer(address="2001:db8:0:1::1")
        for client in (*near, far):
            self.form(client)
        self.house.passes(61)
        self.assertEqual([client.reader.ended for client in near], [False, False, True])
        self.assertFalse(far.reader.ended)

    def test_places_come_free(self) -> None:
        """By going, and by logging in."""
        one, two = self.newcomer(), self.newcomer()
        self.form(one)
        self.form(two)
        one.hangs_up()
        two.sends(plain("juliet"), opening())
        two.takes()
        two.binds("balcony")
        clients = [self.newcomer() for _ in range(3)]
        for client in clients:
            self.form(client)
        self.house.passes(61)
        self.assertEqual([client.reader.ended for client in clients], [False, False, True])

    def test_a_session_has_no_such_deadline(self) -> None:
        client = self.newcomer()
        self.form(client)
        client.sends(plain("juliet"), opening())
        client.takes()
        client.binds("balcony")
        self.house.passes(601)
        self.assertEqual(len(client.takes()), 1)  # asked for a sign of life
        self.assertFalse(client.reader.ended)
