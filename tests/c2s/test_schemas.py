"""Everything a stream emits is valid by the schemas of RFC 6120, appendix A.

A recorded set of conversations brings out every header, feature, answer and error there is; each
recording is held, as one document, against the schemas in `tests/data/schemas`.
"""

from pathlib import Path
from xml.etree.ElementTree import Element, tostring

from lxml import etree
from twisted.trial.unittest import SynchronousTestCase

from tests.c2s.client import Client
from tests.c2s.house import House, Setup
from tests.c2s.texts import (
    CAPULET,
    ERRORS,
    JULIET,
    SASL,
    STARTTLS,
    TLS,
    auth,
    binding,
    opening,
    plain,
)
from tests.net import pairs
from xmppd.api.registrations import OWN_ACCOUNT, HandleIq, Request
from xmppd.sasl.exchange import Condition
from xmppd.stanza.errors import DEFAULT_TYPES, StanzaError
from xmppd.stream.errors import CONDITIONS, StreamError
from xmppd.wire.namespaces import BIND, CLIENT, PING, STANZA_ERRORS, STREAMS

SCHEMAS = Path(__file__).resolve().parent.parent / "data" / "schemas"
STREAM = f"{{{STREAMS}}}stream"


class SchemaTests(SynchronousTestCase):
    """One recording, looked at from several sides."""

    def setUp(self) -> None:
        self.schema = etree.XMLSchema(etree.parse(str(SCHEMAS / "streams.xsd")))
        self.streams: list[list[Element]] = []

    def keep(self, client: Client) -> None:
        """Take a connection's streams into the recording, and end it."""
        for element in client.reader.all:
            if element.tag == STREAM:
                self.streams.append([])
            self.streams[-1].append(element)
        client.hangs_up()

    def record(self) -> None:
        self.negotiations()
        self.stream_errors()
        self.logins()
        self.stanza_errors()

    def negotiations(self) -> None:
        house = House(self, Setup(tls=True))
        client = house.connect()
        client.opens(extra=f"version='1.0' from='{JULIET}' xml:lang='cs'")
        client.sends(STARTTLS)
        client.takes()
        client.begin_tls(pairs.Client())
        client.logs_in()
        client.binds("balcony")
        client.closes()
        twice = house.connect(direct=pairs.Client())
        twice.opens()
        twice.sends(STARTTLS)
        idle = House(self).login()
        idle.house.passes(602)
        for each in (client, twice, idle):
            self.keep(each)

    def stream_errors(self) -> None:
        house = House(self)
        for condition in sorted(CONDITIONS):
            for text in ("", "a text"):
                client = house.connect()
                assert client.protocol is not None
                client.protocol.fail(StreamError(condition, text))
                house.turn()
                self.keep(client)
        for extra in ("", "version='0.9'"):
            old = house.connect()
            old.sends(opening(extra=extra))
            self.keep(old)

    def logins(self) -> None:
        house = House(self, Setup(disable=("SCRAM-SHA-512",)))
        house.add("tybalt", disabled=True)
        for sent in (
            plain("juliet", "wrong"),
            plain("tybalt"),
            plain("juliet", authzid=f"romeo@{CAPULET}"),
            auth("CRAM-MD5"),
            auth("SCRAM-SHA-512"),
            auth("PLAIN"),
            auth("SCRAM-SHA-1", b"n,,n=juliet,r=x"),
            auth("PLAIN", b"nonsense"),
            f"<auth xmlns='{SASL}' mechanism='PLAIN'>?</auth>",
            f"<abort xmlns='{SASL}'/>",
            f"<response xmlns='{SASL}'/>",
        ):
            client = house.connect()
            client.opens()
            client.sends(sent)
            house.passes(4)
            self.keep(client)
        house.workers.busy = True
        busy = house.connect()
        busy.opens()
        busy.sends(plain("juliet"))
        house.passes(4)
        self.keep(busy)
        clear = House(self, Setup(tls=True)).connect()
        clear.opens()
        clear.sends(plain("juliet"))
        self.keep(clear)

    def stanza_errors(self) -> None:
        house = House(self)

        def refuse(request: Request) -> None:
            text = request.payload.attrs.get("text", "")
            raise StanzaError(request.payload.name, text)

        house.install(
            *(HandleIq("get", "urn:x", name, refuse, at=OWN_ACCOUNT) for name in DEFAULT_TYPES)
        )
        client = house.connect()
        client.logs_in()
        client.sends(binding(" x"), "<message id='a'/>", "<presence id='b'/>")
        client.sends(binding("balcony"))
        for name in DEFAULT_TYPES:
            for text in ("", "text='a text'"):
                client.sends(f"<iq type='get' id='{name}'><{name} xmlns='urn:x' {text}/></iq>")
        client.sends("<message to='@' id='c'/>", f"<message to='{JULIET}/balcony' id='d'/>")
        self.keep(client)

    def test_valid(self) -> None:
        self.record()
        self.assertGreater(len(self.streams), 70)
        for header, *elements in self.streams:
            document = etree.Element(header.tag, dict(header.attrib))
            for element in elements:
                document.append(etree.fromstring(tostring(element)))
            self.assertTrue(
                self.schema.validate(document),
                f"{self.schema.error_log}\n{etree.tostring(document)!r}",
            )

    def test_nothing_is_missing(self) -> None:
        """The recording has all that can be emitted."""
        self.record()
        seen = {element.tag for stream in self.streams for top in stream for element in top.iter()}
        expected = {STREAM, f"{{{STREAMS}}}features", f"{{{STREAMS}}}error"}
        expected |= {f"{{{ERRORS}}}{name}" for name in (*CONDITIONS, "text")}
        expected |= {f"{{{TLS}}}{name}" for name in ("starttls", "required", "proceed", "failure")}
        expected |= {f"{{{SASL}}}{name}" for name in ("mechanisms", "mechanism", "challenge")}
        expected |= {f"{{{SASL}}}{name}" for name in ("success", "failure", "text")}
        expected |= {f"{{{SASL}}}{each.value}" for each in Condition}
        expected -= {f"{{{SASL}}}{Condition.CREDENTIALS_EXPIRED.value}"}  # no store of ours says so
        expected |= {f"{{{BIND}}}bind", f"{{{BIND}}}jid", f"{{{PING}}}ping"}
        expected |= {f"{{{STANZA_ERRORS}}}{name}" for name in (*DEFAULT_TYPES, "text")}
        expected |= {f"{{{CLIENT}}}{name}" for name in ("iq", "message", "presence", "error")}
        self.assertEqual(expected - seen, set())

    def test_what_is_invalid_is_found(self) -> None:
        """The schemas do look at what they are shown."""
        for inner in (
            f"<e xmlns='{STREAMS}'/>".replace("<e", "<error"),
            f"<failure xmlns='{SASL}'><no-such-condition/></failure>",
            f"<proceed xmlns='{TLS}'>text</proceed>",
            "<iq type='result'/>",
            "<iq type='unknown' id='1'/>",
            f"<iq type='result' id='1'><bind xmlns='{BIND}'><jid>a@b</jid></bind></iq>",
            f"<message type='error'><error><gone xmlns='{STANZA_ERRORS}'/></error></message>",
        ):
            written = f"<s:stream xmlns:s='{STREAMS}' xmlns='{CLIENT}'>{inner}</s:stream>"
            self.assertFalse(self.schema.validate(etree.fromstring(written)), inner)
