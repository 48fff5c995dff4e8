"""Data forms as values and as XML (XEP-0004, XEP-0068)."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.errors import StanzaError
from xmppd.stanza.forms import (
    Field,
    FieldType,
    Form,
    FormType,
    Option,
    Value,
    form_in,
    written,
)
from xmppd.stanza.jid import JID
from xmppd.wire.document import parse_document
from xmppd.wire.element import Element
from xmppd.wire.namespaces import DATA_FORMS
from xmppd.wire.serializer import serialize

ABOUT = "<field type='hidden' var='FORM_TYPE'><value>urn:example</value></field>"

FORMS: list[tuple[Form, str]] = [
    (Form(FormType.CANCEL), "<x type='cancel'/>"),
    (
        Form.of(
            "urn:example",
            Field("", FieldType.FIXED, values=("Who & what",)),
            Field("name", FieldType.TEXT_SINGLE, "Name", "As on the door", True, ("Bard",)),
            Field(
                "mode",
                FieldType.LIST_SINGLE,
                options=(Option("a"), Option("b", "The second")),
                values=("b",),
            ),
            title="Bots",
            instructions="Fill in.\nThen send.",
        ),
        "<x type='form'><title>Bots</title><instructions>Fill in.</instructions>"
        f"<instructions>Then send.</instructions>{ABOUT}"
        "<field type='fixed'><value>Who &amp; what</value></field>"
        "<field type='text-single' var='name' label='Name'><desc>As on the door</desc><required/>"
        "<value>Bard</value></field>"
        "<field type='list-single' var='mode'><value>b</value><option><value>a</value></option>"
        "<option label='The second'><value>b</value></option></field></x>",
    ),
    (
        Form(FormType.SUBMIT, (Field("name", None, values=("",)), Field("mode", None))),
        "<x type='submit'><field var='name'><value/></field><field var='mode'/></x>",
    ),
    (
        Form.result("urn:example", {"n": 1, "to": (JID.parse("a@b"), "c")}),
        f"<x type='result'>{ABOUT}<field var='n'><value>1</value></field>"
        "<field var='to'><value>a@b</value><value>c</value></field></x>",
    ),
    (
        Form(
            FormType.RESULT,
            reported=(Field("jid", FieldType.JID_SINGLE, "Who"),),
            items=((Field("jid", None, values=("a@b",)),), (Field("jid", None),)),
        ),
        "<x type='result'><reported><field type='jid-single' var='jid' label='Who'/></reported>"
        "<item><field var='jid'><value>a@b</value></field></item>"
        "<item><field var='jid'/></item></x>",
    ),
    (Form(FormType.RESULT, reported=()), "<x type='result'><reported/></x>"),
]


def tree(text: str) -> Element:
    """The element of a text whose default namespace is that of data forms."""
    return parse_document(text.replace("<x", f"<x xmlns='{DATA_FORMS}'", 1).encode())


def x(inner: str = "", type: str = "submit") -> Element:
    return tree(f"<x type='{type}'>{inner}</x>")


class XmlTests(SynchronousTestCase):
    """There and back."""

    def test_written(self) -> None:
        for form, text in FORMS:
            self.assertEqual(serialize(form.to_element()), serialize(tree(text)))

    def test_read(self) -> None:
        for form, text in FORMS:
            self.assertEqual(Form.from_element(tree(text)), form)

    def test_each_writing_is_a_tree_of_its_own(self) -> None:
        form = FORMS[1][0]
        form.to_element().children.clear()
        self.assertEqual(form.to_element(), form.to_element())
        self.assertTrue(form.to_element().children)

    def test_what_is_no_form(self) -> None:
        table = [
            (Element("x"), "this is no data form"),
            (Element("query", DATA_FORMS), "this is no data form"),
            (x(type="error"), "a form is a form, submit, cancel or result"),
            (Element("x", DATA_FORMS), "a form is a form, submit, cancel or result"),
            (x("<field type='text-single'/>"), "a field has no name"),
            (x("<field var='a'/><field var='b'/><field var='a'/>"), "a field is there twice"),
            (x("<field var='a'><option/></field>"), "an option has exactly one value"),
            (
                x("<field var='a'><option><value/><value/></option></field>"),
                "an option has exactly one value",
            ),
            (x("<item><field var='a'/><field var='a'/></item>"), "a field is there twice"),
        ]
        for element, sentence in table:
            error = self.assertRaises(ValueError, Form.from_element, element)
            self.assertEqual(str(error), sentence)

    def test_what_is_taken(self) -> None:
        """A type nobody knows (3.3), a text between fields without a name, strange children."""
        form = Form.from_element(
            x("<field/><field type='fixed'/><field var='a' type='colour'/><b/> <option/>")
        )
        fixed = Field("", FieldType.FIXED)
        self.assertEqual(form.fields, (fixed, fixed, Field("a", FieldType.TEXT_SINGLE)))

    def test_form_in(self) -> None:
        parent = Element("command", "urn:example")
        self.assertIsNone(form_in(parent))
        parent.add("x")
        self.assertIsNone(form_in(parent))
        parent.children.append(x("<field var='a'/>"))
        self.assertEqual(form_in(parent), Form(FormType.SUBMIT, (Field("a", None),)))
        broken = Element("command", children=[x(type="")])
        error = self.assertRaises(StanzaError, form_in, broken)
        self.assertEqual(error.condition, "bad-request")

    @settings(deadline=None, derandomize=True, database=None)
    @given(
        st.lists(
            st.builds(
                Field,
                st.text("abc", min_size=1),
                st.sampled_from(FieldType),
                st.text("<&'a"),
                st.text("<&'a"),
                st.booleans(),
                st.lists(st.text("<&'a")).map(tuple),
                st.lists(st.builds(Option, st.text("ab"), st.text("ab"))).map(tuple),
            ),
            unique_by=lambda field: field.var,
        )
    )
    def test_anything_comes_back(self, fields: list[Field]) -> None:
        form = Form(FormType.FORM, tuple(fields))
        again = parse_document(serialize(form.to_element()))
        self.assertEqual(Form.from_element(again), form)


class ValueTests(SynchronousTestCase):
    """What can be asked of a form."""

    def test_written_values(self) -> None:
        table: list[tuple[Value, tuple[str, ...]]] = [
            ("a", ("a",)),
            ("", ("",)),
            (True, ("1",)),
            (False, ("0",)),
            (12, ("12",)),
            (JID.parse("a@b/c"), ("a@b/c",)),
            ((), ()),
            (["a", JID.parse("b")], ("a", "b")),
        ]
        for value, expected in table:
            self.assertEqual(written(value), expected)

    def test_form_type(self) -> None:
        """XEP-0068: a hidden field; in a submission one without a type will do."""
        table = [
            ("form", " type='hidden'", "urn:example"),
            ("form", " type='text-single'", ""),
            ("form", "", ""),
            ("result", "", ""),
            ("submit", "", "urn:example"),
            ("submit", " type='hidden'", "urn:example"),
            ("submit", " type='text-single'", ""),
        ]
        for form, attribute, expected in table:
            field = f"<field var='FORM_TYPE'{attribute}><value>urn:example</value></field>"
            self.assertEqual(Form.from_element(x(field, form)).form_type, expected, (form, field))
        self.assertEqual(Form.from_element(x("<field var='FORM_TYPE'/>")).form_type, "")
        self.assertEqual(Form.of("").form_type, "")

    def test_fields_by_name(self) -> None:
        form = Form.of("urn:example", Field("a", values=("1", "2")), Field("b"))
        self.assertEqual(form.field("b"), Field("b"))
        self.assertIsNone(form.field("c"))
        self.assertEqual([form.value(var) for var in "abc"], ["1", "", ""])
        self.assertEqual(form.value("b", "x"), "x")

    def test_filled(self) -> None:
        form = Form.of("urn:example", Field("a", label="A"), Field("b", values=("x",)))
        filled = form.filled({"a": True})
        self.assertEqual(filled.field("a"), Field("a", label="A", values=("1",)))
        self.assertEqual(filled.value("b"), "x")
        self.assertEqual(filled.form_type, "urn:example")
        self.assertRaises(KeyError, form.filled, {"c": "1"})

    def test_values_are_not_shown(self) -> None:
        form = Form.of("urn:example", Field("password", values=("secret",)))
        self.assertIn("password", repr(form))
        self.assertNotIn("secret", repr(form))
