"""The control socket: where a running server takes commands from `xmppdctl`.

It is a Unix socket that only the server's own user and root may use; what is said on it stands in
`control_messages`.
"""

import os
import socket
import stat
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IListeningPort,
    IReactorTime,
    IReactorUNIX,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from xmppd.api.commands import Command, CommandError
from xmppd.service.control_messages import (
    LONGEST_REQUEST,
    read_request,
    with_help,
    with_progress,
    write_error,
    write_progress,
    write_result,
)

MOST_CLIENTS = 8
"""Connections at a time; a further one is told so and closed."""

IDLE_SECONDS = 60
"""How long a connection may be silent between requests."""

_STALE_SECONDS = 2.0
_UCRED = struct.Struct("3i")  # socket(7): pid, uid, gid


class ControlError(Exception):
    """The socket cannot be had; one plain sentence."""


def peer_user(transport: Any) -> int | None:
    """Return the user id of the process at the other end; None where the system does not tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    handle: socket.socket = transport.getHandle()
    _, user, _ = _UCRED.unpack(
        handle.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    )
    return cast(int, user)


class ControlProtocol(Protocol):
    """One client: its requests are answered one after the other.

    - `admit(transport)`: why the client is refused, "" if it is not.
    - `gone`: called when the connection has ended.
    """

    _log = Logger()

    def __init__(
        self,
        commands: Mapping[str, Command],
        clock: IReactorTime,
        admit: Callable[[Any], str],
        gone: Callable[[], None],
    ) -> None:
        self._commands = commands
        self._clock = clock
        self._admit = admit
        self._gone = gone
        self._received = b""
        self._busy = False
        self._lost = False
        self._silence: IDelayedCall | None = None

    @override
    def connectionMade(self) -> None:
        refusal = self._admit(self.transport)
        if refusal:
            self._hang_up(refusal)
        else:
            self._expect_request()

    @override
    def dataReceived(self, data: bytes) -> None:
        self._received += data
        if not self._busy:
            Deferred.fromCoroutine(self._serve())

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._lost = True
        self._received = b""
        self._stop_expecting()
        self._gone()

    def _expect_request(self) -> None:
        self._silence = self._clock.callLater(IDLE_SECONDS, self._hang_up, "no request came")

    def _stop_expecting(self) -> None:
        if self._silence is not None and self._silence.active():
            self._silence.cancel()

    def _hang_up(self, why: str) -> None:
        self._busy = True
        self._received = b""
        transport = _transport(self)
        transport.write(write_error(why))
        transport.loseConnection()

    async def _serve(self) -> None:
        """Answer all requests received so far; nothing is read meanwhile."""
        transport = _transport(self)
        self._busy = True
        self._stop_expecting()
        transport.pauseProducing()
        while (line := self._next_line()) is not None:
            transport.write(await self._answer(line))
        if len(self._received) >= LONGEST_REQUEST:
            self._hang_up(f"a request has at most {LONGEST_REQUEST} bytes")
        elif not self._lost:
            self._busy = False
            transport.resumeProducing()
            self._expect_request()

    def _next_line(self) -> bytes | None:
        line, newline, rest = self._received.partition(b"\n")
        if not newline or len(line) >= LONGEST_REQUEST:
            return None
        self._received = rest
        return line

    async def _answer(self, line: bytes) -> bytes:
        try:
            command, arguments = read_request(line, self._commands)
            given = with_progress(command, arguments, self._tell)
            return write_result(await maybeDeferred(command.run, **given))
        except CommandError as error:
            return write_error(str(error))
        except Exception:
            self._log.failure("a command failed")
            return write_error("the command failed; the log of the server says why")

    def _tell(self, line: str) -> None:
        """Show how far a command has got; ends it if nobody is there to see."""
        if self._lost:
            raise CommandError("whoever asked for the command has gone")
        _transport(self).write(write_progress(line))


def _transport(protocol: Protocol) -> Any:
    assert protocol.transport is not None  # only called while there is a connection
    return protocol.transport


class ControlFactory(Factory):
    """Lets in a few clients at a time, of our own user or root."""

    noisy = False

    @override
    def logPrefix(self) -> str:
        """Return what Twisted calls the socket in the log."""
        return "control socket"

    def __init__(
        self,
        commands: Sequence[Command],
        clock: IReactorTime,
        user_of: Callable[[Any], int | None] = peer_user,
    ) -> None:
        self._commands = with_help(commands)
        self._clock = clock
        self._user_of = user_of
        self._clients = 0

    @override
    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        self._clients += 1
        return ControlProtocol(self._commands, self._clock, self._admit, self._left)

    def _admit(self, transport: Any) -> str:
        if self._clients > MOST_CLIENTS:
            return "there are too many connections to the control socket"
        if self._user_of(transport) not in (None, 0, os.geteuid()):
            return "only the server's own user and root may use the control socket"
        return ""

    def _left(self) -> None:
        self._clients -= 1


def listen(reactor: IReactorUNIX, path: Path, factory: Factory) -> IListeningPort:
    """Listen on the socket `path`, in the place of one that nobody answers on.

    Raises `ControlError`.
    """
    _clear(path)
    try:
        return reactor.listenUNIX(str(path), factory, mode=0o600)
    except CannotListenError as error:
        raise ControlError(f"{path}: cannot be listened on ({error.socketError})") from None


def _clear(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ControlError(f"{path}: is there and is no socket; remove it")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_STALE_SECONDS)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError as error:
            raise ControlError(f"{path}: cannot be used ({error.strerror or error})") from None
    raise ControlError(f"{path}: another server answers there")
