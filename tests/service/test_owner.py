"""Whom root becomes before it touches a server's data."""

import os
import pwd
from pathlib import Path
from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from xmppd.service.lock import DataUnusable
from xmppd.service.owner import become_owner

NAMED, NAMELESS = 1000, 1001


class OwnerTests(SynchronousTestCase):
    """Calls to the system, noted instead of made."""

    def setUp(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.data = Path(self.mktemp())
        self.data.mkdir()
        for name in ("setgid", "setuid", "setgroups", "initgroups"):
            self.patch(os, name, lambda *values, name=name: self.calls.append((name, *values)))
        self.patch(pwd, "getpwuid", {NAMED: SimpleNamespace(pw_name="xmppd")}.__getitem__)

    def owned(self, user: int, process: int = 0) -> list[tuple[object, ...]]:
        self.calls.clear()
        self.patch(os, "geteuid", lambda: process)
        self.patch(
            Path, "stat", lambda path, **_: SimpleNamespace(st_uid=user, st_gid=7, st_mode=0)
        )
        become_owner(self.data)
        return self.calls

    def test_table(self) -> None:
        table: list[tuple[int, int, list[tuple[object, ...]]]] = [
            (0, 0, []),
            (NAMED, NAMED, []),
            (0, NAMED, []),
            (NAMED, 0, [("initgroups", "xmppd", 7), ("setgid", 7), ("setuid", NAMED)]),
            (NAMELESS, 0, [("setgroups", [7]), ("setgid", 7), ("setuid", NAMELESS)]),
        ]
        for user, process, expected in table:
            with self.subTest(user=user, process=process):
                self.assertEqual(self.owned(user, process), expected)

    def test_data_that_are_not_there(self) -> None:
        self.patch(os, "geteuid", lambda: 0)
        become_owner(self.data / "missing")
        self.assertEqual(self.calls, [])

    def test_when_it_is_not_allowed(self) -> None:
        def refuse(group: int) -> None:
            raise PermissionError(1, "Operation not permitted")

        self.patch(os, "setgid", refuse)
        error = self.assertRaises(DataUnusable, self.owned, NAMED)
        self.assertEqual(
            str(error), f"{self.data}: cannot become its owner (Operation not permitted)"
        )
        self.assertNotIn(("setuid", NAMED), self.calls)
