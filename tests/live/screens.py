"""A program on a terminal of its own, by tmux: keys in, what stands on the screen out."""

import shutil
import subprocess
import time
from pathlib import Path

from tests.live.processes import PATIENCE, environment

_BETWEEN_LOOKS = 0.05
_SIZE = ("-x", "200", "-y", "50")  # wide, so that no line is broken


def tmux_is_there() -> bool:
    """Tell whether tmux can be run."""
    return shutil.which("tmux") is not None


class Screen:
    """One terminal; `folder` is home to whatever runs there, and keeps it from other tmuxes."""

    def __init__(self, folder: Path, command: str, **variables: str) -> None:
        self._tmux = ("tmux", "-S", str(folder / "tmux"), "-f", "/dev/null")
        self._environment = environment(HOME=str(folder), LC_ALL="C.UTF-8", **variables)
        for variable in ("TMUX", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
            self._environment.pop(variable, None)
        self._call("new-session", "-d", *_SIZE, "-c", str(folder), command)

    def _call(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"tmux {arguments}: {done.stderr}")
        return done.stdout

    def type(self, line: str) -> None:
        """Type a line and press Enter."""
        self._call("send-keys", "-l", "--", line)
        self._call("send-keys", "Enter")

    def shown(self) -> str:
        """Return what is on the screen."""
        return self._call("capture-pane", "-p", "-J")

    def expect(self, text: str) -> None:
        """Look until the text is on the screen.

        Raises AssertionError with what is there instead.
        """
        deadline = time.monotonic() + PATIENCE
        while text not in (shown := self.shown()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{text!r} does not appear:\n{shown.strip()}")
            time.sleep(_BETWEEN_LOOKS)

    def end(self) -> None:
        """Close the terminal, with what runs there."""
        self._call("kill-server")
