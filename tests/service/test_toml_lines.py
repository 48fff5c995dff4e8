"""Where keys stand in a TOML file, compared with what tomllib makes of the same text."""

import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from xmppd.service.toml_lines import line_numbers

TABLE = '''\
# a comment = not a key
data = "var" # trailing [comment]

[limits]
depth = 100
"quoted key" = 1
'single' = 2
a.b . "c.d" = 3

[host."example.org"]
users = [
  "xmppd", # with ] and "
  'file:/x',
]
text = """
[not.a.table]
key = "no"
"""
raw = \'\'\'
[neither]
"""\'\'\'
after = { x = 1, y = [ "}", 2 ] }

[host."b\\u00fccher.example"]
name = """a\\"""b"""
last = 1979-05-27T07:32:00Z

[[module]]
name = "one"
[module.part]
x = 1
[[module.list]]
y = 1
[[module.list]]
y = 2
[[module]]
name = "two"
[module.part]
x = 2
'''

EXPECTED = {
    ("data",): 2,
    ("limits",): 4,
    ("limits", "depth"): 5,
    ("limits", "quoted key"): 6,
    ("limits", "single"): 7,
    ("limits", "a"): 8,
    ("limits", "a", "b"): 8,
    ("limits", "a", "b", "c.d"): 8,
    ("host",): 10,
    ("host", "example.org"): 10,
    ("host", "example.org", "users"): 11,
    ("host", "example.org", "text"): 15,
    ("host", "example.org", "raw"): 19,
    ("host", "example.org", "after"): 22,
    ("host", "bücher.example"): 24,
    ("host", "bücher.example", "name"): 25,
    ("host", "bücher.example", "last"): 26,
    ("module",): 28,
    ("module", "0"): 28,
    ("module", "0", "name"): 29,
    ("module", "0", "part"): 30,
    ("module", "0", "part", "x"): 31,
    ("module", "0", "list"): 32,
    ("module", "0", "list", "0"): 32,
    ("module", "0", "list", "0", "y"): 33,
    ("module", "0", "list", "1"): 34,
    ("module", "0", "list", "1", "y"): 35,
    ("module", "1"): 36,
    ("module", "1", "name"): 37,
    ("module", "1", "part"): 38,
    ("module", "1", "part", "x"): 39,
}

keys = st.text(st.sampled_from("ab.\"'=#[] \u00fc\\"), min_size=1, max_size=4)
values = st.sampled_from(
    [
        "1",
        '"]"',
        "'#'",
        '"""\n[x]\n\\"""""',
        "'''\n='''",
        "[\n1, # ]\n'[',\n]",
        "{ x = 1 }",
        "[]",
    ]
)


def quoted(key: str) -> str:
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[tuple[str, ...], int]]:
    """A document of tables with distinct keys, and the lines its writer put them on."""
    text = ""
    lines: dict[tuple[str, ...], int] = {}
    for table in draw(st.lists(keys, unique=True, max_size=3)):
        text += draw(st.sampled_from(["", "\n", " # [c]\n"]))
        lines[(table,)] = text.count("\n") + 1
        text += f"[ {quoted(table)} ]\n"
        for key in draw(st.lists(keys, unique=True, max_size=3)):
            text += draw(st.sampled_from(["", "\n", "\t", "# x = 1\n"]))
            lines[(table, key)] = text.count("\n") + 1
            text += f"{quoted(key)} = {draw(values)}\n"
    return text, lines


class LineTests(SynchronousTestCase):
    """Every key is found on its line."""

    def test_a_file_with_everything(self) -> None:
        self.assertEqual(dict(line_numbers(TABLE)), EXPECTED)
        self.assertEqual(set(_paths(tomllib.loads(TABLE))) - set(EXPECTED), INLINE)

    def test_small_ones(self) -> None:
        table: list[tuple[str, dict[tuple[str, ...], int]]] = [
            ("", {}),
            ("# nothing", {}),
            ("\n\n\n", {}),
            ("a=1", {("a",): 1}),
            ("a=1\r\nb=2\r\n", {("a",): 1, ("b",): 2}),
            ('""=1', {("",): 1}),
            ("''=1", {("",): 1}),
            ('a=""""x"""""\nb=1', {("a",): 1, ("b",): 2}),
            ("a=''''x'''''\nb=1", {("a",): 1, ("b",): 2}),
            ('a=""\nb=\'\'\nc=""""""\nd=1', {("a",): 1, ("b",): 2, ("c",): 3, ("d",): 4}),
            ("[a]\n[a.b]\n[c.d]", {("a",): 1, ("a", "b"): 2, ("c",): 3, ("c", "d"): 3}),
        ]
        for text, expected in table:
            with self.subTest(text=text):
                self.assertEqual(dict(line_numbers(text)), expected)

    @settings(deadline=None, derandomize=True, database=None)
    @given(documents())
    def test_what_was_written_is_found(
        self, document: tuple[str, dict[tuple[str, ...], int]]
    ) -> None:
        text, lines = document
        tomllib.loads(text)
        self.assertEqual(dict(line_numbers(text)), lines)


INLINE = {("host", "example.org", "after", "x"), ("host", "example.org", "after", "y")}


def _paths(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every key and table in what tomllib returns."""
    pairs: Any = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        pairs = ((str(number), item) for number, item in enumerate(value))
    for key, item in pairs:
        yield (*path, key)
        yield from _paths(item, (*path, key))
