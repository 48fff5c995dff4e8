"""Builds distributions and installs them into empty environments, without a network."""

import os
import shutil
import site
import subprocess
import sys
import venv
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent

_ROOT_FILES = (
    "LICENSE",
    "MANIFEST.in",
    "Makefile",
    "NEWS.rst",
    "README.rst",
    "pyproject.toml",
    "setup.cfg",
)
_LEFT_BEHIND = shutil.ignore_patterns(
    "__pycache__", "*.py[co]", "*.egg-info", "dropin.cache", "_build", "build", ".gitignore"
)
_DIRECTORIES = (
    ".ci",
    "benchmarks",
    "docs",
    "etc",
    "newsfragments",
    "tests",
    "tools",
    "twisted",
    "xmppd",
)
_PATIENCE = 300


def why_not() -> str:
    """Return why nothing can be built here, "" if something can."""
    for name in ("build", "pip", "setuptools", "wheel"):
        if find_spec(name) is None:
            return f"{name} is not installed (make test installs it)"
    return ""


def copy_of_the_checkout(into: Path) -> Path:
    """Copy what belongs to the project, so that building leaves no trace in it."""
    for name in _DIRECTORIES:
        shutil.copytree(CHECKOUT / name, into / name, ignore=_LEFT_BEHIND)
    for name in _ROOT_FILES:
        shutil.copy(CHECKOUT / name, into / name)
    return into


def files_below(folder: Path) -> set[str]:
    """Return the relative names of all files."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command to its end and return what it prints on both outputs.

    Raises AssertionError, with that, if it exits with anything but 0.
    """
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=None if env is None else {**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"{command} exited with {done.returncode}:\n{done.stdout}")
    return done.stdout


def build(source: Path, into: Path, *kinds: str) -> None:
    """Build distributions of these kinds ("sdist", "wheel") of a source tree, which gets dirty."""
    wanted = [f"--{kind}" for kind in kinds]
    run(sys.executable, "-m", "build", "--no-isolation", *wanted, "-o", into, source, cwd=source)


def empty_environment(folder: Path, *paths: Path) -> Path:
    """Make an environment that sees what is installed here, and `paths`; return its `bin`.

    Whatever is installed here by a .pth file (this checkout, for one) it does not see.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    seen = [*map(str, paths), *site.getsitepackages()]
    (packages / "dependencies.pth").write_text("\n".join(seen))
    return folder / "bin"


def install(wheel: Path, bin: Path) -> None:
    """Install a wheel into an environment; what it depends on is there."""
    run(
        sys.executable,
        *("-m", "pip", "--python", bin / "python", "install", "--quiet"),
        *("--no-index", "--no-deps", wheel),
        cwd=bin,
    )
