"""Administrative commands as typed records, declared once.

Front ends (the control socket, ad-hoc commands) read these records to parse arguments, print help
and show results; a command itself knows none of them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from zope.interface import Attribute, Interface

from xmppd.stanza.jid import JID

Progress = Callable[[str], object]
"""Shows one line of text about how far a command has got.

Raises `CommandError` when nobody waits for the command any more: it should end then.
"""


def no_progress(line: str) -> None:
    """Show nothing: the default of commands that tell of their progress."""


class CommandError(Exception):
    """A command cannot do what it was asked; `args[0]` is one plain sentence for the operator."""


class Conflict(CommandError):
    """What the command was to make exists already."""


class NotAllowed(CommandError):
    """Nobody can have that done on this host, not even its administrators."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command.

    - `name`: a word; front ends spell it their way (`--limit`).
    - `kind`: `str`, `int`, `float` or `bool`.
    - `required`: whether it must be given; otherwise `default` stands in.
    - `secret`: it is asked for or read from standard input, never shown, logged or put on a
      command line.
    - `path`: it names a file on the server's machine, and is handed over as an absolute path. A
      command that takes one is for people on that machine, not for those who are far away.
    """

    name: str
    help: str
    kind: type = str
    required: bool = True
    default: Any = None
    secret: bool = False
    path: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """Something an administrator can have done.

    - `name`: one or two words, "user add".
    - `run`: called with the arguments by name; returns (or awaits) an instance of `result`, a
      frozen dataclass or a list of them, of JSON-able fields. Raises `CommandError`.
    - `offline`: whether it also works on the data alone, without a running server.
    - `opens_data`: whether they have to be open for that; nothing is made or locked if not.
    - `harmless`: whether it changes nothing; one that changes something and takes no arguments
      is not run before somebody has said yes, where there is somebody to ask.
    - `progress`: whether `run` may also be given a `Progress` by that name.
    - `since`: the version of xmppd (or of the extension) that brought it.
    """

    name: str
    help: str
    run: Callable[..., Any | Awaitable[Any]]
    result: Any
    arguments: tuple[Argument, ...] = ()
    offline: bool = False
    opens_data: bool = True
    harmless: bool = False
    progress: bool = False
    since: str = "0.1"


class IAdministration(Interface):
    """Who administers a host, and what they can have done; a server provides it to each host."""

    admins: frozenset[JID] = Attribute("the bare addresses of those who do")
    everywhere: frozenset[JID] = Attribute("those of all hosts of the server, this one included")

    def commands() -> tuple[Command, ...]:
        """Return the commands, those of features included, none of which reaches another host.

        To be called once all features are there.
        """
