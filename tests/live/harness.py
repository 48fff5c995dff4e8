"""What live tests share: a running `twistd -n xmppd`, its `xmppdctl`, a case that ends both."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.live.processes import PATIENCE, Heard, environment
from xmppd.service.control_connection import RunningServer

TWISTD = (sys.executable, str(Path(sys.executable).with_name("twistd")))
XMPPDCTL = (sys.executable, "-m", "xmppd.service.control_client")

STOPPING = 10.0
"""Seconds that stopping may take."""

_GONE_AT_THE_END = ("control.sock", "xmppd.sqlite-wal")
_TROUBLE = re.compile(r"^\S+Z (error|critical) |^Traceback|^Unhandled")


def loopback_address() -> str:
    """Return an address of this machine that hardly anybody else uses."""
    return f"127.0.0.{2 + os.getpid() % 250}"


def free_ports(address: str, count: int) -> list[int]:
    """Return ports on which nobody listens there."""
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind((address, 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


class Twistd:
    """A process `twistd -n xmppd`, with its log.

    Those that make one say where clients reach it (`host`, `address`, `port`, `tls_port`), and the
    file of the authority to believe, `ca`.
    """

    host: str
    address: str
    port: int
    tls_port: int
    ca: Path

    def __init__(self, folder: Path, data: Path, *options: str) -> None:
        self.folder = folder
        self.data = data
        self.variables: dict[str, str] = {}
        """What its environment and that of its xmppdctl has besides."""
        self.umask = -1
        """The umask to start it with, -1 for that of the tests."""
        self.expected_trouble: list[str] = []
        """Patterns for errors the log may have."""
        self.command = [*TWISTD, "--nodaemon", "--pidfile=", "xmppd", *options]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait until it can be used."""
        self._process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            env=environment(**self.variables),
            umask=self.umask,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        self.log = Heard(self._process.stdout, str, "the server")
        self.expect(r" listening on /")  # the control socket, the last

    def expect(self, pattern: str) -> str:
        """Wait for a line of the log in which the pattern is found."""
        return self.log.take(lambda line: re.search(pattern, line) is not None, repr(pattern))

    def hang_up(self) -> None:
        """Send SIGHUP, which is a wish to reload."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        """End it without any warning."""
        process, self._process = self._process, None
        assert process is not None
        process.kill()
        process.wait(PATIENCE)

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self._process is not None
        return self._process.pid

    def do(self, command: str, **arguments: Any) -> Any:
        """Give a command to the running server, as `xmppdctl` does, and return its result."""
        return RunningServer([self.data / "control.sock"]).run(command, arguments)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> list[str]:
        """Stop it and return its log.

        Raises AssertionError unless it goes in time, has said nothing about errors other than the
        expected, and leaves neither socket nor unfinished log of the database behind.
        """
        process, self._process = self._process, None
        assert process is not None
        process.send_signal(number)
        try:
            process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"still there after {STOPPING} s") from None
        finally:
            log = self.log.to_the_end()
        # twistd takes everything down and then ends by the signal that it was stopped with.
        if process.returncode != -number or not log[-1].endswith("Server Shut Down."):
            raise AssertionError(f"ended with {process.returncode}:\n" + "\n".join(log))
        left = [
            each for each in ("control.sock", "xmppd.sqlite-wal") if (self.data / each).exists()
        ]
        trouble = [line for line in log if self._is_trouble(line)]
        if left or trouble:
            raise AssertionError(f"left {left}, said {trouble}:\n" + "\n".join(log))
        return log

    def _is_trouble(self, line: str) -> bool:
        expected = any(re.search(pattern, line) for pattern in self.expected_trouble)
        return _TROUBLE.search(line) is not None and not expected

    def end(self) -> None:
        """Stop it if it runs; if that fails, it is dead all the same."""
        if self._process is not None:
            self.stop()


class Server(Twistd):
    """A server as a configuration file describes it, on ports of its own.

    It serves `HOST` with a development certificate. `general` are settings of the file that belong
    to no table, `tables` are further tables, `tls` and `host` the contents of those tables,
    `listen` what else is in that one, `ports` those for STARTTLS and direct TLS at `address`.
    """

    HOST = "capulet.example"

    def __init__(
        self,
        folder: Path,
        general: str = "",
        tables: str = "",
        tls: str = "development = true",
        host: str = "",
        ports: tuple[int, int] | None = None,
        listen: str = "",
        address: str = "",
    ) -> None:
        self.host = self.HOST
        self.config = folder / "xmppd.toml"
        super().__init__(folder, folder / "data", "--config", str(self.config))
        self.ca = self.data / "development" / "ca.pem"
        self.address = address or loopback_address()
        self.port, self.tls_port = ports or free_ports(self.address, 2)
        servers = "" if "[s2s]" in tables else "[s2s]\nenable = false\n"
        self.config.write_text(
            f'data = "data"\n{general}\n'
            f'[host."{self.HOST}"]\n{host}\n'
            f'[listen]\naddresses = ["{self.address}"]\n'
            f"c2s = {self.port}\nc2s_tls = {self.tls_port}\n{listen}\n"
            f"[tls]\n{tls}\n{servers}{tables}\n"
        )

    def add(self, *names: str) -> None:
        """Create accounts; each has its name for a password."""
        for name in names:
            self.do("user add", address=f"{name}@{self.HOST}", password=name)


def run(
    command: Sequence[str], folder: Path, given: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; nobody sits at a terminal."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(**variables),
        input=given,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        start_new_session=True,
    )


class LiveCase(SynchronousTestCase):
    """A test with processes; whatever it starts is stopped, and that must go well."""

    def folder(self) -> Path:
        """Return a new directory; its name is short, as that of the socket in it has to be."""
        folder = tempfile.TemporaryDirectory(prefix="xmppd-live-")
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def started(self, server: Twistd) -> None:
        """Start a server for the time of this test."""
        self.addCleanup(server.end)
        server.start()

    def server(self, **settings: Any) -> Server:
        """Return a running server that has these settings (see `Server`)."""
        server = Server(self.folder(), **settings)
        self.started(server)
        return server

    def ctl(self, server: Server, *arguments: str, given: str = "", status: int = 0) -> str:
        """Run xmppdctl for a server and return what it prints, be it results or complaints."""
        command = [*XMPPDCTL, "--config", str(server.config), *arguments]
        done = run(command, server.folder.parent, given, **server.variables)
        self.assertEqual(done.returncode, status, (arguments, done.stdout, done.stderr))
        self.assertNotIn("Traceback", done.stderr)
        return done.stdout or done.stderr

    def ctl_json(self, server: Server, *arguments: str, given: str = "") -> Any:
        """Run xmppdctl with --json and return the result."""
        return json.loads(self.ctl(server, *arguments, "--json", given=given))
