"""Who may import whom, and what no room but the outermost may reach for.

Imports are read, not run: of every file of the package, wherever in the file they stand.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import xmppd

PACKAGE = Path(xmppd.__file__).parent

ALL = frozenset({"*"})
ROOMS: dict[str, frozenset[str]] = {
    "wire": frozenset(),
    "stanza": frozenset({"wire"}),
    "sasl": frozenset({"stanza.prep", "stanza.jid"}),
    "stream": frozenset({"wire", "stanza"}),
    "api": frozenset({"wire", "stanza", "sasl.exchange"}),
    "auth": frozenset({"sasl", "stanza", "api"}),
    "routing": frozenset({"api", "stanza", "wire"}),
    "net": frozenset({"api.network"}),
    "connection": frozenset({"net", "stream", "stanza", "wire"}),
    "c2s": frozenset(
        {
            "connection",
            "net",
            "auth",
            "stream",
            "api",
            "stanza",
            "wire",
            "sasl.exchange",
            "sasl.binding",
        }
    ),
    "s2s": frozenset({"connection", "net", "auth", "stream", "api", "stanza", "wire"}),
    "component": frozenset({"connection", "net", "auth", "stream", "api", "stanza", "wire"}),
    "modules": frozenset({"api", "stanza", "wire"}),
    "storage": frozenset({"api", "stanza", "wire", "sasl.exchange"}),
    "cluster": frozenset({"api", "stanza", "wire"}),
    "makers": frozenset({"api", "sasl.exchange"}),
    "server": ALL - {"service"},
    "testing": ALL - {"service"},
    "service": ALL,
}
"""What of our own each room may import besides itself; `makers` is a file of its own."""

TWISTED = frozenset({"twisted", "zope"})
THIRD_PARTIES: dict[str, frozenset[str]] = {
    "wire": frozenset(),
    "stanza": frozenset({"precis_i18n", "idna"}),
    "sasl": frozenset(),
    "stream": frozenset(),
    "api": TWISTED,
    "auth": TWISTED,
    "routing": TWISTED,
    "net": TWISTED | {"OpenSSL", "cryptography"},
    "connection": TWISTED,
    "c2s": TWISTED,
    "s2s": TWISTED | {"service_identity", "cryptography"},
    "component": TWISTED,
    "modules": TWISTED,
    "storage": TWISTED,
    "cluster": TWISTED,
    "makers": TWISTED,
    "server": TWISTED | {"lxml"},
    "testing": TWISTED | {"cryptography"},
    "service": TWISTED,
}
"""What each room may import that is neither ours nor Python's; `typing_extensions` all may."""

PURE = (
    "wire",
    "stanza",
    "stream",
    "sasl",
    "routing/delivery.py",
    "s2s/dialback.py",
    "s2s/pairs.py",
    "s2s/retrying.py",
    "s2s/tally.py",
    "s2s/targets.py",
    "s2s/unsure.py",
)
"""Rooms and files that know neither Twisted nor zope, the values of `xmppd.api` apart."""

EDGES = ("service", "net")
"""The rooms in which the clocks, the dice and the threads are."""

FORBIDDEN_MODULES = frozenset({"random", "secrets", "twisted.internet.reactor"})
FORBIDDEN_NAMES = frozenset(
    {
        "time.time",
        "time.time_ns",
        "time.monotonic",
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "os.urandom",
        "uuid.uuid1",
        "uuid.uuid4",
        "threads.deferToThread",
        "threads.deferToThreadPool",
        "internet.reactor",
    }
)


@dataclass(frozen=True)
class Source:
    """One file: its path within the package ("wire/parser.py") and its syntax tree."""

    path: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """The room it is in, or its own name if it is in none."""
        return self.path.partition("/")[0].removesuffix(".py")

    def imports(self) -> Iterator[str]:
        """Yield the full names of all that it imports: "twisted.internet.defer.Deferred"."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                module = "." if node.level else node.module
                yield from (f"{module}.{alias.name}" for alias in node.names)

    def names(self) -> Iterator[str]:
        """Yield the last two parts of every dotted name it uses, and of what it imports."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
                owner = node.value
                yield f"{owner.id if isinstance(owner, ast.Name) else owner.attr}.{node.attr}"
        for name in self.imports():
            yield ".".join(name.split(".")[-2:])


@cache
def sources() -> tuple[Source, ...]:
    """Return all files of the package but its front page."""
    return tuple(
        Source(path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_bytes()))
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != PACKAGE / "__init__.py"
    )


def ours(name: str) -> str:
    """Return what follows "xmppd." in the name of something of ours, "" for anything else."""
    return name.removeprefix("xmppd.") if name.startswith("xmppd.") else ""


def may_import(source: Source, name: str) -> bool:
    """Tell whether the table lets that file import that of ours."""
    room = name.partition(".")[0]
    if room not in ROOMS:  # the front page
        return True
    if room == "service":
        return source.room == "service"
    if source.room == "modules" and room == "modules":  # unless they are files of one module
        return source.path.split("/")[1] == name.split(".")[1]
    allowed = ROOMS[source.room]
    if room == source.room or "*" in allowed:
        return True
    return any(f"{name}.".startswith(f"{each}.") for each in allowed)


class LayeringTests(SynchronousTestCase):
    """The rules, over every file there is."""

    def setUp(self) -> None:
        self.sources = sources()

    def check(self, found: list[str]) -> None:
        """Fail if anything was found that is against the rule."""
        self.assertEqual([], found)

    def test_every_room_is_in_the_tables(self) -> None:
        self.assertEqual(set(), {source.room for source in self.sources} - set(ROOMS))
        self.assertEqual(set(ROOMS), set(THIRD_PARTIES))
        self.assertGreater(len(self.sources), 100)

    def test_our_own(self) -> None:
        """Who may import whom; a module never imports a module, nobody imports the service."""
        self.check(
            [
                f"{source.path} imports {name}"
                for source in self.sources
                for name in source.imports()
                if ours(name) and not may_import(source, ours(name))
            ]
        )

    def test_absolute(self) -> None:
        self.check([s.path for s in self.sources for name in s.imports() if name.startswith(".")])

    def test_third_parties(self) -> None:
        python = sys.stdlib_module_names | {"xmppd", "typing_extensions"}
        self.check(
            [
                f"{source.path} imports {name}"
                for source in self.sources
                for name in source.imports()
                if name.partition(".")[0] not in python | THIRD_PARTIES[source.room]
            ]
        )

    def test_pure_rooms(self) -> None:
        self.check(
            [
                f"{source.path} imports {name}"
                for source in self.sources
                if source.room in PURE or source.path in PURE
                for name in source.imports()
                if name.partition(".")[0] in TWISTED
            ]
        )

    def test_no_imports_for_types_alone(self) -> None:
        """Wanting one means that something is in the wrong room."""
        self.check(
            [
                source.path
                for source in self.sources
                if any(
                    name.endswith("TYPE_CHECKING") for name in (*source.imports(), *source.names())
                )
            ]
        )

    def test_collaborators_are_handed_in(self) -> None:
        """Time, chance, threads and the reactor come as arguments, but at the edges."""
        self.check(
            [
                f"{source.path} uses {name}"
                for source in self.sources
                if source.room not in EDGES
                for name in (*source.imports(), *source.names())
                if name in FORBIDDEN_NAMES
                or any(f"{name}.".startswith(f"{module}.") for module in FORBIDDEN_MODULES)
            ]
        )


class ReadingTests(SynchronousTestCase):
    """That the rules would find what they look for."""

    def source(self, path: str, text: str) -> Source:
        return Source(path, ast.parse(text))

    def test_imports(self) -> None:
        text = "import a.b\nfrom c.d import e, f\ndef g():\n  from . import h\n"
        self.assertEqual(
            ["a.b", "c.d.e", "c.d.f", "..h"], list(self.source("wire/x.py", text).imports())
        )

    def test_names(self) -> None:
        text = "from time import time\ndatetime.now(UTC)\nx().y\ninternet.threads.deferToThread"
        self.assertEqual(
            {"time.time", "datetime.now", "threads.deferToThread", "internet.threads"},
            set(self.source("wire/x.py", text).names()),
        )

    def test_who_may_import_whom(self) -> None:
        table = [
            ("wire/x.py", "wire.element.Element", True),
            ("wire/x.py", "stanza.jid.JID", False),
            ("sasl/x.py", "stanza.jid.JID", True),
            ("sasl/x.py", "stanza.stanza.Stanza", False),
            ("sasl/x.py", "stanza.prepared.X", False),
            ("api/x.py", "sasl.exchange.Facts", True),
            ("api/x.py", "sasl.scram.Scram", False),
            ("modules/x.py", "modules.y.Y", False),
            ("modules/x/a.py", "modules.x.b.B", True),
            ("modules/x/a.py", "modules.y.b.B", False),
            ("modules/x.py", "routing.host.LocalHost", False),
            ("storage/x.py", "storage.y.Y", True),
            ("c2s/x.py", "routing.router.Router", False),
            ("c2s/x.py", "s2s.factory.Factory", False),
            ("server/x.py", "c2s.session.Session", True),
            ("server/x.py", "makers.Maker", True),
            ("server/x.py", "service.tap.Options", False),
            ("testing/x.py", "service.tap.Options", False),
            ("makers.py", "service.tap.Options", False),
            ("service/x.py", "service.tap.Options", True),
            ("service/x.py", "server.assemble.Server", True),
            ("wire/x.py", "__version__", True),
        ]
        for path, name, expected in table:
            self.assertIs(expected, may_import(self.source(path, ""), name), (path, name))
