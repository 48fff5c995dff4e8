"""Submitted forms held against the forms offered (XEP-0004 section 4)."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.answers import Answers, read
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.forms import Field, FieldType, Form, FormType, Option
from xmppd.stanza.jid import JID

OPTIONS = (Option("a"), Option("b", "B"))


def answer(field: Field, *values: str) -> Answers:
    """Read a form of one field, filled in with these values."""
    return read(Form.of("", field), Form(FormType.SUBMIT, (Field(field.var, None, values=values),)))


class FieldTests(SynchronousTestCase):
    """What each type of field takes."""

    def test_taken(self) -> None:
        table: list[tuple[FieldType, tuple[str, ...], tuple[str, ...]]] = [
            (FieldType.TEXT_SINGLE, ("x",), ("x",)),
            (FieldType.TEXT_SINGLE, ("",), ("",)),
            (FieldType.TEXT_SINGLE, (), ()),
            (FieldType.TEXT_PRIVATE, (" x ",), (" x ",)),
            (FieldType.TEXT_MULTI, ("x", "", "x"), ("x", "", "x")),
            (FieldType.HIDDEN, ("x", "y"), ("x", "y")),
            (FieldType.BOOLEAN, ("1",), ("1",)),
            (FieldType.BOOLEAN, (" true\n",), ("true",)),
            (FieldType.BOOLEAN, ("",), ()),
            (FieldType.JID_SINGLE, ("A@B/c",), ("a@b/c",)),
            (FieldType.JID_SINGLE, ("",), ()),
            (FieldType.JID_MULTI, ("a@b", "", "A@b", "c"), ("a@b", "c")),
            (FieldType.LIST_SINGLE, ("a",), ("a",)),
            (FieldType.LIST_SINGLE, ("",), ()),
            (FieldType.LIST_MULTI, ("b", "a", "b", ""), ("b", "a")),
        ]
        for kind, given, expected in table:
            answers = answer(Field("x", kind, options=OPTIONS), *given)
            self.assertEqual(answers.texts("x"), expected, kind)
            self.assertIn("x", answers)

    def test_an_empty_option_can_be_chosen(self) -> None:
        field = Field("x", FieldType.LIST_SINGLE, options=(Option("", "None"), Option("a")))
        self.assertEqual(answer(field, "").texts("x"), ("",))

    def test_refused(self) -> None:
        one, choose = "x: this takes one value", "x: choose from what is offered"
        table: list[tuple[FieldType, tuple[str, ...], str]] = [
            (FieldType.TEXT_SINGLE, ("a", "b"), one),
            (FieldType.TEXT_PRIVATE, ("a", "a"), one),
            (FieldType.BOOLEAN, ("1", "0"), one),
            (FieldType.BOOLEAN, ("yes",), "x: give true or false"),
            (FieldType.BOOLEAN, ("TRUE",), "x: give true or false"),
            (FieldType.JID_SINGLE, ("a", "b"), one),
            (FieldType.JID_SINGLE, ("a@@b",), "x: give an address"),
            (FieldType.JID_MULTI, ("a", "@"), "x: give an address"),
            (FieldType.LIST_SINGLE, ("a", "b"), one),
            (FieldType.LIST_SINGLE, ("c",), choose),
            (FieldType.LIST_SINGLE, ("A",), choose),
            (FieldType.LIST_MULTI, ("a", "B"), choose),
        ]
        for kind, given, text in table:
            error = self.assertRaises(
                StanzaError, answer, Field("x", kind, options=OPTIONS), *given
            )
            self.assertEqual((error.condition, error.text), ("not-acceptable", text), kind)

    def test_what_was_given_is_not_repeated(self) -> None:
        """Errors are shown to others than whoever typed, and may be kept."""
        error = self.assertRaises(StanzaError, answer, Field("x", FieldType.BOOLEAN), "secret")
        self.assertNotIn("secret", error.text)
        self.assertNotIn("secret", repr(answer(Field("x"), "secret")))


class FormTests(SynchronousTestCase):
    """Whole forms."""

    offered = Form.of(
        "urn:example",
        Field("note", FieldType.FIXED, required=True),
        Field("name", required=True),
        Field("loud", FieldType.BOOLEAN),
    )

    def submit(self, *fields: Field, about: str = "", kind: FormType = FormType.SUBMIT) -> Answers:
        return read(self.offered, Form.of(about, *fields, type=kind))

    def refused(
        self, *fields: Field, about: str = "", kind: FormType = FormType.SUBMIT
    ) -> tuple[str, str]:
        error = self.assertRaises(StanzaError, self.submit, *fields, about=about, kind=kind)
        return error.condition, error.text

    def test_complete(self) -> None:
        name = Field("name", None, values=("Bard",))
        for about in ("", "urn:example"):
            answers = self.submit(name, about=about)
            self.assertEqual(list(answers), ["name"])
            self.assertNotIn("loud", answers)

    def test_what_was_not_offered_is_passed_over(self) -> None:
        """3.1; a fixed field is no question."""
        answers = self.submit(
            Field("more", None, values=("x", "y")),
            Field("note", FieldType.FIXED, values=("x", "y")),
            Field("name", None, values=("Bard",)),
        )
        self.assertEqual(list(answers), ["name"])
        self.assertEqual(answers.text("more", "nothing"), "nothing")

    def test_types_are_those_offered(self) -> None:
        loud = Field("loud", FieldType.TEXT_SINGLE, values=("very",))
        name = Field("name", None, values=("Bard",))
        self.assertEqual(self.refused(name, loud), ("not-acceptable", "loud: give true or false"))

    def test_required(self) -> None:
        missing = ("not-acceptable", "name: this is required")
        self.assertEqual(self.refused(), missing)
        for values in ((), ("",)):
            self.assertEqual(self.refused(Field("name", None, values=values)), missing)

    def test_about_something_else(self) -> None:
        self.assertEqual(
            self.refused(Field("name", None, values=("Bard",)), about="urn:other"),
            ("not-acceptable", "this form was not offered"),
        )

    def test_not_submitted(self) -> None:
        for kind in (FormType.FORM, FormType.CANCEL, FormType.RESULT):
            self.assertEqual(self.refused(kind=kind)[0], "bad-request")


class AnswersTests(SynchronousTestCase):
    """Values by type."""

    answers = Answers(
        {
            "text": ("a",),
            "lines": ("a", "", "b"),
            "empty": (),
            "yes": ("true",),
            "no": ("0",),
            "who": ("a@b",),
            "all": ("a@b", "c"),
            "n": (" -12 ",),
            "blank": ("",),
        }
    )

    def test_text(self) -> None:
        table = [("text", "a"), ("lines", "a\n\nb"), ("empty", "x"), ("gone", "x"), ("blank", "")]
        for var, expected in table:
            self.assertEqual(self.answers.text(var, "x"), expected)

    def test_flag(self) -> None:
        self.assertEqual([self.answers.flag(var) for var in ("yes", "no")], [True, False])
        for default in (True, False):
            self.assertIs(self.answers.flag("empty", default), default)
            self.assertIs(self.answers.flag("gone", default), default)

    def test_addresses(self) -> None:
        a, c = JID.parse("a@b"), JID.parse("c")
        self.assertEqual(self.answers.jid("who"), a)
        self.assertIsNone(self.answers.jid("empty"))
        self.assertEqual(self.answers.jids("all"), (a, c))
        self.assertEqual(self.answers.jids("gone"), ())

    def test_integer(self) -> None:
        self.assertEqual(self.answers.integer("n"), -12)
        for var in ("empty", "blank", "gone"):
            self.assertIsNone(self.answers.integer(var))
            self.assertEqual(self.answers.integer(var, 7), 7)
        for text in ("x", "1.5", "1_000", "\u0661", "9" * 19, "-", "1 2"):
            answers = Answers({"n": (text,)})
            error = self.assertRaises(StanzaError, answers.integer, "n")
            self.assertEqual(error.condition, "not-acceptable")
