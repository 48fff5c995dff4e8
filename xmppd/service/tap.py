"""`twistd xmppd`: its options, and the service made of them.

What is wrong with the configuration or a plugin is found while options are read, what is wrong with
certificates, ports and data when the service starts. Either way it is one line on standard error
and exit status 1.
"""

import os
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, ClassVar, TextIO

from twisted.internet import reactor
from twisted.logger import ILogObserver, Logger
from twisted.python import usage
from twisted.python.components import Componentized
from typing_extensions import override

import xmppd
from xmppd.service.configuration import VARIABLE, configuration, put_together, unused
from xmppd.service.faults import FAULTS
from xmppd.service.logs import LogFile, escape, observer
from xmppd.service.notify import Notifier
from xmppd.service.plugins import discover
from xmppd.service.running import XmppService
from xmppd.service.signals import Hangups
from xmppd.service.socket_path import place_to_listen
from xmppd.service.welcome import welcome

_log = Logger()


class Options(usage.Options):
    """The options of `twistd xmppd`.

    After they were read, `configuration` and `inventory` are among them, and `file`, the path of
    the configuration or None.
    """

    synopsis = "[--config FILE]"
    longdesc = "Runs an XMPP server; without a configuration, one for this machine alone."
    optParameters: ClassVar[list[list[str | None]]] = [
        ["config", "c", None, f"The configuration file (by default what {VARIABLE} names)."],
    ]

    @override
    def opt_version(self) -> None:
        """Show the version and exit."""
        sys.stdout.write(f"xmppd {xmppd.__version__}\n")
        raise SystemExit(0)

    @override
    def postOptions(self) -> None:
        """Read the configuration; exit with one line if it cannot be used."""
        try:
            self["inventory"] = discover()
            self["configuration"], self["file"] = configuration(
                self["config"], self["inventory"], os.environ
            )
        except FAULTS as fault:
            raise SystemExit(_line(fault)) from None


class TwistdService(XmppService):
    """The service as twistd runs it: with logs as configured, and SIGHUP for a reload.

    At a terminal SIGHUP is the end of that, and stops the server.
    """

    def __init__(self, *args: Any, log: ILogObserver | None, greeting: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._observer = log
        self._greeting = greeting
        self._at_terminal = False
        self._hangups = Hangups(reactor, self._hung_up)  # type: ignore[arg-type]  # a module to mypy

    @override
    def setServiceParent(self, parent: Any) -> None:
        """Give the application, which twistd asks for it, our way to log."""
        if self._observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._observer)  # type: ignore[no-untyped-call]
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]

    @override
    def startService(self) -> None:
        """Start, and say so."""
        super().startService()
        # Neither before, when twistd has not yet detached itself, nor when it is gone.
        self._at_terminal = sys.__stdin__ is not None and sys.__stdin__.isatty()
        self._hangups.install()
        reactor.callWhenRunning(self._greet)

    def _hung_up(self) -> None:
        # From a terminal it means that the terminal is gone, and we had better go, too.
        if self._at_terminal:
            reactor.stop()
        else:
            self.reload()

    def _greet(self) -> None:
        if sys.__stdout__ is not None:
            sys.__stdout__.write(self._greeting)
            sys.__stdout__.flush()

    @override
    def stopService(self) -> Any:
        """Stop listening to signals, then everything else."""
        self._hangups.remove()
        return super().stopService()


def makeService(options: Options) -> TwistdService:
    """Make the service; nothing of what it works with is opened yet.

    From here on, what stops the start is shown as one line.
    """
    config = options["configuration"]
    twistd: Mapping[str, Any] = options.parent or {}
    file = _log_file(twistd)
    try:
        service = TwistdService(
            put_together(config, options["file"], options["inventory"], reactor),
            reactor,
            lambda: place_to_listen(config, os.environ),
            Notifier(os.environ),
            file.reopen if isinstance(file, LogFile) else lambda: None,
            lambda: unused(config, options["file"], options["inventory"]),
            log=None if file is None else observer(file, config.log),
            greeting="" if options["file"] else welcome(config),
        )
    except FAULTS as fault:
        raise SystemExit(_line(fault)) from None
    sys.excepthook = _show_plainly(sys.excepthook, in_log=file is not sys.stdout)
    return service


def _log_file(twistd: Mapping[str, Any]) -> LogFile | TextIO | None:
    """Return where twistd would log; None if its options ask for a way of logging of their own."""
    if "nodaemon" not in twistd or twistd["logger"] or twistd.get("syslog"):
        return None
    name = twistd["logfile"]
    if twistd["nodaemon"] and name in (None, "", "-"):
        return sys.stdout
    return None if name == "-" else LogFile(name or "twistd.log")


def _line(fault: BaseException) -> str:
    return f"xmppd: {escape(str(fault))}"


ExceptHook = Callable[[type[BaseException], BaseException, TracebackType | None], Any]


def _show_plainly(otherwise: ExceptHook, in_log: bool) -> ExceptHook:
    """Return an excepthook that shows faults as one line, and in the log if that is elsewhere.

    An exception, unlike SystemExit, lets twistd remove its PID file, and tell the shell from which
    it has detached itself.
    """

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not isinstance(error, FAULTS):
            otherwise(kind, error, trace)
            return
        if in_log:
            _log.critical("{fault}", fault=str(error))
        if sys.__stderr__ is not None:
            sys.__stderr__.write(f"{_line(error)}\n")

    return show
