"""xmppdctl as administrators use it: on a running server, and on the data of a stopped one."""

import json
import os
import stat
from pathlib import Path

from tests.live.clients import ClientCase
from tests.live.harness import TWISTD, XMPPDCTL, LiveCase, Server, run
from tests.live.prompts import Prompted
from xmppd import __version__
from xmppd.service.lock import DataLock

HOST = Server.HOST
JULIET = f"juliet@{HOST}"

DONE, FAILED, USAGE, NOT_RUNNING, INTERRUPTED = 0, 1, 2, 3, 130


def mode(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.lstat().st_mode)


class AccountTests(LiveCase):
    """The same commands do the same whether the server runs or not."""

    def life_of_an_account(self, server: Server) -> None:
        added = self.ctl_json(server, "user", "add", JULIET, "--password-stdin", given="one\n")
        self.assertEqual(added, {"address": JULIET, "change": "added"})
        complaint = self.ctl(
            server, "user", "add", JULIET, "--password-stdin", given="two\n", status=FAILED
        )
        self.assertEqual(complaint.count("\n"), 1)
        self.assertTrue(complaint.startswith(f"xmppdctl: {JULIET} is taken"), complaint)
        (row,) = self.ctl_json(server, "user", "list")
        self.assertEqual((row["address"], row["disabled"], row["sessions"]), (JULIET, False, 0))
        self.assertIn(JULIET, self.ctl(server, "user", "list", "--host", HOST))
        changed = self.ctl_json(
            server, "user", "password", JULIET, "--password-stdin", given="two\n"
        )
        self.assertEqual(changed, {"address": JULIET, "change": "password set"})
        deleted = self.ctl_json(server, "user", "delete", JULIET)
        self.assertEqual(deleted, {"address": JULIET, "change": "deleted"})
        self.ctl(server, "user", "delete", JULIET, status=FAILED)
        self.assertEqual(self.ctl_json(server, "user", "list"), [])

    def test_while_the_server_runs(self) -> None:
        self.life_of_an_account(self.server())

    def test_while_it_does_not(self) -> None:
        server = Server(self.folder())
        self.life_of_an_account(server)
        self.assertEqual(mode(server.data), 0o700)
        self.assertEqual(mode(server.data / "xmppd.sqlite"), 0o600)

    def test_what_cannot_be_done(self) -> None:
        for server in (self.server(), Server(self.folder())):
            for arguments, given, complaint in (
                (
                    ("user", "add", "juliet@elsewhere.example"),
                    "x\n",
                    "elsewhere.example is not ser",
                ),
                (("user", "add", "juliet"), "x\n", "'juliet' is no address of an account"),
                (("user", "add", JULIET), "\n", "the password must not be empty"),
                (("user", "add", JULIET), "", "standard input is empty"),
                (("user", "password", JULIET), "x\n", f"there is no account {JULIET}"),
            ):
                said = self.ctl(server, *arguments, "--password-stdin", given=given, status=FAILED)
                self.assertTrue(said.startswith(f"xmppdctl: {complaint}"), said)

    def test_wrong_usage(self) -> None:
        server = Server(self.folder())
        for arguments in (
            (),
            ("user",),
            ("user", "add"),
            ("dance",),
            ("user", "add", JULIET, "--password", "seen-by-all"),
            ("user", "list", "--limit", "many"),
        ):
            self.assertIn("usage: xmppdctl", self.ctl(server, *arguments, status=USAGE))


class ServerTests(ClientCase):
    """Commands about the server and its sessions."""

    def test_status(self) -> None:
        server = self.server()
        server.add("juliet")
        self.online(server)
        status = self.ctl_json(server, "status")
        self.assertEqual(
            (status["version"], status["hosts"], status["connections"], status["sessions"]),
            (__version__, [HOST], 1, 1),
        )
        self.assertGreater(status["uptime"], 0)
        self.assertIn(f"hosts {HOST}", " ".join(self.ctl(server, "status").split()))

    def test_sessions(self) -> None:
        server = self.server()
        server.add("juliet", "romeo")
        clients = [
            self.online(server),
            self.online(server, resource="phone"),
            self.online(server, "romeo"),
        ]
        full = [f"{JULIET}/slix", f"{JULIET}/phone", f"romeo@{HOST}/slix"]
        for more, listed in (
            ((), full),
            (("--of", JULIET), full[:2]),
            (("--of", HOST), full),
            (("--of", full[1]), full[1:2]),
            (("--of", f"nobody@{HOST}"), []),
        ):
            rows = self.ctl_json(server, "session", "list", *more)
            self.assertEqual(sorted(row["address"] for row in rows), sorted(listed), more)
        clients[2].ask("presence", to="", status="")
        clients[2].expect("presence")
        (row,) = self.ctl_json(server, "session", "list", "--of", full[2])
        self.assertTrue(row["available"])
        self.assertEqual(len(self.ctl_json(server, "session", "list", "--limit", "1")), 1)
        kicked = self.ctl_json(server, "session", "kick", JULIET)
        self.assertEqual(sorted(row["address"] for row in kicked), sorted(full[:2]))
        for client in clients[:2]:
            client.expect("stream error", condition="policy-violation")
        self.ctl(server, "session", "kick", JULIET, status=FAILED)
        self.assertEqual(clients[2].seen("stream error"), [])

    def test_reload_and_check(self) -> None:
        server = self.server()
        expected = {"hosts": [HOST], "errors": [], "notes": []}
        self.assertEqual(self.ctl_json(server, "reload"), expected)
        server.expect(f"reloaded: {HOST}$")
        findings = self.ctl_json(server, "check")
        self.assertEqual({row["level"] for row in findings}, {"ok", "warn"})
        server.data.chmod(0o750)
        self.assertIn("others may look into it", self.ctl(server, "check"))
        server.data.chmod(0o700)

    def test_without_a_server(self) -> None:
        server = Server(self.folder())
        for command in (
            ("status",),
            ("reload",),
            ("session", "list"),
            ("session", "kick", JULIET),
        ):
            said = self.ctl(server, *command, status=NOT_RUNNING)
            self.assertEqual(said, "xmppdctl: the server is not running\n")

    def test_check_without_a_server(self) -> None:
        server = Server(self.folder())
        said = self.ctl(server, "check")
        self.assertIn("is not there yet", said)
        self.assertIn(f"{server.address} port {server.port}: nobody else has it.", said)
        self.assertFalse(server.data.exists())
        taken = self.server()
        server.config.write_text(taken.config.read_text())
        findings = json.loads(self.ctl(server, "check", "--json", status=FAILED))
        errors = [row["finding"] for row in findings if row["level"] == "error"]
        self.assertEqual(len(errors), 2)
        for error in errors:
            self.assertIn("Address already in use", error)


class PromptTests(LiveCase):
    """Somebody at a terminal."""

    def setUp(self) -> None:
        self.running = self.server()

    def ask(self, *arguments: str) -> Prompted:
        config = ("--config", str(self.running.config))
        prompted = Prompted([*XMPPDCTL, *config, *arguments], self.running.folder)
        self.addCleanup(prompted.end)
        return prompted

    def test_a_password_is_asked_for_twice_and_not_shown(self) -> None:
        for command in ("add", "password"):
            asking = self.ask("user", command, JULIET)
            asking.answer("password: ", "Wherefore?")
            asking.answer("password again: ", "Wherefore?")
            status, shown = asking.end()
            self.assertEqual(status, DONE, shown)
            self.assertIn(JULIET, shown)
            self.assertNotIn("Wherefore?", shown)

    def test_two_passwords(self) -> None:
        asking = self.ask("user", "add", JULIET)
        asking.answer("password: ", "Wherefore?")
        asking.answer("password again: ", "Therefore!")
        status, shown = asking.end()
        self.assertEqual(status, FAILED)
        self.assertIn("xmppdctl: what you typed was not the same both times\n", shown)
        self.assertEqual(self.running.do("user list"), [])

    def test_second_thoughts(self) -> None:
        asking = self.ask("user", "add", JULIET)
        asking.answer("password: ", "Wherefore?")
        asking.answer("password again: ", "\x03")  # Ctrl-C
        status, shown = asking.end()
        self.assertEqual(status, INTERRUPTED)
        self.assertNotIn("Traceback", shown)
        self.assertEqual(self.running.do("user list"), [])

    def test_nobody_to_ask(self) -> None:
        said = self.ctl(self.running, "user", "add", JULIET, given="secret\n", status=FAILED)
        self.assertEqual(
            said,
            "xmppdctl: there is nobody to ask; use --password-stdin and standard input\n",
        )


class PlaceTests(LiveCase):
    """Where server and xmppdctl meet, and who else may."""

    def test_only_one_works_with_the_data(self) -> None:
        server = Server(self.folder())
        complaint = f"the data in {server.data} are in use by process {os.getpid()}"
        with DataLock(server.data / "lock"):
            said = self.ctl(server, "user", "list", status=FAILED)
            self.assertEqual(said, f"xmppdctl: {complaint}\n")
            done = run([*TWISTD, "-n", "xmppd", "--config", str(server.config)], server.folder)
            self.assertEqual((done.returncode, done.stderr), (1, f"xmppd: {complaint}\n"))
        self.assertEqual(self.ctl(server, "user", "list"), "(none)\n")

    def test_a_long_path(self) -> None:
        folder = self.folder() / ("long" * 40)
        folder.mkdir()
        server = Server(folder)
        runtime = self.folder()
        server.variables = {"XDG_RUNTIME_DIR": str(runtime)}
        self.started(server)
        self.assertEqual(self.ctl_json(server, "status")["hosts"], [HOST])
        (place,) = (runtime / "xmppd").iterdir()
        self.assertEqual((mode(place.parent), mode(place)), (0o700, 0o600))
        server.stop()
        self.assertFalse(place.exists())
        self.ctl(server, "status", status=NOT_RUNNING)

    def test_modes_are_strict_whatever_the_umask(self) -> None:
        server = Server(self.folder())
        server.umask = 0
        self.started(server)
        server.add("juliet")
        data = server.data
        self.assertEqual((mode(data), mode(data / "development")), (0o700, 0o700))
        readable = {
            path.name for path in data.rglob("*") if not path.is_dir() and mode(path) != 0o600
        }
        self.assertEqual(readable, {"ca.pem", f"{HOST}.pem"})
        for name in readable:
            self.assertEqual(mode(data / "development" / name), 0o644)
        for name in ("control.sock", "lock", "xmppd.sqlite", "xmppd.sqlite-wal"):
            self.assertTrue((data / name).exists(), name)

    def test_nothing_is_made_where_no_server_has_run(self) -> None:
        folder = self.folder()
        done = run(
            [*XMPPDCTL, "user", "add", "juliet@localhost", "--password-stdin"], folder, "x\n"
        )
        self.assertEqual(done.returncode, NOT_RUNNING)
        self.assertIn("no server has run here", done.stderr)
        self.assertEqual(list(folder.iterdir()), [])
