"""The wheel and the source distribution: complete, and working where nothing else of ours is."""

import functools
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.installing import (
    build,
    copy_of_the_checkout,
    environment,
    files_below,
    run,
    why_not,
)
from xmppd import __version__

_FOLDER = tempfile.TemporaryDirectory(prefix="xmppd-packaging-")  # lives as long as the tests
HERE = Path(_FOLDER.name)
SOURCE = HERE / "source"
SDIST = HERE / "dist" / f"xmppd-{__version__}.tar.gz"
WHEEL = f"xmppd-{__version__}-py3-none-any.whl"


@functools.cache
def built() -> frozenset[str]:
    """Build the distributions of a copy of the source, once; return what files the copy has."""
    copy_of_the_checkout(SOURCE)
    files = frozenset(files_below(SOURCE))
    build(SOURCE, HERE / "dist", "sdist", "wheel")
    return files


def contents(wheel: Path) -> dict[str, bytes]:
    """Return the files of a wheel; its list of itself is left out."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: archive.read(name)
            for name in archive.namelist()
            if not name.endswith((".dist-info/RECORD", "/"))
        }


class PackagingTests(SynchronousTestCase):
    """What somebody gets who installs us."""

    skip = why_not() or None

    def test_the_wheel_is_complete(self) -> None:
        wanted = {name for name in built() if name.startswith(("xmppd/", "twisted/plugins/"))}
        self.assertTrue(any(name.endswith(".sql") for name in wanted))
        self.assertIn("xmppd/py.typed", wanted)
        # It would hide the plugins of everybody else.
        self.assertNotIn("twisted/plugins/__init__.py", wanted)
        packaged = {name for name in contents(HERE / "dist" / WHEEL) if ".dist-info/" not in name}
        self.assertEqual(packaged, wanted)

    def test_the_source_distribution_is_complete(self) -> None:
        wanted = built()
        with tarfile.open(SDIST) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        self.assertEqual(wanted - names, set())

    def test_the_source_distribution_makes_the_same_wheel(self) -> None:
        built()
        shutil.unpack_archive(SDIST, HERE / "unpacked")
        build(HERE / "unpacked" / f"xmppd-{__version__}", HERE / "again", "wheel")
        self.assertEqual(contents(HERE / "again" / WHEEL), contents(HERE / "dist" / WHEEL))

    def test_an_installation_works(self) -> None:
        built()
        bin = environment(HERE / "venv", HERE / "dist" / WHEEL)
        twistd = "from twisted.scripts.twistd import run; run()"
        self.assertRegex(run(bin / "python", "-c", twistd, "--help", cwd=HERE), r"(?m)^ +xmppd ")
        self.assertIn("usage: xmppdctl", run(bin / "xmppdctl", "--help", cwd=HERE))
        where = "import xmppd; print(xmppd.__file__, xmppd.__version__)"
        printed = run(bin / "python", "-c", where, cwd=HERE)
        self.assertTrue(printed.startswith(str(HERE / "venv")), printed)
        self.assertTrue(printed.endswith(f" {__version__}\n"), printed)
