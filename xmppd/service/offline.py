"""Commands on the data alone, while no server runs."""

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from xmppd.api.commands import Command, CommandError
from xmppd.api.storage import StorageError
from xmppd.server.assemble import Reloaded, Server
from xmppd.server.stores import database_file
from xmppd.service.commands import all_commands
from xmppd.service.control_connection import NotRunning
from xmppd.service.control_messages import CommandInfo, check_arguments, plain, with_progress
from xmppd.service.listening import port_trouble
from xmppd.service.lock import DataLock, DataUnusable
from xmppd.service.owner import become_owner


def _tell_nobody(sentence: str) -> None:
    """Say nothing."""


class StoppedServer:
    """A server that was put together and does not run: its data, its commands.

    `reactor` runs while a command does, which can be once. `why` tells those who want more than the
    data why they cannot have it. With `only_old_data`, no data directory is made where there is
    none: whoever named no configuration may be in another directory than the server was started in,
    and an account made there would be of no use. `tell` gets lines about how far a command has got
    and, at its end, a sentence about the data it has worked on; errors end with that. Raises
    `RegistrationError`.
    """

    def __init__(
        self,
        server: Server,
        reactor: Any,
        why: str,
        only_old_data: bool = False,
        tell: Callable[[str], object] = _tell_nobody,
    ) -> None:
        self._server = server
        self._reactor = reactor
        self._why = why
        self._only_old_data = only_old_data
        self._tell = tell
        self._commands = {
            command.name: command for command in all_commands(server, _cannot_reload, port_trouble)
        }

    def described(self) -> list[CommandInfo]:
        """Describe all commands, also those that need a running server."""
        return [CommandInfo.of(command) for command in self._commands.values()]

    def run(self, command: str, arguments: Mapping[str, Any]) -> Any:
        """Run a command that works offline and return its result as plain data.

        Nobody else works with the data meanwhile, and root does so as their owner. Raises
        `CommandError`, `DataUnusable`, `NotRunning` for commands that need the server.
        """
        wanted = self._commands[command]
        if not wanted.offline:
            raise NotRunning(self._why)
        data = self._server.config.data
        if wanted.opens_data and self._only_old_data and not data.exists():
            raise NotRunning(
                f"no server has run here, there is no {data}; go where it was started, or name its "
                "configuration (--config FILE)"
            )
        become_owner(data)
        outcome: list[Any] = []
        begun: list[Deferred[Any]] = []

        def begin() -> None:
            running = Deferred.fromCoroutine(self.work(wanted, arguments))
            begun.append(running)
            running.addBoth(outcome.append)
            running.addBoth(lambda _: self._reactor.stop())

        self._reactor.callWhenRunning(begin)
        self._reactor.run()
        if not outcome:
            for running in begun:
                running.cancel()  # it cleans up: nothing half done is left behind
            raise KeyboardInterrupt
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        return outcome[0]

    async def work(self, command: Command, arguments: Mapping[str, Any]) -> Any:
        """Run the command between opening and closing the data, if it wants them open."""
        checked = check_arguments(command, arguments)
        given = with_progress(command, checked, self._tell)
        if not command.opens_data:
            return plain(await maybeDeferred(command.run, **given))
        new = self._new_data()
        try:
            with DataLock(self._server.config.lock_file):
                self._server.open_storage()
                try:
                    result = plain(await maybeDeferred(command.run, **given))
                except CommandError as error:
                    raise CommandError(f"{error} ({self._about_data(new)})") from None
                finally:
                    await self._server.storage.stop()
        except (DataUnusable, StorageError) as error:
            raise CommandError(str(error)) from None
        self._tell(self._about_data(new))
        return result

    def _new_data(self) -> bool:
        config = self._server.config
        database = database_file(config)
        return not (config.data if database is None else database).exists()

    def _about_data(self, new: bool) -> str:
        """Say what was worked on, so that nobody takes another server's data for these."""
        config = self._server.config
        place = database_file(config) or config.data
        if not new:
            return f"no server is running; worked on {place}"
        return (
            f"WARNING: no server is running, and there were no data: {place} is NEW; if you meant "
            "a server that has run before, name its configuration (--config FILE)"
        )


def _cannot_reload() -> Reloaded:
    raise CommandError("the server is not running")
