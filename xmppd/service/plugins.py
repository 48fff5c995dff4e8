"""Looks for what a configuration can name: our own makers by import, others' as Twisted plugins.

`twisted.plugin.getPlugins` only logs what goes wrong, so we listen to the log while it looks.
"""

from collections.abc import Iterable, Iterator
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
from xmppd.makers import IClusterMaker, IMechanismMaker, IModuleMaker, IStoreMaker
from xmppd.server.inventory import Inventory

_KINDS = (IModuleMaker, IMechanismMaker, IStoreMaker, IClusterMaker)


def discover(package: ModuleType = plugins) -> Inventory:
    """Return all makers: shipped ones first, then those in plugin files of `package`.

    Raises `xmppd.makers.MakerError` if two have one name. Files that cannot be imported are named
    in the inventory's `troubles`; whether that matters depends on what is asked for.
    """
    with _errors() as errors:
        found = list(chain.from_iterable(getPlugins(kind, package) for kind in _KINDS))
        user_stores = [factory.authType for factory in getPlugins(ICheckerFactory, package)]
    shipped = vars(xmppd_builtin).values()
    return Inventory.of(
        _once(chain(shipped, found)),
        user_stores=sorted(set(user_stores)),
        troubles=sorted({_trouble(error, package) for error in errors}),
    )


def _once(makers: Iterable[object]) -> list[object]:
    """Drop the second sight of a maker: getPlugins finds the shipped ones, too."""
    return list({id(maker): maker for maker in makers}.values())


@contextmanager
def _errors() -> Iterator[list[BaseException]]:
    """Collect the exceptions logged meanwhile."""
    errors: list[BaseException] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        if "log_failure" in event:
            errors.append(event["log_failure"].value)

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
