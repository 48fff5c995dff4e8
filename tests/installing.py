"""Builds distributions and installs them into empty environments, without a network."""

import os
import shutil
import site
import subprocess
import sys
import venv
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


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command to its end and return what it prints on both outputs.

    What it imports is what is installed for it. Raises AssertionError, with what it printed, if it
    exits with anything but 0.
    """
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        # Trial's workers have our own sys.path there.
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
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


def environment(folder: Path, wheel: Path, *paths: Path) -> Path:
    """Make an environment with a wheel in it and return its `bin`.

    It also sees `paths` and what is installed here; not what is here by a .pth file, which this
    checkout may be.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    # Alone: pip would find an installation of the same version good enough.
    pip = ("-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps")
    run(sys.executable, *pip, wheel, cwd=folder)
    (packages,) = folder.glob("lib/python3*/site-packages")
    seen = [*map(str, paths), *site.getsitepackages()]
    (packages / "dependencies.pth").write_text("\n".join(seen))
    return folder / "bin"
