"""Values as Prosody writes them into files: Lua table constructors (util.serialization).

Nothing is evaluated. What the files hold is read: strings, numbers, booleans, nil and tables of
them; anything else of Lua is refused.
"""

import re
from enum import Enum
from typing import NamedTuple, Union

MAX_DEPTH = 200
"""How deep tables may be nested; Prosody writes at most 127."""


class Flag(Enum):
    """A boolean as a key, which a dict of Python would take for a number."""

    FALSE = False
    TRUE = True


Key = str | int | float | Flag
Value = Union[str, int, float, bool, None, "Table"]
Table = dict[Key, Value]
"""A table; its unnamed values have the keys 1, 2, 3 and so on.

Strings are text where they are UTF-8; other bytes become surrogates, see `raw`.
"""


class LuaError(ValueError):
    """The text is not what is read here; tells the position, never the content."""


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


_TOKENS = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<string>"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+')
      | (?P<number>-?(?:0[xX][0-9A-Fa-f]{1,16}
          |[0-9]{1,20}(?:\.[0-9]{0,25})?(?:[eE][+-]?[0-9]{1,4})?))
      | (?P<special>\(-?[01]/0\))
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<mark>[][{}=,;()])
      | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:([0-9]{1,3})|x([0-9A-Fa-f]{2})|(\r?\n)|(.))", re.DOTALL)
_LETTERS = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
    "'": "'",
}
_WORDS: dict[str, Value] = {"true": True, "false": False, "nil": None}
_INFINITY = {"(1/0)": float("inf"), "(-1/0)": float("-inf")}


def read_return(data: bytes) -> Value:
    """Return the value of a file that says `return VALUE;`. Raises `LuaError`."""
    reader = _Reader(data)
    reader.expect("name", "return")
    value = reader.value(0)
    reader.skip(";")
    reader.expect("end")
    return value


def read_items(data: bytes) -> list[Value]:
    """Return the values of a file that says `item(VALUE);` any number of times.

    Raises `LuaError`.
    """
    reader = _Reader(data)
    values = []
    while reader.token.kind != "end":
        reader.expect("name", "item")
        reader.expect("mark", "(")
        values.append(reader.value(0))
        reader.expect("mark", ")")
        reader.skip(";")
    return values


def raw(text: str) -> bytes:
    """Return the bytes a string stands for."""
    return text.encode("utf-8", "surrogateescape")


class _Reader:
    """Reads one value after the other, a token ahead."""

    def __init__(self, data: bytes) -> None:
        # Each byte is a character until the escapes are gone: they name bytes.
        self._text = data.decode("latin-1")
        self._at = 0
        self.token = self._next()

    def _next(self) -> _Token:
        match = _TOKENS.match(self._text, self._at)
        if match is None:
            raise LuaError(f"nothing that is expected here, at byte {self._at}")
        self._at = match.end()
        kind = match.lastgroup
        assert kind is not None  # one of the groups has matched
        return _Token(kind, match[kind], match.start(kind))

    def take(self) -> _Token:
        """Return this token and go to the next."""
        token = self.token
        self.token = self._next()
        return token

    def expect(self, kind: str, text: str = "") -> None:
        """Go on if this token is what it has to be."""
        if self.token.kind != kind or (text and self.token.text != text):
            raise LuaError(f"{text or kind!r} is missing at byte {self.token.at}")
        if kind != "end":
            self.take()

    def skip(self, *marks: str) -> bool:
        """Go on if this token is one of those marks; tell whether it was."""
        if self.token.kind != "mark" or self.token.text not in marks:
            return False
        self.take()
        return True

    def value(self, depth: int) -> Value:
        """Read a value."""
        if depth > MAX_DEPTH:
            raise LuaError(f"tables are nested deeper than {MAX_DEPTH}")
        token = self.take()
        match token.kind:
            case "string":
                return _string(token)
            case "number":
                return _number(token.text)
            case "special":
                return _INFINITY.get(token.text, float("nan"))
            case "name" if token.text in _WORDS:
                return _WORDS[token.text]
            case "mark" if token.text == "{":
                return self._table(depth)
        raise LuaError(f"no value at byte {token.at}")

    def _table(self, depth: int) -> Table:
        table: Table = {}
        count = 0
        while not self.skip("}"):
            key = self._key(depth)
            if key is None:
                count += 1
                key = count
            value = self.value(depth + 1)
            if value is not None:
                table[key] = value
            if not self.skip(",", ";") and self.token.text != "}":
                raise LuaError(f"a table goes wrong at byte {self.token.at}")
        return table

    def _key(self, depth: int) -> Key | None:
        """Read a key and the sign behind it; None if the value has none."""
        if self.token.kind == "name" and self.token.text not in _WORDS:
            key: Key = self.take().text
            self.expect("mark", "=")
            return key
        if not self.skip("["):
            return None
        at = self.token.at
        value = self.value(depth + 1)
        self.expect("mark", "]")
        self.expect("mark", "=")
        if isinstance(value, bool):
            return Flag(value)
        if value is None or isinstance(value, dict) or value != value:
            raise LuaError(f"no key at byte {at}")
        return value


def _number(text: str) -> int | float:
    if "x" in text.lower():
        return int(text, 16)
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _string(token: _Token) -> str:
    def escaped(match: re.Match[str]) -> str:
        decimal, hexadecimal, newline, letter = match.groups()
        if newline:
            return "\n"
        code = int(decimal) if decimal else int(hexadecimal, 16) if hexadecimal else -1
        if letter in _LETTERS:
            return _LETTERS[letter]
        if not 0 <= code <= 255:
            raise LuaError(f"an unknown escape in the string at byte {token.at}")
        return chr(code)

    text = _ESCAPE.sub(escaped, token.text[1:-1]) if "\\" in token.text else token.text[1:-1]
    return text.encode("latin-1").decode("utf-8", "surrogateescape")
