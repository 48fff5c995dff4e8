"""Stanza errors: conditions, elements and replies (RFC 6120 8.3)."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.errors import (
    DEFAULT_TYPES,
    ErrorType,
    StanzaError,
    can_be_answered,
    error_reply,
)
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Message, Presence
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CLIENT, STANZA_ERRORS, XML_LANG

JULIET = JID.parse("juliet@example.org/balcony")
ROMEO = JID.parse("romeo@example.net")


class StanzaErrorTests(SynchronousTestCase):
    """An error as it is raised and as it is written."""

    def test_each_condition(self) -> None:
        for condition, type in DEFAULT_TYPES.items():
            element = StanzaError(condition).to_element()
            self.assertEqual((element.name, element.ns), ("error", CLIENT))
            self.assertEqual(element.attrs, {"type": type.value})
            self.assertEqual(element.children, [Element(condition, STANZA_ERRORS)])

    def test_unknown_condition(self) -> None:
        error = self.assertRaises(ValueError, StanzaError, "not-well-formed")
        self.assertIn("not-well-formed", str(error))

    def test_everything(self) -> None:
        detail = Element("too-many", "urn:example")
        error = StanzaError("gone", "moved", type=ErrorType.WAIT, detail=detail, alternative="x@y")
        element = error.to_element()
        self.assertEqual(element.attrs, {"type": "wait"})
        condition, text, application = element.elements()
        self.assertEqual((condition.name, condition.text), ("gone", "x@y"))
        self.assertEqual((text.name, text.text, text.attrs[XML_LANG]), ("text", "moved", "en"))
        self.assertIs(application, detail)


class ReplyTests(SynchronousTestCase):
    """Errors answer what may be answered, and nothing else."""

    def test_what_may_be_answered(self) -> None:
        table = [
            (Message(type="error"), False),
            (Presence(type="error"), False),
            (Iq(type="error"), False),
            (Iq(type="result"), False),
            (Iq(type="get"), True),
            (Iq(type="set"), True),
            (Message(type="result"), True),
            (Message(), True),
            (Presence(), True),
        ]
        for stanza, expected in table:
            self.assertEqual(can_be_answered(stanza), expected, stanza)

    def test_id_of_a_reply(self) -> None:
        """An IQ's answer has an id, empty where there was none (RFC 6120 8.3.1, rule 3)."""
        table = [
            (Iq(id="1"), b' id="1"'),
            (Iq(), b' id=""'),
            (Message(id="1"), b' id="1"'),
            (Message(), b""),
            (Presence(), b""),
        ]
        for stanza, expected in table:
            reply = bytes(error_reply(stanza, StanzaError("gone")))
            self.assertEqual(reply.partition(b' type="error"')[2].partition(b">")[0], expected)

    def test_reply(self) -> None:
        for kind in (Message, Presence, Iq):
            stanza = kind(Element("x", "urn:x"), to=ROMEO, from_=JULIET, type="set", id="1")
            reply = error_reply(stanza, StanzaError("item-not-found"))
            self.assertIs(type(reply), kind)
            self.assertEqual((reply.to, reply.from_), (JULIET, ROMEO))
            self.assertEqual((reply.type, reply.id), ("error", "1"))
            self.assertEqual(
                list(reply.to_element().elements()), [StanzaError("item-not-found").to_element()]
            )
