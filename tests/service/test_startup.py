"""twistd and xmppdctl as processes: a whole life, and everything that stops a start."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.service.processes import ROOT, child_environment, free_ports
from tests.service.sockets import short_directory
from xmppd.service.lock import DataLock

TWISTD = (sys.executable, "-c", "from twisted.scripts.twistd import run; run()")
CONTROL = (sys.executable, "-m", "xmppd.service.control_client")
PATIENCE = 60

CONFIG = """
data = "data"
shutdown_seconds = 5
[host."localhost"]
[tls]
development = true
[listen]
addresses = ["127.0.0.1"]
c2s = {0}
c2s_tls = {1}
[s2s]
enable = false
[log]
format = "json"
"""

Process = subprocess.Popen[str]


class Processes(SynchronousTestCase):
    """A directory for each server, and processes that do not outlive the test."""

    def setUp(self) -> None:
        self.base = short_directory(self)
        self.base.chmod(0o755)

    def folder(self, name: str, config: str = CONFIG) -> Path:
        """Make a directory with a configuration on ports of its own."""
        folder = self.base / name
        folder.mkdir(mode=0o700)
        (folder / "xmppd.toml").write_text(config.format(*free_ports(2)))
        return folder

    def start(self, folder: Path, *command: str, **environ: str) -> Process:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=child_environment(**environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def twistd(self, folder: Path, *options: str, **environ: str) -> Process:
        command = (*TWISTD, "-n", *options, "xmppd", "--config", "xmppd.toml")
        return self.start(folder, *command, **environ)

    def control(self, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            (*CONTROL, "--config", "xmppd.toml", *arguments),
            cwd=folder,
            env=child_environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


class LifeTests(Processes):
    """A server that comes up, reloads and goes down."""

    def listening(self, folder: Path) -> socket.socket:
        """Return the socket on which systemd would be told."""
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(told.close)
        told.settimeout(PATIENCE)
        told.bind(str(folder / "notify"))
        return told

    def test_start_reload_stop(self) -> None:
        folder = self.folder("life")
        told = self.listening(folder)
        server = self.twistd(folder, NOTIFY_SOCKET=str(folder / "notify"))
        self.assertEqual(told.recv(100), b"READY=1")

        status = json.loads(self.control(folder, "status", "--json").stdout)
        self.assertEqual(status["hosts"], ["localhost"])
        second = self.twistd(folder)
        _, said = second.communicate(timeout=PATIENCE)
        self.assertIn("Another twistd server is running", said)

        server.send_signal(signal.SIGHUP)
        self.assertEqual([told.recv(100), told.recv(100)], [b"RELOADING=1", b"READY=1"])
        self.assertEqual(self.control(folder, "reload").returncode, 0)
        self.assertEqual([told.recv(100), told.recv(100)], [b"RELOADING=1", b"READY=1"])

        server.send_signal(signal.SIGTERM)
        self.assertEqual(told.recv(100), b"STOPPING=1")
        out, err = server.communicate(timeout=PATIENCE)
        # twistd ends by the signal it was sent.
        self.assertEqual((server.returncode, err), (-signal.SIGTERM, ""))
        messages = [json.loads(line)["message"] for line in out.splitlines()]
        self.assertTrue(any("serves localhost" in message for message in messages), messages)
        self.assertFalse((folder / "data" / "control.sock").exists())
        self.assertEqual(self.control(folder, "status").returncode, 3)

    def test_without_a_configuration(self) -> None:
        folder = self.base / "fresh"
        folder.mkdir(mode=0o700)
        config = folder / "var"
        taken = [socket.socket() for _ in range(2)]
        for port, each in zip((5222, 5223), taken, strict=True):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if each.connect_ex(("127.0.0.1", port)) == 0:
                self.skipTest("something listens on the standard ports of this machine")
            each.close()
        server = self.start(folder, *TWISTD, "-n", "--pidfile=", "xmppd")
        assert server.stdout is not None
        shown = ""
        while "Stop with Ctrl-C." not in shown:
            line = server.stdout.readline()
            self.assertTrue(line, shown)
            shown += line
        self.assertIn("user add juliet@localhost", shown)
        self.assertIn(str(config / "development" / "ca.pem"), shown)
        self.assertTrue((config / "development" / "ca.pem").exists())
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=PATIENCE)

    def test_as_another_user(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("only root can become somebody else")
        nobody = 65534
        # In memory: as root's, Python's own files may be out of reach for what is imported late.
        folder = self.folder("other", CONFIG + "[storage]\nstore = 'memory'\n")
        (folder / "data").mkdir(mode=0o700)
        for path in (folder, folder / "data", folder / "xmppd.toml"):
            os.chown(path, nobody, nobody)
        told = self.listening(folder)
        os.chown(folder / "notify", nobody, nobody)
        server = self.twistd(
            folder,
            f"--uid={nobody}",
            f"--gid={nobody}",
            "--pidfile=",
            NOTIFY_SOCKET=str(folder / "notify"),
        )
        self.assertEqual(told.recv(100), b"READY=1")
        self.assertEqual((folder / "data" / "lock").stat().st_uid, nobody)
        self.assertEqual(self.control(folder, "status").returncode, 0)
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=PATIENCE)

    def test_twistd_lists_it(self) -> None:
        helped = self.start(self.base, *TWISTD, "--help")
        out, _ = helped.communicate(timeout=PATIENCE)
        self.assertRegex(out, r"(?m)^ +xmppd +An XMPP server$")


class FailureTests(Processes):
    """One line on standard error, status 1, and nothing left running."""

    def test_failures(self) -> None:
        running = [(expected, self.twistd(folder)) for folder, expected in self.broken()]
        for expected, server in running:
            with self.subTest(expected=expected):
                _, err = server.communicate(timeout=PATIENCE)
                self.assertEqual(err.count("\n"), 1, err)
                self.assertTrue(err.startswith("xmppd: "), err)
                self.assertIn(expected, err)
                self.assertEqual(server.returncode, 1)
        for pid_file in self.base.glob("*/twistd.pid"):
            self.fail(f"{pid_file} was left behind")

    def broken(self) -> list[tuple[Path, str]]:
        """Return directories in which no server can start, and the reasons."""
        named = CONFIG.replace("development = true", 'certificate = "c.pem"\nkey = "k.pem"')
        unknown = self.folder("unknown", CONFIG + "[modules]\nenable = ['acme']\n")
        typo = self.folder("typo", CONFIG.replace("[listen]", "[listn]"))
        no_key = self.folder("no-key", named)
        bad_key = self.folder("bad-key", named)
        self.identity(no_key)
        (no_key / "k.pem").unlink()
        (no_key / "k.pem").mkdir()
        self.identity(bad_key)
        (bad_key / "k.pem").write_text("nonsense")
        port = self.folder("port")
        newer = self.folder("newer")
        self.newer_schema(newer / "data")
        damaged = self.folder("damaged")
        (damaged / "data").mkdir(mode=0o700)
        (damaged / "data" / "xmppd.sqlite").write_text("no database " * 1000)
        locked = self.folder("locked")
        lock = DataLock(locked / "data" / "lock")
        lock.acquire()
        self.addCleanup(lock.release)
        shared = self.folder("shared")
        (shared / "data").mkdir()
        (shared / "data").chmod(0o777)
        return [
            (typo, f"{typo}/xmppd.toml:7: listn: there is no such key; did you mean 'listen'?"),
            (unknown, "there is no module 'acme'; found: disco, "),
            (no_key, f"{no_key}/k.pem: cannot be read (Is a directory)"),
            (bad_key, "k.pem: holds no private key in PEM form that can be read"),
            (port, f"cannot listen on 127.0.0.1, port {self.take(port)}: Address already in use"),
            (newer, "newer"),
            (damaged, "xmppd.sqlite"),
            (locked, f"the data in {locked}/data are in use by process {os.getpid()}"),
            (shared, f"{shared}/data: others may write there; take that right away"),
        ]

    def identity(self, folder: Path) -> None:
        """Put a certificate and its key into a directory."""
        from datetime import UTC, datetime

        from xmppd.net.development import ensure_development_identity

        made = ensure_development_identity(folder / "made", ["localhost"], datetime.now(UTC))
        shutil.copy(made.chain, folder / "c.pem")
        shutil.copy(made.key, folder / "k.pem")

    def newer_schema(self, data: Path) -> None:
        data.mkdir(mode=0o700)
        database = sqlite3.connect(data / "xmppd.sqlite")
        database.execute("PRAGMA user_version = 1000000")
        database.close()

    def take(self, folder: Path) -> int:
        """Listen on a port of a configuration and return its number."""
        line = next(
            line for line in (folder / "xmppd.toml").read_text().splitlines() if "c2s_tls" in line
        )
        port = int(line.rpartition("=")[2])
        taken = socket.create_server(("127.0.0.1", port))
        self.addCleanup(taken.close)
        return port

    def test_detached(self) -> None:
        folder = self.folder("detached")
        port = self.take(folder)
        command = (*TWISTD, "xmppd", "--config", "xmppd.toml")
        server = self.start(folder, *command)
        _, err = server.communicate(timeout=PATIENCE)
        self.assertEqual(server.returncode, 1)
        self.assertIn("cannot listen on 127.0.0.1", err)
        self.assertFalse((folder / "twistd.pid").exists())
        # twistd tells the shell before the process that has detached itself ends.
        words = f"cannot listen on 127.0.0.1, port {port}: Address already in use"
        deadline = time.monotonic() + PATIENCE
        while words not in (folder / "twistd.log").read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertIn(words, (folder / "twistd.log").read_text())

    def test_the_tree_is_the_one_under_test(self) -> None:
        server = self.start(self.base, sys.executable, "-c", "import xmppd; print(xmppd.__file__)")
        out, _ = server.communicate(timeout=PATIENCE)
        self.assertTrue(out.startswith(str(ROOT)), out)
