"""Lists in the documentation that are made of the code, so that they cannot drift from it.

Each directive (`.. xmppd-xeps::` and so on, without arguments) puts in the reStructuredText that
the function of that name in `LISTS` returns.
"""

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from docutils.nodes import literal  # type: ignore[import-untyped]  # it comes without types
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole
from twisted.internet.task import Clock
from twisted.python.reflect import namedModule

import xmppd.api.moments
import xmppd.api.registrations
from twisted.plugins import xmppd_builtin
from xmppd.api.commands import Argument, Command
from xmppd.makers import Maker, MechanismMaker, ModuleMaker, Xep
from xmppd.server.assemble import Reloaded, build
from xmppd.server.collaborators import Collaborators
from xmppd.server.config import (
    ComponentConfig,
    HostConfig,
    ModulesConfig,
    ServerConfig,
    StorageConfig,
)
from xmppd.server.inventory import Inventory
from xmppd.service.commands import all_commands
from xmppd.testing.collaborators import CountingEntropy, FixedWall, InlineWorkers
from xmppd.testing.connector import FakeConnector
from xmppd.testing.resolver import FixedResolver

SHIPPED = Inventory.of(vars(xmppd_builtin).values())


def supported() -> list[tuple[Xep, str]]:
    """Return the XEPs that are declared, by number, each with what of the server has it."""
    makers: list[ModuleMaker | MechanismMaker] = [
        *SHIPPED.modules.values(),
        *SHIPPED.mechanisms.values(),
    ]
    found = [(xep, f"{maker.kind} ``{maker.name}``") for maker in makers for xep in maker.xeps]
    found += [(xep, part) for part, xeps in xmppd_builtin.CORE.items() for xep in xeps]
    return sorted(found, key=lambda one: (one[0].number, one[1]))


def xeps() -> str:
    """Return a table of the XEPs that are declared."""
    rows = []
    for xep, part in supported():
        how_far = xep.completeness + (f": {xep.note}" if xep.note else "")
        rows.append((f"`XEP-{xep.number} <{url(xep)}>`__", xep.version, how_far, part))
    return _table(("XEP", "Version", "How far", "In"), rows)


def url(xep: Xep) -> str:
    """Return where a XEP can be read."""
    return f"https://xmpp.org/extensions/xep-{xep.number}.html"


def modules() -> str:
    """Return a table of the modules that come with xmppd."""
    return _makers(ModuleMaker, SHIPPED.modules)


def mechanisms() -> str:
    """Return a table of the SASL mechanisms that come with xmppd, the strongest first."""
    return _makers(MechanismMaker, SHIPPED.mechanisms)


def stores() -> str:
    """Return a table of the storage back ends that come with xmppd."""
    rows = [(f"``{one.name}``", _summary(one.load())) for one in SHIPPED.stores.values()]
    return _table(("Store", "What it is"), rows)


def moments() -> str:
    """Return the moments of `xmppd.api.moments` with what each promises."""
    return "\n\n".join(
        f"**{name}**\n{_indented(text)}" for name, text in _documented(xmppd.api.moments, "Moment")
    )


def stages() -> str:
    """Return the stages in which watchers of a moment run."""
    tree = ast.parse(inspect.getsource(xmppd.api.moments.Stage))
    return "\n\n".join(f"**{n}**\n{_indented(text)}" for n, text in _described(tree.body[0]))


def registrations() -> str:
    """Return a table of what a feature can hook."""
    records = xmppd.api.registrations.Registration.__args__
    return _table(("Record", "What it does"), [(f"``{_call(r)}``", _summary(r)) for r in records])


def commands() -> str:
    """Return a table of the commands of `xmppdctl`, those of all modules included."""
    rows = [
        (
            f"``{' '.join([command.name, *map(_usage, command.arguments)])}``",
            command.help,
            "yes" if command.offline else "",
        )
        for command in every_command()
    ]
    return _table(("Command", "What it does", "Without a running server"), rows)


def every_command() -> tuple[Command, ...]:
    """Return the commands of a server with all modules."""
    host = HostConfig("example.org", modules=ModulesConfig(tuple(SHIPPED.modules)))
    config = ServerConfig((host,), storage=StorageConfig("memory"))
    outside = Collaborators(
        Clock(),
        FixedWall(),
        CountingEntropy(),
        InlineWorkers(),
        _nowhere,
        FixedResolver(),
        FakeConnector(),
    )
    server = build(config, SHIPPED, outside)
    return all_commands(server, lambda: Reloaded((), ()), lambda address, port: "")


LISTS: Mapping[str, Callable[[], str]] = {
    f"xmppd-{made.__name__}": made
    for made in (xeps, modules, mechanisms, stores, moments, stages, registrations, commands)
}


def _nowhere(*_: object) -> None:
    """There is no other thread to come from."""


def _makers(kind: type[Maker], makers: Mapping[str, Any]) -> str:
    rows = [
        (f"``{name}``", "yes" if maker.default else "", _about(maker))
        for name, maker in makers.items()
    ]
    return _table((kind.kind.capitalize(), "On by default", "What it is"), rows)


def _about(maker: Maker) -> str:
    """Return what the first line of a maker's module says."""
    return _summary(namedModule(maker.code.rpartition(".")[0]))  # type: ignore[no-untyped-call]


def _summary(thing: Any) -> str:
    """Return the first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def _call(record: Any) -> str:
    return f"{record.__name__}({', '.join(inspect.signature(record).parameters)})"


def _usage(argument: Argument) -> str:
    if argument.secret:
        return f"[--{argument.name}-stdin]"
    if argument.required:
        return argument.name.upper()
    return f"[--{argument.name} {argument.name.upper()}]"


def _documented(module: ModuleType, kind: str) -> Iterator[tuple[str, str]]:
    """Yield the names of a module annotated as `kind[...]` and the strings beneath them."""
    tree = ast.parse(Path(str(module.__file__)).read_text())
    for name, text, annotation in _assigned(tree):
        if annotation.startswith(f"{kind}["):
            yield name, text


def _described(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for name, text, _ in _assigned(tree):
        yield name, text


def _assigned(tree: Any) -> Iterator[tuple[str, str, str]]:
    """Yield the name, docstring and annotation of every assignment with a string beneath it."""
    for statement, following in zip(tree.body, tree.body[1:], strict=False):
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            continue
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        annotation = getattr(statement, "annotation", None)
        match following:
            case ast.Expr(value=ast.Constant(value=str(text))):
                written = "" if annotation is None else ast.unparse(annotation)
                yield ast.unparse(target), inspect.cleandoc(text), written


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in (head, *rows):
        for place, cell in enumerate(row):
            lines.append(f"   {'*' if place == 0 else ' '} - {cell}".rstrip())
    return "\n".join(lines)


class ListDirective(SphinxDirective):
    """Puts in one of `LISTS`."""

    def run(self) -> list[Any]:
        """Return the nodes of the list."""
        return list(self.parse_text_to_nodes(LISTS[self.name]()))


class SettingRole(SphinxRole):
    """Names a setting of the configuration file, :conf:`limits.depth`, which must exist."""

    def run(self) -> tuple[list[Any], list[Any]]:
        """Return the name as code; warn if there is no such setting."""
        try:
            setting(self.text)
        except LookupError:
            message = self.inliner.reporter.warning(f"there is no setting {self.text}")
            return [], [message]
        return [literal("", self.text)], []


def setting(key: str) -> Any:
    """Return the type of a setting by its key in the file. Raises `LookupError`.

    "host.users" is one of any host, "modules.enable" one of `[modules]`.
    """
    hints = get_type_hints(ServerConfig)
    tables = {"host": HostConfig, "component": ComponentConfig, "modules": ModulesConfig}
    places = {**hints, **tables}
    found: Any = ServerConfig
    for place in key.split("."):
        known = places if found is ServerConfig else get_type_hints(found)
        if place not in known:
            raise LookupError(key)
        found = known[place]
    return found


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directives known to Sphinx."""
    for name in LISTS:
        app.add_directive(name, ListDirective)
    app.add_role("conf", SettingRole())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
