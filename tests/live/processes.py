"""Processes in live tests: what they are started with, and waiting for what they say.

Nothing here sleeps: a process is waited for by what it writes, `PATIENCE` seconds at the longest.
"""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Generic, TypeVar

ROOT = Path(__file__).resolve().parents[2]

PATIENCE = 20.0
"""Seconds that anything may take before it counts as never."""

T = TypeVar("T")


def environment(**more: str) -> dict[str, str]:
    """Return what to start processes with: this checkout, and no configuration by variable."""
    inherited = {key: value for key, value in os.environ.items() if key != "XMPPD_CONFIG"}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return {**inherited, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **more}


class Heard(Generic[T]):
    """What a process says line by line, each kept until somebody takes it.

    - `read`: makes of a line what is kept; `name`: whose lines they are, for messages.
    """

    def __init__(self, stream: IO[str], read: Callable[[str], T], name: str) -> None:
        self._stream = stream
        self._read = read
        self._name = name
        self._waiting: list[T] = []
        self._all: list[T] = []
        self._ended = False
        self._changed = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with self._stream:
            for line in self._stream:
                self._add(self._read(line.rstrip("\n")))
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _add(self, said: T) -> None:
        with self._changed:
            self._waiting.append(said)
            self._all.append(said)
            self._changed.notify_all()

    def take(self, wanted: Callable[[T], bool], what: object) -> T:
        """Return, and forget, the first that is wanted.

        Raises AssertionError with everything said if it does not come.
        """
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while True:
                for place, said in enumerate(self._waiting):
                    if wanted(said):
                        return self._waiting.pop(place)
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    why = "it has ended" if self._ended else f"{PATIENCE} s have passed"
                    raise AssertionError(f"{self._name}: no {what}, {why}:\n{self._shown()}")
                self._changed.wait(left)

    def so_far(self) -> list[T]:
        """Return everything said until now."""
        with self._changed:
            return list(self._all)

    def to_the_end(self) -> list[T]:
        """Wait until nothing more can come and return everything said."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._ended, PATIENCE):
                raise AssertionError(f"{self._name}: goes on and on:\n{self._shown()}")
            return list(self._all)

    def _shown(self) -> str:
        return "\n".join(map(str, self._all))
