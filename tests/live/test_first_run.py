"""The first minutes of somebody new: start it, and paste what it says.

It takes the ports 5222 and 5223, so nobody else may have them meanwhile.
"""

import os
import re
import shlex
import shutil
import site
import socket
import venv
from pathlib import Path

from tests.installing import copy_of_the_checkout
from tests.live.clients import ClientCase
from tests.live.harness import TWISTD, Twistd, run
from tests.live.prompts import Prompted
from tests.live.screens import Screen, tmux_is_there
from tests.live.test_durability import require

HOST = "localhost"
PORTS = (5222, 5223)


def has_ipv6() -> bool:
    """Tell whether this machine reaches itself by IPv6."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def is_free(port: int) -> bool:
    """Tell whether a port can be had."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def need_the_ports() -> None:
    """Skip the test if somebody has the standard ports."""
    for port in PORTS:
        require(is_free(port), f"port {port}")


def make_environment(checkout: Path) -> None:
    """Make what `make run` would, of what is installed here instead of by a network."""
    environment = checkout / ".venv"
    venv.create(environment, symlinks=True)
    (packages,) = environment.glob("lib/python3*/site-packages")
    paths = [*site.getsitepackages(), checkout]
    (packages / "xmppd-checkout.pth").write_text("".join(f"{path}\n" for path in paths))
    shutil.copy(TWISTD[1], environment / "bin" / "twistd")
    control = environment / "bin" / "xmppdctl"
    control.write_text(
        f"#!{environment}/bin/python\n"
        "from xmppd.service.control_client import main\n"
        "raise SystemExit(main())\n"
    )
    control.chmod(0o700)
    (environment / ".run").touch()


class NewServer(Twistd):
    """A server that is told nothing."""

    host = HOST
    address = "127.0.0.1"
    port, tls_port = PORTS

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, folder / "var")
        self.ca = self.data / "development" / "ca.pem"

    def start(self) -> None:
        """Start it and wait for the last line of what it says to its user."""
        super().start()
        self.expect("^Stop with Ctrl-C.$")

    def lines_to_paste(self) -> list[str]:
        """Return the lines that it shows to be pasted."""
        return [line.strip() for line in self.log.so_far() if line.startswith("    ")]


class FirstRunTests(ClientCase):
    """`twistd -n xmppd` in an empty folder; who pastes is somewhere else."""

    def setUp(self) -> None:
        need_the_ports()
        self.place = self.folder() / "a new place"
        self.place.mkdir()
        self.elsewhere = self.folder()
        self.running = NewServer(self.place)
        self.started(self.running)

    def pasted(self, beginning: str) -> str:
        """Return the one line that begins like this."""
        (line,) = (each for each in self.running.lines_to_paste() if each.startswith(beginning))
        return line

    def add(self, user: str) -> None:
        """Paste the line that adds a user, with that name, and type a password."""
        line = self.pasted("(cd ")
        self.assertEqual(line.count("juliet"), 1)
        adding = Prompted(["sh", "-c", line.replace("juliet", user)], self.elsewhere)
        self.addCleanup(adding.end)
        adding.answer("password: ", user)
        adding.answer("again: ", user)
        status, shown = adding.end()
        self.assertEqual(status, 0, shown)
        self.assertIn(f"{user}@{HOST}", shown)

    def test_users_can_chat(self) -> None:
        self.add("juliet")
        self.add("romeo")
        juliet = self.online(self.running)
        if has_ipv6():
            self.running.address = "::1"
        romeo = self.online(self.running, "romeo", way="direct")
        juliet.ask("message", to=f"romeo@{HOST}/slix", body="Good morrow")
        romeo.expect("message", body="Good morrow")
        romeo.ask("message", to=f"juliet@{HOST}/slix", body="Is the day so young?")
        juliet.expect("message", body="Is the day so young?")

    def test_profanity_as_told(self) -> None:
        require(shutil.which("profanity") is not None, "profanity")
        require(tmux_is_there(), "tmux")
        self.add("juliet")
        start = self.pasted("SSL_CERT_FILE=")
        screen = Screen(self.elsewhere, shlex.join(["sh", "-c", start]))
        self.addCleanup(screen.end)
        screen.expect("Type '/help' to show complete help.")
        screen.type(self.pasted("/connect "))
        screen.expect("Enter password:")
        screen.type("juliet")
        screen.expect(f"juliet@{HOST}/")
        screen.expect("logged in successfully")

    def test_trust_for_the_whole_machine(self) -> None:
        """Here it is tried with stand-ins for the commands that change the machine."""
        copy, update = (self.pasted(each) for each in self.names_of_root())
        log = self.elsewhere / "log"
        for name in ("sudo", "cp", "update-ca-certificates"):
            stand_in = self.elsewhere / name
            stand_in.write_text(f'#!/bin/sh\nprintf "%s\\n" "{name}" "$@" >> {log}\n')
            stand_in.chmod(0o700)
        path = f"{self.elsewhere}:{os.environ['PATH']}"
        for line in (copy, update):
            self.assertEqual(run(["sh", "-c", line], self.elsewhere, PATH=path).returncode, 0)
        sudo = [] if os.geteuid() == 0 else ["sudo"]
        target = "/usr/local/share/ca-certificates/xmppd-development.crt"
        self.assertEqual(
            log.read_text().splitlines(),
            [*sudo, "cp", str(self.running.ca), target, *sudo, "update-ca-certificates"],
        )

    def names_of_root(self) -> tuple[str, str]:
        """Return how the lines for root begin."""
        sudo = "" if os.geteuid() == 0 else "sudo "
        return f"{sudo}cp ", f"{sudo}update-ca"

    def test_only_this_machine_reaches_it(self) -> None:
        said = "\n".join(self.running.log.so_far())
        addresses = set(re.findall(r" listening on (\S+) port (\d+)", said))
        expected = {("127.0.0.1", str(port)) for port in PORTS}
        if has_ipv6():
            expected |= {("::1", str(port)) for port in PORTS}
        self.assertEqual(addresses, expected)

    def test_what_is_lost_in_another_directory(self) -> None:
        """The same command elsewhere says so, and makes no account of no use."""
        line = self.pasted("(cd ")
        command = line.partition("&& ")[2].removesuffix(")")
        done = run(["sh", "-c", f"{command} --password-stdin"], self.elsewhere, "x\n")
        self.assertEqual(done.returncode, 3)
        self.assertIn("no server has run here", done.stderr)


class MakeRunTests(ClientCase):
    """`make run` in a fresh checkout whose environment has been made, and its README beside it."""

    def setUp(self) -> None:
        need_the_ports()
        for command in ("make", "profanity"):
            require(shutil.which(command) is not None, command)
        require(tmux_is_there(), "tmux")
        self.checkout = copy_of_the_checkout(self.folder())
        make_environment(self.checkout)
        self.first = self.terminal()
        self.first.type("make run")
        self.addCleanup(self.stop)
        self.first.expect("Stop with Ctrl-C.")

    def stop(self) -> None:
        """Press Ctrl-C, as told."""
        self.first.type("\x03")
        self.first.expect("Server Shut Down.")
        self.assertFalse((self.checkout / "var" / "control.sock").exists())

    def terminal(self) -> Screen:
        """Return a shell in the checkout; nothing but the environment in there is known."""
        screen = Screen(self.folder(), "sh", PYTHONPATH="")
        self.addCleanup(screen.end)
        screen.type(f"cd {self.checkout}")
        return screen

    def readme(self, beginning: str) -> str:
        """Return the one line of the README to be typed that begins like this."""
        lines = (self.checkout / "README.rst").read_text().splitlines()
        (line,) = (line.strip() for line in lines if line.startswith(f"    {beginning}"))
        return line

    def add(self, line: str, folder: str = ".") -> None:
        """Type the line that adds a user, and a password twice, in a new terminal."""
        terminal = self.terminal()
        terminal.type(f"cd {folder}")
        terminal.type(line)
        terminal.expect("password:")
        terminal.type("secret")
        terminal.expect("password again:")
        terminal.type("secret")
        terminal.expect("added")

    def chatting(self, connect: str) -> Screen:
        """Return a profanity that has logged in by that line."""
        screen = self.terminal()
        screen.type("profanity")
        screen.expect("Type '/help' to show complete help.")
        screen.type(connect)
        screen.expect("Enter password:")
        screen.type("secret")
        screen.expect("logged in successfully")
        return screen

    def test_what_is_printed(self) -> None:
        lines = self.first.shown().splitlines()
        (line,) = (line.strip() for line in lines if line.startswith("    (cd "))
        self.assertIn(f"{self.checkout}/.venv/bin/xmppdctl user add juliet@{HOST}", line)
        self.add(line, folder="/")

    def test_the_first_chat_of_the_readme(self) -> None:
        for user in ("juliet", "romeo"):
            self.add(self.readme(f".venv/bin/xmppdctl user add {user}"))
        romeo = self.chatting(self.readme("/connect romeo"))
        juliet = self.chatting(self.readme("/connect juliet"))
        message = self.readme("/msg ")
        juliet.type(message)
        romeo.expect(f"juliet@{HOST}")
        romeo.type("/win 2")
        romeo.expect(message.partition(HOST)[2].strip())
        juliet.type(self.readme("/sub request"))
        romeo.expect("Authorization request, type '/sub allow' to accept")
        romeo.type(self.readme("/sub allow"))
        juliet.type("/win 1")
        juliet.expect(f"Subscription received from romeo@{HOST}")
        juliet.type("/roster")
        juliet.expect(f"romeo@{HOST} - to")
