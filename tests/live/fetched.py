"""Sources of other software that live tests run, fetched once and kept under `build/`."""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from tests.live.processes import ROOT
from tests.live.test_durability import require

KEPT = ROOT / "build" / "fetched"
FETCHING = 300.0
"""Seconds that fetching may take."""

NODE_PROJECT = Path(__file__).with_name("node")


def slixmpp_itests() -> Path:
    """Return a folder with the package `itests`, of the version of slixmpp that is installed.

    Skips the test if it cannot be had (see `require`).
    """
    release = version("slixmpp")
    name = f"slixmpp-{release}"
    kept = KEPT / name
    if kept.exists():
        return kept
    with _fresh_folder() as folder:
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet")
        source = ("--no-deps", "--no-binary", "slixmpp", f"slixmpp=={release}")
        _fetch(f"the source of slixmpp {release}", (*pip, *source), Path(folder))
        with tarfile.open(Path(folder) / f"{name}.tar.gz") as archive:
            # The rest would hide the slixmpp that is installed.
            tests = [each for each in archive if each.name.startswith(f"{name}/itests/")]
            archive.extractall(folder, tests, filter="data")
        return _keep(Path(folder) / name, kept)


def node_modules() -> Path:
    """Return a folder with the packages that `node/package-lock.json` names.

    Skips the test if they cannot be had (see `require`).
    """
    lock = (NODE_PROJECT / "package-lock.json").read_bytes()
    kept = KEPT / "node"
    if kept.exists() and (kept / "package-lock.json").read_bytes() == lock:
        return kept
    with _fresh_folder() as folder:
        project = Path(folder) / "node"
        shutil.copytree(NODE_PROJECT, project)
        npm = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error")
        _fetch("xmpp.js", npm, project)
        return _keep(project, kept)


def _fresh_folder() -> "tempfile.TemporaryDirectory[str]":
    KEPT.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=KEPT, prefix="new-")


def _fetch(what: str, command: Sequence[str], folder: Path) -> None:
    """Run a command that needs the network; skip the test if it fails."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FETCHING,
            check=False,
        )
    except subprocess.TimeoutExpired:
        require(False, f"{what} (nothing fetched in {FETCHING} s)")
    else:
        said = " ".join(done.stderr.split())[:300]
        require(done.returncode == 0, f"{what} ({said})")


def _keep(made: Path, kept: Path) -> Path:
    """Put what was made where it stays, all at once."""
    if kept.exists():
        shutil.rmtree(kept)
    made.rename(kept)
    return kept
