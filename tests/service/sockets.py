"""What the tests of the control socket share: short paths, commands, a client on another thread."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.commands import Argument, Command, CommandError


def short_directory(test: SynchronousTestCase) -> Path:
    """A private directory whose path leaves room for the name of a socket."""
    folder = Path(tempfile.mkdtemp(prefix="xmppd-", dir="/tmp"))
    test.addCleanup(shutil.rmtree, folder, ignore_errors=True)
    return folder


@dataclass(frozen=True, slots=True)
class Echo:
    """What the command `echo` returns."""

    text: str
    times: int
    scale: float
    loud: bool


class Commands:
    """A few commands; `waiting` is what `wait` waits for."""

    def __init__(self) -> None:
        self.waiting: Deferred[str] = Deferred()
        self.secrets: list[str] = []

    def all(self) -> tuple[Command, ...]:
        return (
            Command(
                "echo",
                "Say it again.",
                Echo,
                Echo,
                (
                    Argument("text", "what to say"),
                    Argument("times", "how often", int, False, 1),
                    Argument("scale", "how tall", float, False, 1.0),
                    Argument("loud", "whether to shout", bool, False, False),
                ),
            ),
            Command("secret keep", "Keep a secret.", self.keep, str, (SECRET,), offline=True),
            Command("wait", "Wait.", lambda: self.waiting, str),
            Command("refuse", "Refuse.", self.refuse, str),
            Command("break", "Break.", self.fail, str),
        )

    def keep(self, secret: str) -> str:
        self.secrets.append(secret)
        return "kept"

    def refuse(self) -> str:
        raise CommandError("it will not be done")

    async def fail(self) -> str:
        raise RuntimeError("hunter2")


SECRET = Argument("secret", "what nobody may see", secret=True)

Call = Callable[[], Any]
