"""The client's end of the control socket, blocking: `xmppdctl` has nothing else to do."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xmppd.service.control_messages import CommandInfo, read_answer, write_request

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 600.0
LONGEST_ANSWER = 64 * 1024 * 1024


class NotRunning(Exception):
    """No server answers; one plain sentence."""


class RunningServer:
    """A server that listens on the first of those paths on which anybody does."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

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
                    line = answers.readline(LONGEST_ANSWER)
            except OSError as error:
                raise NotRunning(f"the server does not answer ({error})") from None
        if not line.endswith(b"\n"):
            raise NotRunning("the server hung up without an answer")
        return read_answer(line)

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
