"""The client's end of the control socket, blocking: `xmppdctl` has nothing else to do."""

import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from xmppd.service.control_messages import (
    CommandInfo,
    read_answer,
    read_progress,
    write_request,
)

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 600.0
"""How long to wait for the next line of an answer."""

LONGEST_ANSWER = 64 * 1024 * 1024


class NotRunning(Exception):
    """No server answers; one plain sentence."""


def _tell_nobody(line: str) -> None:
    """Show nothing."""


class RunningServer:
    """A server that listens on the first of those paths on which anybody does.

    `tell` gets lines about how far commands have got.
    """

    def __init__(self, paths: Sequence[Path], tell: Callable[[str], object] = _tell_nobody) -> None:
        self._paths = paths
        self._tell = tell

    def described(self) -> list[CommandInfo]:
        """Describe the commands there are. Raises `NotRunning`."""
        return [CommandInfo.read(row) for row in self.run("commands", {})]

    def run(self, command: str, arguments: Mapping[str, Any]) -> Any:
        """Have a command run and return its result as plain data.

        Raises `CommandError` with what the server says, `NotRunning` if there is no answer.
        """
        with self._connect() as connection:
            try:
                connection.settimeout(ANSWER_SECONDS)
                connection.sendall(write_request(command, arguments))
                with connection.makefile("rb") as answers:
                    line = self._answer(answers)
            except OSError as error:
                raise NotRunning(f"the server does not answer ({error})") from None
        if not line.endswith(b"\n"):
            raise NotRunning("the server hung up without an answer")
        return read_answer(line)

    def _answer(self, lines: BinaryIO) -> bytes:
        """Return the answer, or what there is of it; lines about progress come before it."""
        while (line := lines.readline(LONGEST_ANSWER)).endswith(b"\n"):
            text = read_progress(line)
            if text is None:
                return line
            self._tell(text)
        return line

    def _connect(self) -> socket.socket:
        for path in self._paths:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(CONNECT_SECONDS)
            try:
                connection.connect(str(path))
            except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
                connection.close()
            except OSError as error:
                connection.close()
                raise NotRunning(f"{path}: cannot be reached ({error.strerror or error})") from None
            else:
                return connection
        raise NotRunning("the server is not running")
