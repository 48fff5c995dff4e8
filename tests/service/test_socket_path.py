"""Where the control socket is, and that server and client agree about it."""

import os
import shutil
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from xmppd.server.config import ServerConfig
from xmppd.service import socket_path
from xmppd.service.socket_path import LONGEST, NoPlace, place_to_listen, places_to_connect


class SocketPathTests(SynchronousTestCase):
    """Short paths, long ones, and ones that are not safe."""

    def setUp(self) -> None:
        # Not in trial's folder: its length is not ours to choose.
        self.base = Path(tempfile.mkdtemp(prefix="xmppd-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.base)
        self.runtime = self.base / "run"
        self.runtime.mkdir(mode=0o700)
        self.environ = {"XDG_RUNTIME_DIR": str(self.runtime)}
        self.long = self.base / ("x" * LONGEST)
        self.long.mkdir(mode=0o700)

    def test_among_the_data(self) -> None:
        config = ServerConfig(data=self.base / "data")
        expected = self.base / "data" / "control.sock"
        self.assertEqual(place_to_listen(config, self.environ), expected)
        self.assertEqual(places_to_connect(config, self.environ), [expected])
        self.assertEqual((self.base / "data").stat().st_mode & 0o777, 0o700)

    def test_where_the_configuration_says(self) -> None:
        expected = self.base / "mine" / "socket"
        config = ServerConfig(data=self.long, control=expected)
        self.assertEqual(place_to_listen(config, self.environ), expected)
        self.assertEqual(places_to_connect(config, self.environ), [expected])

    def test_the_limit(self) -> None:
        name = "control.sock"
        room = LONGEST - len(f"{self.base}/") - len(f"/{name}")
        longest, too_long = self.base / ("y" * room), self.base / ("y" * (room + 1))
        self.assertEqual(place_to_listen(ServerConfig(data=longest), self.environ), longest / name)
        elsewhere = place_to_listen(ServerConfig(data=too_long), self.environ)
        self.assertEqual(elsewhere.parent, self.runtime / "xmppd")

    def test_long_paths_lead_to_the_same_place_each_time(self) -> None:
        config = ServerConfig(data=self.long)
        place = place_to_listen(config, self.environ)
        self.assertEqual(place.parent, self.runtime / "xmppd")
        self.assertEqual(place.parent.stat().st_mode & 0o777, 0o700)
        self.assertEqual(place_to_listen(config, self.environ), place)
        self.assertEqual(places_to_connect(config, self.environ)[0], place)
        link = self.base / "link"
        link.symlink_to(self.long)
        through = ServerConfig(data=link / ("../" * 40) / str(self.long)[1:])
        self.assertIn(place, places_to_connect(through, self.environ))
        other = self.base / ("z" * LONGEST)
        self.assertNotEqual(place_to_listen(ServerConfig(data=other), self.environ), place)

    def test_without_a_runtime_directory(self) -> None:
        place = place_to_listen(ServerConfig(data=self.long), {})
        self.addCleanup(shutil.rmtree, place.parent, ignore_errors=True)
        user = os.geteuid()
        self.assertIn(place.parent, (Path(f"/run/user/{user}/xmppd"), Path(f"/tmp/xmppd-{user}")))
        self.assertIn(place, places_to_connect(ServerConfig(data=self.long), {}))
        self.assertEqual(place.parent.stat().st_mode & 0o777, 0o700)

    def test_data_that_are_not_there(self) -> None:
        config = ServerConfig(data=self.long / "missing")
        self.assertEqual(places_to_connect(config, {"XDG_RUNTIME_DIR": str(self.runtime)}), [])

    def test_places_that_are_refused(self) -> None:
        shared = self.base / "shared"
        shared.mkdir()
        shared.chmod(0o777)
        foreign = self.runtime / "xmppd"
        foreign.mkdir()
        foreign.chmod(0o755)
        file = self.base / "file"
        file.touch()
        table = [
            (ServerConfig(data=shared), f"{shared}: others may write there; take that right away"),
            (ServerConfig(data=self.base, control=shared / "x"), f"{shared}: others may write"),
            (ServerConfig(data=self.long), f"{foreign}: is not private; remove it"),
            (ServerConfig(data=file), f"{file}: cannot be made (File exists)"),
            (ServerConfig(control=self.long / "x"), "is longer than 107 bytes; set a shorter"),
        ]
        for config, message in table:
            with self.subTest(message=message):
                error = self.assertRaises(NoPlace, place_to_listen, config, self.environ)
                self.assertIn(message.replace("107", str(LONGEST)), str(error))

    def test_when_there_is_no_place_at_all(self) -> None:
        self.patch(socket_path, "_elsewhere", lambda *arguments: [self.base / "no" / "no" / "x"])
        error = self.assertRaises(NoPlace, place_to_listen, ServerConfig(data=self.long), {})
        self.assertIn("set a shorter control path", str(error))

    def test_clients_refuse_them_too(self) -> None:
        shared = self.base / "shared"
        shared.mkdir()
        shared.chmod(0o777)
        foreign = self.runtime / "xmppd"
        foreign.symlink_to(self.base)
        for config in (ServerConfig(data=shared), ServerConfig(data=self.long)):
            with self.subTest(config=config):
                self.assertRaises(NoPlace, places_to_connect, config, self.environ)
