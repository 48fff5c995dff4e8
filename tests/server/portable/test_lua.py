"""Reading Prosody's files: what it writes, what it does not, how deep and odd it may be."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.server.portable.houses import PROSODY
from xmppd.server.portable.lua import (
    MAX_DEPTH,
    Flag,
    LuaError,
    Value,
    raw,
    read_items,
    read_return,
)

INFINITY = float("inf")

READ: list[tuple[str, Value]] = [
    ("{}", {}),
    ("{ }", {}),
    ('"x"', "x"),
    ("'x\"'", 'x"'),
    (r'"\195\188"', "ü"),
    (r'"a\\\"\'\a\b\f\n\r\t\v"', "a\\\"'\a\b\f\n\r\t\v"),
    ('"a\\\nb"', "a\nb"),
    (r'"\x41\0065"', "A\x065"),
    ("true", True),
    ("false", False),
    ("nil", None),
    ("12", 12),
    ("-12", -12),
    ("1.5", 1.5),
    ("1e3", 1000.0),
    ("-2.5e-1", -0.25),
    ("0x1F", 31),
    ("(1/0)", INFINITY),
    ("(-1/0)", -INFINITY),
    ('{"a";"b",3}', {1: "a", 2: "b", 3: 3}),
    ('{["k"]=1;k2=2;[3]="x";[1.5]=4}', {"k": 1, "k2": 2, 3: "x", 1.5: 4}),
    ("{[false]=1;[true]=2;0}", {Flag.FALSE: 1, Flag.TRUE: 2, 1: 0}),
    ("{[0]=1;[false]=2}", {0: 1, Flag.FALSE: 2}),
    ("{a=nil;nil;2}", {2: 2}),
    ("{{{}}}", {1: {1: {}}}),
    ("{true}", {1: True}),
]

REFUSED = [
    "",
    "{",
    "}",
    "{1 2}",
    '"',
    '"\n"',
    r'"\q"',
    r'"\256"',
    "{[nil]=1}",
    "{[{}]=1}",
    "{[(0/0)]=1}",
    "{[1]2}",
    "{a 1}",
    "{a=}",
    "os.exit()",
    "function() end",
    '"a".."b"',
    "1+1",
    "{} {}",
    "-- a comment\n{}",
    "[[long]]",
    "(1/2)",
    "return",
    "1" * 30,
]


class ReadingTests(SynchronousTestCase):
    """Single values."""

    def test_what_is_read(self) -> None:
        for text, value in READ:
            with self.subTest(text=text):
                found = read_return(f"return {text};\n".encode())
                self.assertEqual((found, type(found)), (value, type(value)))
                self.assertEqual(read_return(f"return {text}".encode()), value)

    def test_what_is_refused(self) -> None:
        for text in REFUSED:
            with self.subTest(text=text):
                self.assertRaises(LuaError, read_return, f"return {text};".encode())

    def test_errors_tell_the_place_and_not_the_content(self) -> None:
        error = self.assertRaises(LuaError, read_return, b'return {["password"]="secret" oops};')
        self.assertEqual(str(error), "a table goes wrong at byte 30")

    def test_not_a_number(self) -> None:
        found = read_return(b"return (0/0)")
        self.assertNotEqual(found, found)

    def test_bytes_that_are_no_text(self) -> None:
        found = read_return(rb'return "\255\000\195"')
        assert isinstance(found, str)
        self.assertEqual(raw(found), b"\xff\x00\xc3")

    def test_items(self) -> None:
        self.assertEqual(read_items(b'item({1;});\nitem("x");\n'), [{1: 1}, "x"])
        self.assertEqual(read_items(b""), [])
        for text in (b"item(1", b"item{1}", b"return 1", b"item(1))"):
            self.assertRaises(LuaError, read_items, text)

    def test_depth(self) -> None:
        deep = b"return " + b"{" * MAX_DEPTH + b"}" * MAX_DEPTH
        found = read_return(deep)
        self.assertIsInstance(found, dict)
        for count in (MAX_DEPTH + 2, 1_000_000):
            self.assertRaises(LuaError, read_return, b"return " + b"{" * count)

    def test_what_prosody_wrote(self) -> None:
        files = [path for path in PROSODY.rglob("*.*") if path.is_file()]
        self.assertEqual(len(files), 10)
        for path in files:
            read = read_items if path.suffix == ".list" else read_return
            self.assertTrue(read(path.read_bytes()), path)


TEXTS = st.binary(max_size=20).map(lambda data: data.decode("utf-8", "surrogateescape"))
KEYS = st.one_of(TEXTS, st.integers(10, 2**53), st.sampled_from(Flag))
VALUES: st.SearchStrategy[Value] = st.recursive(
    st.one_of(
        TEXTS,
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    lambda inner: st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


def written(value: Value) -> str:
    """Write a value as util.serialization does."""
    if isinstance(value, str):
        return '"' + "".join(f"\\{byte:03d}" for byte in raw(value)) + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        pairs = (
            f"\t[{written(key.value if isinstance(key, Flag) else key)}] = {written(each)};\n"
            for key, each in value.items()
        )
        return "{\n" + "".join(pairs) + "}"
    return f"{value:.18g}" if isinstance(value, float) else f"{value:d}"


class PropertyTests(SynchronousTestCase):
    """Any values, any bytes."""

    @settings(deadline=None, derandomize=True, database=None)
    @given(VALUES)
    def test_what_is_written_is_read(self, value: Value) -> None:
        self.assertEqual(read_return(f"return {written(value)};\n".encode()), value)

    @settings(deadline=None, derandomize=True, database=None, max_examples=300)
    @given(st.text("{}[]=;,\"'\\ nreturi10tm().-/x\n\u00ff", max_size=40))
    def test_nothing_else_is_raised(self, text: str) -> None:
        for read in (read_return, read_items):
            try:
                read(text.encode("latin-1"))
            except LuaError as error:
                self.assertLess(len(str(error)), 100)
