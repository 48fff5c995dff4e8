"""A command at a terminal, with somebody who answers what it asks."""

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tests.live.processes import PATIENCE, environment

# A process apart, as forking is no good idea in one with threads.
_AT_A_TERMINAL = """
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
"""


class Prompted:
    """A command whose input and output are one terminal, as for whoever types it."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _AT_A_TERMINAL, *command],
            cwd=folder,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._shown = b""
        self._seen = 0
        self._ended = False
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            while data := output.read1():  # type: ignore[attr-defined]  # typed as IO, is buffered
                with self._changed:
                    self._shown += data
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def expect(self, text: str) -> None:
        """Wait until that stands on the terminal. Raises AssertionError if it does not come."""
        wanted = text.encode()
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while (place := self._shown.find(wanted, self._seen)) < 0:
                if self._ended or not self._changed.wait(deadline - time.monotonic()):
                    raise AssertionError(f"no {text!r}: {self._shown!r}")
            self._seen = place + len(wanted)

    def answer(self, prompt: str, text: str) -> None:
        """Wait until it asks, and type a line. Raises AssertionError if it does not ask."""
        self.expect(prompt)
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode() + b"\n")
        self._process.stdin.flush()

    def hang_up(self) -> None:
        """Close the terminal; whatever runs there gets SIGHUP from the system."""
        self._process.kill()

    def end(self) -> tuple[int, str]:
        """Wait for its end; return its exit status and everything that stood on the terminal."""
        try:
            status = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise AssertionError(f"does not end: {self._shown!r}") from None
        with self._changed:
            self._changed.wait_for(lambda: self._ended, PATIENCE)
            assert self._process.stdin is not None
            self._process.stdin.close()
            return status, self._shown.decode().replace("\r\n", "\n")
