"""Raw values become typed ones, or are refused with their key."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from twisted.trial.unittest import SynchronousTestCase

from tests.server.makers import FilterSettings
from xmppd.api.settings import Between
from xmppd.service.reading import Misfit, Reader

READER = Reader(Path("/base"))


@dataclass(frozen=True)
class Inner:
    """A table in a table."""

    name: str = "x"


@dataclass(frozen=True)
class Outer:
    """A table with one."""

    inner: Inner = Inner()
    other: int = 0


class ValueTests(SynchronousTestCase):
    """Each type of a setting."""

    def test_what_fits(self) -> None:
        table: list[tuple[Any, object, object]] = [
            (bool, True, True),
            (int, 5, 5),
            (float, 5, 5.0),
            (float, 0.5, 0.5),
            (str, "", ""),
            (Path, "a/b", Path("/base/a/b")),
            (Path, "/a", Path("/a")),
            (tuple[str, ...], ["a", "b"], ("a", "b")),
            (tuple[int, ...], [], ()),
            (Literal["a", "b"], "b", "b"),
            (Path | None, "a", Path("/base/a")),
            (Annotated[int, Between(1, 3)], 3, 3),
            (Annotated[int, "not a range"], 7, 7),
            (Inner, {"name": "y"}, Inner("y")),
        ]
        for hint, value, expected in table:
            with self.subTest(hint=hint, value=value):
                read = READER.value(hint, value, ("key",))
                self.assertEqual(read, expected)
                self.assertIs(type(read), type(expected))

    def test_the_home_directory_is_known(self) -> None:
        self.assertEqual(READER.value(Path, "~/x", ()), Path("~/x").expanduser())

    def test_what_does_not_fit(self) -> None:
        table: list[tuple[Any, object, str, str]] = [
            (bool, 1, "is a whole number", "give true or false"),
            (int, True, "is true or false", "give a whole number"),
            (int, 1.0, "is a number", "give a whole number"),
            (float, "1", "is a string", "give a number"),
            (float, True, "is true or false", "give a number"),
            (str, 1, "is a whole number", "give a string"),
            (str, date(2026, 1, 1), "is a date", "give a string"),
            (Path, "", "is a string", "give a path"),
            (Path | None, 3, "is a whole number", "give a path"),
            (tuple[str, ...], "a", "is a string", "give a list, each of it a string"),
            (tuple[str, ...], [1], "is a whole number", "give a string"),
            (Literal["a", "b"], "c", "'c' is not known", 'use "a" or "b"'),
            (Literal["a"], 1, "is a whole number", 'use "a"'),
            (Literal["a", "b", "c"], [], "is a list", 'use "a", "b" or "c"'),
            (Annotated[int, Between(1, 3)], 4, "4 is out of range", "between 1 and 3"),
            (Annotated[int, Between(1, 3)], "4", "is a string", "give a whole number"),
            (Annotated[float, Between(1, 3)], float("nan"), "nan is out of range", "between"),
            (Inner, [], "is a list", "give a table"),
        ]
        for hint, value, what, remedy in table:
            with self.subTest(hint=hint, value=value):
                misfit = self.assertRaises(Misfit, READER.value, hint, value, ("a", "b"))
                self.assertEqual((misfit.key, misfit.what), (("a", "b"), what))
                self.assertIn(remedy, misfit.remedy)

    def test_values_of_the_wrong_kind_are_not_repeated(self) -> None:
        misfit = self.assertRaises(Misfit, READER.value, int, "hunter2", ("password",))
        self.assertNotIn("hunter2", str(misfit))

    def test_types_that_no_file_can_give(self) -> None:
        self.assertRaises(TypeError, READER.value, bytes, "x", ("key",))
        self.assertRaises(TypeError, READER.value, int, b"x", ("key",))


@dataclass(frozen=True)
class Needy:
    """A section that has nothing of its own."""

    choice: Literal["a", "b"]
    maybe: int | None
    inner: Inner


class SectionTests(SynchronousTestCase):
    """Tables become dataclasses."""

    def test_defaults(self) -> None:
        self.assertEqual(READER.section(Outer, {}, ()), Outer())

    def test_given_and_skipped(self) -> None:
        raw = {"inner": {"name": "y"}, "elsewhere": 1}
        read = READER.section(Outer, raw, (), skip=("elsewhere",), other=3)
        self.assertEqual(read, Outer(Inner("y"), 3))

    def test_everything_in_one(self) -> None:
        raw = {"words": ["a"], "level": "high", "most": 10, "every": 2, "file": "f", "strict": True}
        expected = FilterSettings(("a",), "high", 10, 2.0, Path("/base/f"), True)
        self.assertEqual(READER.section(FilterSettings, raw, ("x",)), expected)

    def test_refusals(self) -> None:
        table: list[tuple[object, tuple[str, ...], str, str]] = [
            ({}, ("x", "words"), "has to be given", "give a list, each of it a string"),
            ({"word": []}, ("x", "word"), "there is no such key", "did you mean 'words'?"),
            ({"zzz": []}, ("x", "zzz"), "there is no such key", 'use "words", "level"'),
            ({"words": [], "strict": True}, ("x",), "a strict filter needs words", "change what"),
            ([], ("x",), "is a list", "give a table"),
            ({"words": [], "most": 11}, ("x", "most"), "11 is out of range", "between 1 and 10"),
        ]
        for raw, key, what, remedy in table:
            with self.subTest(raw=raw):
                misfit = self.assertRaises(Misfit, READER.section, FilterSettings, raw, ("x",))
                self.assertEqual((misfit.key, misfit.what), (key, what))
                self.assertIn(remedy, misfit.remedy)

    def test_what_has_to_be_given_is_described(self) -> None:
        table: list[tuple[dict[str, object], str, str]] = [
            ({}, "choice", 'give "a" or "b"'),
            ({"choice": "a"}, "maybe", "give a whole number"),
            ({"choice": "a", "maybe": 1}, "inner", "give a table"),
        ]
        for raw, name, remedy in table:
            with self.subTest(name=name):
                misfit = self.assertRaises(Misfit, READER.section, Needy, raw, ())
                self.assertEqual((misfit.key, misfit.remedy), ((name,), remedy))

    def test_what_somebody_else_has_read_cannot_be_set(self) -> None:
        misfit = self.assertRaises(Misfit, READER.section, Outer, {"other": 1}, (), other=3)
        self.assertEqual(misfit.key, ("other",))
