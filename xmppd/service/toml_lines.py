"""Where in a TOML file each key stands (TOML 1.0): what `tomllib` reads but does not tell.

The text must be one that `tomllib` has accepted: what is wrong with it is not looked for here.
"""

import re
import tomllib
from collections.abc import Mapping

Key = tuple[str, ...]

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_PART = re.compile(r"""[ \t]*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([\w-]+))[ \t]*""", re.ASCII)
# What a value may consist of, the longest first: strings hide brackets, newlines and hashes.
_PIECE = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}\n]"
    r"""|[^\[\]{}\n"'#]+""",
    re.DOTALL,
)


def line_numbers(text: str) -> Mapping[Key, int]:
    """Return the line (from 1) of every table and key by its path.

    Elements of arrays of tables are counted in the path: ("host", "0", "name"). What stands in
    braces or brackets has no entry: its key's line is where the value begins.
    """
    return _Scanner(text).lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._table: Key = ()
        self._elements: dict[Key, int] = {}
        self.lines: dict[Key, int] = {}
        self._skip()
        while self._at < len(text):
            self._statement()
            self._skip()

    def _statement(self) -> None:
        line = self._text.count("\n", 0, self._at) + 1
        if not self._text.startswith("[", self._at):
            self._note((*self._table, *self._key()), line)
            self._at += len("=")
            self._value()
            return
        brackets = 2 if self._text.startswith("[[", self._at) else 1
        self._at += brackets
        self._table = self._resolve(self._key(), brackets == 2)
        self._at += brackets
        self._note(self._table, line)

    def _note(self, key: Key, line: int) -> None:
        # A table exists from where it is first mentioned: [a.b] makes a, c.d = 1 makes c.
        for length in range(1, len(key) + 1):
            self.lines.setdefault(key[:length], line)

    def _resolve(self, key: Key, element: bool) -> Key:
        """Put the numbers of elements into a header's key: [host.tls] is in the latest [[host]]."""
        path: Key = ()
        for place, part in enumerate(key, 1):
            path = (*path, part)
            if element and place == len(key):
                self._elements[path] = self._elements.get(path, -1) + 1
            if path in self._elements:
                path = (*path, str(self._elements[path]))
        return path

    def _key(self) -> Key:
        parts = []
        while True:
            part = _PART.match(self._text, self._at)
            assert part is not None  # tomllib has read it
            basic, literal, bare = part.groups()
            parts.append(_unescape(basic) if basic is not None else literal or bare or "")
            self._at = part.end()
            if not self._text.startswith(".", self._at):
                return tuple(parts)
            self._at += 1

    def _value(self) -> None:
        depth = 0
        while self._at < len(self._text):
            piece = _PIECE.match(self._text, self._at)
            assert piece is not None  # tomllib has read it
            if piece.group() == "\n" and depth == 0:
                return
            depth += (piece.group() in "[{") - (piece.group() in "]}")
            self._at = piece.end()

    def _skip(self) -> None:
        space = _SPACE.match(self._text, self._at)
        assert space is not None  # it matches nothing, too
        self._at = space.end()


def _unescape(basic: str) -> str:
    text: str = tomllib.loads(f'key = "{basic}"')["key"]
    return text
