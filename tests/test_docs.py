"""The documentation: it builds, and what it says of the code is so."""

import configparser
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.interface import InterfaceClass

from tests.installing import CHECKOUT
from tests.test_layering import PURE, ROOMS

DOCS = CHECKOUT / "docs"
PAGES = (*sorted(DOCS.glob("*.rst")), CHECKOUT / "README.rst")
WITHOUT_SPHINX = None if find_spec("sphinx") else "Sphinx is not installed (make test installs it)"


def named(name: str) -> Any:
    """Import and return what has that dotted name."""
    return namedAny(name)  # type: ignore[no-untyped-call]  # untyped in Twisted


def text_of(name: str) -> str:
    """Return the text of a page."""
    return (DOCS / name).read_text()


class BuildTests(SynchronousTestCase):
    """Sphinx takes it all without a warning."""

    skip = WITHOUT_SPHINX

    def build(self, source: Path) -> tuple[int, str]:
        """Build the pages of a directory; return the status and what was printed."""
        options = ("-W", "--keep-going", "-q", "-b", "text", "-c", str(DOCS))
        done = subprocess.run(
            [sys.executable, "-m", "sphinx", *options, str(source), self.mktemp()],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def test_it_builds(self) -> None:
        self.assertEqual(self.build(DOCS), (0, ""))

    def test_mistakes_are_found(self) -> None:
        for mistake in (
            ":conf:`limits.deepness`",
            ":api:`",
            ".. xmppd-nothing::",
            ":doc:`nothing`",
        ):
            source = Path(self.mktemp())
            source.mkdir()
            (source / "index.rst").write_text(f"Title\n=====\n\n{mistake}\n")
            status, printed = self.build(source)
            self.assertEqual(status, 1, (mistake, printed))


class ReadmeTests(SynchronousTestCase):
    """README.rst, which is shown by others than Sphinx, too."""

    skip = WITHOUT_SPHINX

    def test_it_is_plain_restructuredtext(self) -> None:
        settings = {"halt_level": 1, "report_level": 5}  # any remark of the parser is an exception
        publish_doctree = named("docutils.core.publish_doctree")
        tree = publish_doctree((CHECKOUT / "README.rst").read_text(), settings_overrides=settings)
        self.assertIn("xmppd", tree.astext())

    def test_its_links_lead_somewhere(self) -> None:
        links = re.findall(r"<([\w./-]+)>`__?", (CHECKOUT / "README.rst").read_text())
        missing = [link for link in links if not (CHECKOUT / link).exists()]
        self.assertEqual((missing, bool(links)), ([], True))


class ListsTests(SynchronousTestCase):
    """Lists made of the code."""

    skip = WITHOUT_SPHINX

    def lists(self) -> Any:
        """Import the extension, which needs Sphinx."""
        return named("docs._ext.lists")

    def test_xeps_are_those_declared(self) -> None:
        lists = self.lists()
        declared = {
            (xep.number, xep.version, maker.name)
            for makers in (lists.SHIPPED.modules, lists.SHIPPED.mechanisms)
            for maker in makers.values()
            for xep in maker.xeps
        }
        core = named("twisted.plugins.xmppd_builtin").CORE
        declared |= {(xep.number, xep.version, part) for part in core for xep in core[part]}
        row = r"xep-(\d{4})\.html>`__\n     - ([\d.]+)\n     - .*\n     - (?:\w+ ``)?([\w -]+)"
        listed = re.findall(row, lists.xeps())
        self.assertEqual(sorted(listed), sorted(declared))
        self.assertIn(("0030", "2.5.0", "disco"), declared)
        self.assertIn(("0114", "1.6", "components"), declared)

    def test_programs_are_told_the_same(self) -> None:
        lists, doap = self.lists(), named("docs._ext.doap")
        root = ElementTree.fromstring(doap.doap("0.1.0"))
        told = [
            (
                str(each[0].get(f"{{{doap.RDF}}}resource"))[-9:-5],
                *(str(value.text) for value in each[1:]),
            )
            for each in root.iter(f"{{{doap.XMPP}}}SupportedXep")
        ]
        expected = [
            (xep.number, xep.completeness, xep.version, *([xep.note] if xep.note else []))
            for xep, _ in lists.supported()
        ]
        self.assertEqual(told, expected)
        self.assertEqual([one.text for one in root.iter(f"{{{doap.DOAP}}}revision")], ["0.1.0"])

    def test_what_is_listed_is_there(self) -> None:
        shipped = self.lists().SHIPPED
        for makers in (shipped.modules, shipped.mechanisms, shipped.stores):
            for maker in makers.values():
                self.assertTrue(callable(maker.load()))

    def test_every_list_is_shown(self) -> None:
        shown = re.findall(r"^\.\. (xmppd-[a-z]+)::", "".join(map(Path.read_text, PAGES)), re.M)
        self.assertEqual(sorted(shown), sorted(self.lists().LISTS))

    def test_moments_and_commands(self) -> None:
        lists = self.lists()
        moments = named("xmppd.api.moments")
        names = [name for name, value in vars(moments).items() if isinstance(value, moments.Moment)]
        self.assertEqual(re.findall(r"^\*\*(\w+)\*\*$", lists.moments(), re.M), names)
        self.assertEqual(
            re.findall(r"^\*\*(\w+)\*\*$", lists.stages(), re.M), list(moments.Stage.__members__)
        )
        for command in lists.every_command():
            self.assertIn(f"``{command.name}", lists.commands())

    def test_commands_in_the_text_exist(self) -> None:
        known = {command.name for command in self.lists().every_command()}
        for page in PAGES:
            # Behind options, what is in a literal or on a line of its own.
            for words in re.findall(
                r"xmppdctl((?: --config \S+)?(?: [a-z]+){1,2})\b", page.read_text()
            ):
                found = re.sub(r" --config \S+", "", words).split()
                self.assertTrue({found[0], " ".join(found)} & known, (page.name, words))


class NamesTests(SynchronousTestCase):
    """Names of the code in the text."""

    def test_api_pages(self) -> None:
        found = [name for page in PAGES for name in re.findall(r":api:`(.*?)`", page.read_text())]
        for name in found:
            # Only these have a page of their own.
            self.assertIsInstance(named(name), ModuleType | type | InterfaceClass, name)
        self.assertIn("xmppd.api.host.IHost", found)

    def test_other_dotted_names(self) -> None:
        for page in PAGES:
            for name in re.findall(r"(?<!:api:)`(xmppd(?:\.\w+)+)`", page.read_text()):
                if not name.endswith((".sqlite", ".toml", ".service")):
                    self.assertIsNotNone(named(name), page.name)

    def test_files(self) -> None:
        for page in PAGES:
            named = re.findall(r"`((?:\w[\w.-]*/)+[\w.-]*)`", page.read_text())
            for name in named:
                if name.startswith(("var/", "development/", "docs/_build/")):  # made on use
                    continue
                places = (CHECKOUT / name, CHECKOUT / "xmppd" / name)
                self.assertTrue(any(place.exists() for place in places), (page.name, name))


class RoomsTests(SynchronousTestCase):
    """The table of rooms in architecture.rst: it says what `test_layering` enforces."""

    def rooms(self) -> dict[str, tuple[bool, set[str] | str]]:
        """Return, by room, whether it is pure and what it may import."""
        table = text_of("architecture.rst").partition(":name: rooms-table")[2]
        table = table.partition("\n\n")[2].partition("\n\n")[0]
        rows = re.findall(r"   \* - `(.*)`\n     - ((?:.|\n      )*)\n     -(.*)", table)
        found: dict[str, tuple[bool, set[str] | str]] = {}
        for name, about, may in rows:
            listed = set(re.findall(r"`(\w+)`", may))
            found[name] = about.startswith("Pure."), may if "all" in may else listed
        return found

    def test_every_room_is_in_it(self) -> None:
        package = CHECKOUT / "xmppd"
        there = {path.parent.name for path in package.glob("*/__init__.py")}
        there |= {path.stem for path in package.glob("*.py")} - {"__init__"}
        self.assertEqual(set(self.rooms()), there)

    def test_it_says_what_is_so(self) -> None:
        for room, (pure, said) in self.rooms().items():
            allowed = {name.partition(".")[0] for name in ROOMS[room]}
            if said == " all but `service`":
                self.assertEqual(allowed, {"*"}, room)
            elif said == " all":
                self.assertEqual((room, allowed), ("service", {"*"}))
            else:
                self.assertEqual(said, allowed, room)
            self.assertEqual(pure, room in PURE, room)


class DependenciesTests(SynchronousTestCase):
    """The table of dependencies in architecture.rst."""

    def test_they_are_those_of_the_package(self) -> None:
        setup = configparser.ConfigParser()
        setup.read(CHECKOUT / "setup.cfg")
        wanted = setup["options"]["install_requires"].split("\n")
        names = [re.split(r"[\[ ]", line)[0] for line in wanted if line]
        table = (
            text_of("architecture.rst").partition("\nDependencies\n")[2].partition("\nTests\n")[0]
        )
        self.assertEqual(re.findall(r"\* - `(.*)`", table), names)


class NewsTests(SynchronousTestCase):
    """News fragments: one sentence each, for the operator."""

    def test_fragments(self) -> None:
        config = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["towncrier"]
        kinds = {kind["directory"] for kind in config["type"]}
        fragments = [
            path
            for path in (CHECKOUT / config["directory"]).iterdir()
            if not path.name.startswith(".")
        ]
        for path in fragments:
            self.assertRegex(path.name, r"^\+[a-z0-9-]+\.[a-z]+$")
            self.assertIn(path.suffix[1:], kinds)
            self.assertRegex(path.read_text(), r"\A[A-Z`](?s:.*)\.\n\Z")
        self.assertIn(config["start_string"], (CHECKOUT / config["filename"]).read_text())
