"""A process that appends to an archive and writes a line for each ticket: issued, then settled.

Run as `python -m tests.live.storage_child FILE COUNT WINDOW [careless]`: COUNT entries in all, up
to WINDOW of them unsettled, one in each reactor turn. A careless one commits without syncing,
which whoever watches should notice.
"""

import os
import sqlite3
import sys
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor as the_reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from xmppd.api.storage import Archive, Ticket
from xmppd.storage.sqlite import SqliteStorage


def say(word: str, number: int) -> None:
    """Mark the moment: one system call, no buffer in between."""
    os.write(1, f"{word} {number}\n".encode())


class Child:
    """Keeps WINDOW appends going until COUNT are settled."""

    def __init__(self, reactor: Any, path: Path, count: int, window: int) -> None:
        self.reactor = reactor
        self.count = count
        self.window = window
        self.appended = 0
        self.connections: list[sqlite3.Connection] = []
        self.done: Deferred[None] = Deferred()
        self.storage = SqliteStorage(
            path, reactor, reactor.callFromThread, str, connect=self.connect
        )

    def connect(self, *args: Any, **kwargs: Any) -> sqlite3.Connection:
        self.connections.append(sqlite3.connect(*args, **kwargs))
        return self.connections[-1]

    def run(self, careless: bool) -> Deferred[None]:
        self.storage.start()
        if careless:
            self.connections[0].execute("PRAGMA synchronous = OFF")
        self.archive = self.storage.host("example.com").open("mam", Archive)
        self.storage.tickets.watch(self.settled)
        self.append()
        return self.done.addCallback(lambda _: self.storage.stop())

    def append(self) -> None:
        """Append one entry and see to the next."""
        if self.appended == self.count:
            return
        self.appended += 1
        say("issued", self.appended)
        entry = self.archive.append("juliet", b"x" * 300, when=1.0, id=str(self.appended))
        if entry.ticket - self.storage.tickets.settled < self.window:
            self.reactor.callLater(0, self.append)

    def settled(self, ticket: Ticket, failed: range) -> None:
        if failed:
            raise SystemExit("a commit failed")
        say("settled", ticket)
        if ticket == self.count:
            self.done.callback(None)
        else:
            self.append()


def main(reactor: Any, file: str, count: str, window: str, *careless: str) -> Deferred[None]:
    return Child(reactor, Path(file), int(count), int(window)).run(bool(careless))


if __name__ == "__main__":
    react(main, sys.argv[1:], cast("Any", the_reactor))
