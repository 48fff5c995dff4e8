"""The server as a Twisted service: in which order things come up and go down.

twistd calls `privilegedStartService` before it drops privileges and `startService` after that; both
block, and what they raise stops the start (see `faults`). `stopService` is called before the
reactor stops, and its Deferred is waited for.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import CancelledError, Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.logger import Logger
from typing_extensions import override

import xmppd
from xmppd.server.assemble import Reloaded, Server
from xmppd.service import control
from xmppd.service.commands import all_commands
from xmppd.service.listening import listen
from xmppd.service.lock import DataLock
from xmppd.service.notify import Notifier


def _nothing() -> None:
    """Do nothing."""


def _nothing_unused() -> tuple[str, ...]:
    """Return nothing."""
    return ()


class XmppService(MultiService):
    """Runs a server with its ports, its lock and its control socket.

    - `control_path()`: where to put the control socket.
    - `reopen_log`: called at each reload; may raise OSError.
    - `unused()`: sentences on settings that have changed but are not used before a restart.

    Services added to it are started and stopped with it. Raises `RegistrationError`.
    """

    _log = Logger()

    def __init__(
        self,
        server: Server,
        reactor: Any,
        control_path: Callable[[], Path],
        notifier: Notifier,
        reopen_log: Callable[[], None] = _nothing,
        unused: Callable[[], tuple[str, ...]] = _nothing_unused,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # untyped in Twisted
        self._server = server
        self._reactor = reactor
        self._control_path = control_path
        self._notifier = notifier
        self._reopen_log = reopen_log
        self._unused = unused
        self._lock = DataLock(server.config.lock_file)
        # The ports are ours already, so there is no trouble with them.
        self._commands = all_commands(server, self.reload, lambda address, port: "")
        self._ports: list[IListeningPort] = []
        self._prepared = False

    @override
    def privilegedStartService(self) -> None:
        """Lock the data, for development certificates are among them; bind ports."""
        super().privilegedStartService()  # type: ignore[no-untyped-call]  # untyped in Twisted
        self._lock.acquire()
        try:
            self._server.load_certificates()
            self._ports = listen(self._reactor, self._server.ports())
        except BaseException:
            self._lock.release()
            raise
        self._prepared = True

    @override
    def startService(self) -> None:
        """Open the data, take commands, begin to work."""
        if not self._prepared:  # nobody has privileges to drop
            self.privilegedStartService()
        self._server.open_storage()
        commands = control.ControlFactory(self._commands, self._reactor)
        self._ports.append(control.listen(self._reactor, self._control_path(), commands))
        self._server.start()
        super().startService()  # type: ignore[no-untyped-call]  # untyped in Twisted
        # Not before: until the reactor runs, a signal to stop would just kill the process.
        self._reactor.callWhenRunning(self._ready)

    @override
    def stopService(self) -> "Deferred[None]":
        """End everything within the configured seconds."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        seconds = self._server.config.shutdown_seconds
        self._notifier.stopping()
        stopping: list[Deferred[Any]] = [
            *(maybeDeferred(port.stopListening) for port in self._ports),
            maybeDeferred(super().stopService),
            self._server.stop(),
        ]
        everything = DeferredList(stopping, consumeErrors=True)
        for succeeded, outcome in await everything.addTimeout(seconds, self._reactor):
            if not succeeded and isinstance(outcome.value, CancelledError):
                self._log.error("something had not stopped after {seconds} s", seconds=seconds)
            elif not succeeded:
                self._log.failure("stopping was not clean", outcome)
        self._lock.release()

    def reload(self) -> Reloaded:
        """Read the certificates again and open the log anew; what fails leaves all as it was."""
        self._notifier.reloading()
        try:
            self._reopen_log()
        except OSError as error:
            self._log.error("the log cannot be opened anew: {error}", error=error)
        reloaded = replace(self._server.reload(), notes=self._unused())
        if not reloaded.errors:  # which are in the log
            self._log.info("reloaded: {hosts}", hosts=", ".join(reloaded.hosts))
        for note in reloaded.notes:
            self._log.warn("{note}", note=note)
        self._notifier.ready()
        return reloaded

    def _ready(self) -> None:
        """Say that the server can be used, unless it has been stopped meanwhile."""
        if self.running:
            self._tell()
            self._notifier.ready()

    def _tell(self) -> None:
        config = self._server.config
        self._log.info(
            "xmppd {version} serves {hosts}; its data are in {data}",
            version=xmppd.__version__,
            hosts=", ".join(host.name for host in config.hosts),
            data=config.data,
        )
        for port in self._ports:
            self._log.info("listening on {address}", address=_shown(port.getHost()))
        for trouble in self._server.inventory.troubles:
            self._log.warn("{trouble}", trouble=trouble)


def _shown(address: IAddress) -> str:
    if isinstance(address, UNIXAddress):
        return os.fsdecode(address.name or b"")
    assert isinstance(address, IPv4Address | IPv6Address)  # there are no other ports
    return f"{address.host} port {address.port}"
