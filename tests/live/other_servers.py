"""Prosody and ejabberd as they are installed here, each with a configuration for one test.

They listen without TLS, on this machine only. Both refuse to run as root: if the tests do, they run
as their own users.
"""

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.live.harness import free_ports, loopback_address
from tests.live.processes import PATIENCE, Heard
from tests.live.test_durability import require

HOSTS = ("capulet.example", "montague.example")
"""The hosts of each; passwords on the second are kept in clear."""

_EJABBERDCTL = ("ejabberdctl", "/usr/sbin/ejabberdctl")


class OtherServer:
    """A server of another make; everything of it is in `folder`.

    `user`: whom it runs as if the tests run as root.
    """

    user: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = loopback_address()
        (self.port,) = free_ports(self.address, 1)
        self._process: subprocess.Popen[str] | None = None
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            found = pwd.getpwnam(self.user)
            self._as = {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
        self.configure()
        self._own(folder)

    def configure(self) -> None:
        """Write what it reads at its start."""

    def add(self, name: str, host: str, password: str) -> None:
        """Create an account."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it."""
        raise NotImplementedError

    def stop(self) -> None:
        """Stop it, if it runs."""
        raise NotImplementedError

    def variables(self) -> dict[str, str]:
        """Return what its environment has."""
        return {**os.environ, "HOME": str(self.folder)}

    def _own(self, path: Path) -> None:
        """Give it what is in a folder."""
        if self._as:
            for each in (path, *path.rglob("*")):
                os.chown(each, self._as["user"], self._as["group"])

    def run(self, *command: str) -> str:
        """Run a command as the server and return what it prints."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.variables(),
            capture_output=True,
            text=True,
            timeout=3 * PATIENCE,
            check=False,
            **self._as,
        )
        if done.returncode:
            raise AssertionError(f"{command[-1]}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        printed: str = done.stdout
        return printed

    def begin(self, command: Sequence[str], ready: str) -> None:
        """Start it and wait for a line of its log."""
        self._process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **self._as,
        )
        assert self._process.stdout is not None
        self.log = Heard(self._process.stdout, str, type(self).__name__)
        self.expect(ready)

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self._process is not None
        return self._process.pid

    def expect(self, pattern: str) -> str:
        """Wait for a line of the log in which the pattern is found."""
        return self.log.take(lambda line: re.search(pattern, line) is not None, pattern)

    def ended(self) -> None:
        """Wait until it is gone; one that will not go is killed."""
        process, self._process = self._process, None
        if process is not None:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


class Prosody(OtherServer):
    """Prosody with internal storage, unless `storage` names another."""

    user = "prosody"

    def __init__(self, folder: Path, storage: str = "internal") -> None:
        require(shutil.which("prosody") is not None, "prosody")
        self.data = folder / "data"
        self._storage = storage
        super().__init__(folder)

    def configure(self) -> None:
        """Write the configuration."""
        self.data.mkdir(exist_ok=True)
        first, second = HOSTS
        (self.folder / "prosody.cfg.lua").write_text(
            f"""
            data_path = "{self.data}"
            pidfile = "{self.folder}/pid"
            interfaces = {{ "{self.address}" }}
            c2s_ports = {{ {self.port} }}
            c2s_direct_tls_ports = {{}}
            s2s_ports = {{}}
            modules_enabled = {{ "roster", "saslauth", "private", "vcard", "blocklist", "offline" }}
            modules_disabled = {{ "s2s", "tls" }}
            c2s_require_encryption = false
            authentication = "internal_hashed"
            storage = "{self._storage}"
            log = {{ info = "*console" }}
            VirtualHost "{first}"
            VirtualHost "{second}"
                authentication = "internal_plain"
            """
        )

    def _ctl(self) -> tuple[str, ...]:
        return ("prosodyctl", "--config", str(self.folder / "prosody.cfg.lua"))

    def add(self, name: str, host: str, password: str) -> None:
        """Create an account."""
        self.run(*self._ctl(), "register", name, host, password)

    def start(self) -> None:
        """Start it."""
        command = ("prosody", "--config", str(self.folder / "prosody.cfg.lua"), "-F")
        self.begin(command, "Activated service 'c2s'")

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.terminate()
            self.ended()


class Ejabberd(OtherServer):
    """ejabberd with its data in Mnesia."""

    user = "ejabberd"

    def __init__(self, folder: Path) -> None:
        self._command = next((each for each in _EJABBERDCTL if shutil.which(each)), "")
        allowed = os.geteuid() == 0 or pwd.getpwuid(os.geteuid()).pw_name == self.user
        require(bool(self._command) and allowed, "ejabberd, and to be root or its user")
        super().__init__(folder)

    def configure(self) -> None:
        """Write the configuration."""
        for name in ("spool", "logs", "conf"):
            (self.folder / name).mkdir()
        (self.folder / "conf" / "ejabberdctl.cfg").touch()
        (self.folder / "conf" / "inetrc").write_text('{lookup, ["file", "native"]}.\n')
        (self.folder / "conf" / "ejabberd.yml").write_text(
            f"""
hosts: [{", ".join(HOSTS)}]
loglevel: info
auth_password_format: scram
host_config:
  {HOSTS[1]}: {{auth_password_format: plain}}
listen:
  - {{port: {self.port}, ip: "{self.address}", module: ejabberd_c2s, starttls: false}}
modules:
  mod_admin_extra: {{}}
  mod_blocking: {{}}
  mod_offline: {{}}
  mod_privacy: {{}}
  mod_private: {{}}
  mod_roster: {{}}
  mod_vcard: {{}}
"""
        )
        (self._distribution,) = free_ports("127.0.0.1", 1)

    def variables(self) -> dict[str, str]:
        """Return an environment without epmd, which others may be using."""
        return {
            **super().variables(),
            "ERL_DIST_PORT": str(self._distribution),
            "INET_DIST_INTERFACE": "127.0.0.1",
        }

    def ctl(self, *arguments: str) -> str:
        """Run ejabberdctl."""
        return self.run(*self._ctl(), *arguments)

    def _ctl(self) -> tuple[str, ...]:
        conf = self.folder / "conf"
        return (
            self._command,
            *("--node", f"xmppd{os.getpid()}@localhost"),
            *("--config-dir", str(conf)),
            *("--config", str(conf / "ejabberd.yml")),
            *("--ctl-config", str(conf / "ejabberdctl.cfg")),
            *("--logs", str(self.folder / "logs")),
            *("--spool", str(self.folder / "spool")),
        )

    def add(self, name: str, host: str, password: str) -> None:
        """Create an account; it has to run."""
        self.ctl("register", name, host, password)

    def start(self) -> None:
        """Start it."""
        self.begin((*self._ctl(), "foreground"), "Start accepting TCP connections")
        self.ctl("started")

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            try:
                self.ctl("stop")
            except AssertionError:
                self._process.kill()
                raise
            finally:
                self.ended()
