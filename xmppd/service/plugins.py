"""Looks for what a configuration can name: our own makers by import, others' as Twisted plugins.

`twisted.plugin.getPlugins` only logs what goes wrong, so we listen to the log while it looks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from twisted.cred.strcred import ICheckerFactory
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.plugin import getPlugins
from zope.interface import implementer

from twisted import plugins
from twisted.plugins import xmppd_builtin
from xmppd.makers import IMaker
from xmppd.server.inventory import Inventory


def discover(package: ModuleType = plugins) -> Inventory:
    """Return all makers: shipped ones first, then those in plugin files of `package`.

    Raises `xmppd.makers.MakerError` if two have one name. Files that cannot be imported are named
    in the inventory's `troubles`; whether that matters depends on what is asked for.
    """
    with _errors() as errors:
        found = list(getPlugins(IMaker, package))
        user_stores = [factory.authType for factory in getPlugins(ICheckerFactory, package)]
    shipped = vars(xmppd_builtin).values()
    return Inventory.of(
        chain(shipped, found),
        user_stores=sorted(set(user_stores)),
        troubles=sorted({_trouble(error, package) for error in errors}),
    )


@contextmanager
def _errors() -> Iterator[list[BaseException]]:
    """Collect the exceptions logged meanwhile."""
    errors: list[BaseException] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        # The first is where twisted.python.log, by which getPlugins speaks, puts it.
        failure = event.get("failure") or event.get("log_failure")
        if failure is not None:
            errors.append(failure.value)

    globalLogPublisher.addObserver(observe)
    try:
        yield errors
    finally:
        globalLogPublisher.removeObserver(observe)


def _trouble(error: BaseException, package: ModuleType) -> str:
    where = _file(error, [Path(path).resolve() for path in package.__path__])
    return f"{where} cannot be imported ({type(error).__name__}: {error})"


def _file(error: BaseException, folders: list[Path]) -> str:
    """Name the plugin file in which it happened, as far as the traceback tells."""
    names = [frame.filename for frame in extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        names.append(error.filename)
    for name in names:
        if Path(name).resolve().parent in folders:
            return name
    return "a plugin file"
