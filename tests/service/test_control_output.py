"""What xmppdctl prints."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from xmppd.service.control_output import as_json, as_table

ROWS = [
    {"address": "juliet@example.org", "disabled": False, "last_seen": None},
    {"address": "r\x1b[2Jo", "disabled": True, "last_seen": 1.25},
]
TABLE = """\
address             disabled  last seen
juliet@example.org  no        -
r\\x1b[2Jo           yes       1.2"""

RECORD = {"version": "1.0", "hosts": ["a", "b"], "states": {"not_bound": 1, "bound": 2}, "x": ""}
SHOWN = """\
version  1.0
hosts    a, b
states   not bound 1, bound 2
x"""


class OutputTests(SynchronousTestCase):
    """Tables for people, JSON for programs."""

    def test_tables(self) -> None:
        table: list[tuple[Any, str]] = [
            (ROWS, TABLE),
            (RECORD, SHOWN),
            ([], "(none)"),
            ({}, ""),
            ("done\x07", "done\\x07"),
            (None, "-"),
            (3, "3"),
            (["a", 1], "a\n1"),
            ([{"a": 1, "b": "x"}], "a  b\n1  x"),
        ]
        for result, expected in table:
            with self.subTest(result=result):
                self.assertEqual(as_table(result), expected)

    def test_json(self) -> None:
        self.assertEqual(json.loads(as_json(ROWS)), ROWS)
        self.assertNotIn("\x1b", as_json(ROWS))
