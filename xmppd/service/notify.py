"""Tells systemd how starting, reloading and stopping go (sd_notify(3)); elsewhere nothing."""

import socket
from collections.abc import Mapping

from twisted.logger import Logger


class Notifier:
    """Sends states to the socket that `environ` names, if any."""

    _log = Logger()

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._path = environ.get("NOTIFY_SOCKET", "")

    def ready(self) -> None:
        """Say that the server can be used."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Say that files are being read again; `ready` is to follow."""
        self._send("RELOADING=1")

    def stopping(self) -> None:
        """Say that the server is going down."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if not self._path:
            return
        # An @ stands for the null byte of Linux's abstract namespace.
        address = f"\0{self._path[1:]}" if self._path.startswith("@") else self._path
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
                sender.sendto(state.encode(), address)
        except OSError as error:
            self._log.warn("systemd could not be told {state}: {error}", state=state, error=error)
