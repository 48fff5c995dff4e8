"""What somebody is told who starts a server without any configuration."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from xmppd.server.config import without_a_file
from xmppd.service.welcome import welcome

DATA = Path("/some where/var")
CONFIG = without_a_file(DATA, ("127.0.0.1", "::1"))


class WelcomeTests(SynchronousTestCase):
    """It can be pasted."""

    def command(self) -> list[str]:
        (line,) = (line for line in welcome(CONFIG).splitlines() if "user add" in line)
        return shlex.split(line.strip().removeprefix("(").removesuffix(")"))

    def test_it_names_all_a_client_needs(self) -> None:
        text = welcome(CONFIG)
        for words in ("juliet@localhost", "127.0.0.1", "5222", "5223", "var/development/ca.pem"):
            self.assertIn(words, text)

    def test_trusting_is_for_root(self) -> None:
        for user, prefix in ((0, "    cp '/some where/"), (1000, "    sudo cp '/some where/")):
            with self.subTest(user=user):
                self.patch(os, "geteuid", lambda user=user: user)
                self.assertIn(prefix, welcome(CONFIG))

    def test_xmppdctl_is_found(self) -> None:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        table = [
            ("/usr/bin/xmppdctl", False, ["xmppdctl"]),
            (None, True, [str(folder / "xmppdctl")]),
            (None, False, [str(folder / "python"), "-m", "xmppd.service.control_client"]),
        ]
        self.patch(sys, "executable", str(folder / "python"))
        for found, beside, expected in table:
            with self.subTest(expected=expected):
                self.patch(shutil, "which", lambda name, found=found: found)
                (folder / "xmppdctl").unlink(missing_ok=True)
                if beside:
                    (folder / "xmppdctl").touch()
                self.assertEqual(
                    self.command(),
                    ["cd", "/some where", "&&", *expected, "user", "add", "juliet@localhost"],
                )
