"""slixmpp's own integration tests, those of the version that is installed, against a server."""

import os
import socket
import subprocess
import sys
import threading
from importlib.metadata import version
from importlib.util import find_spec
from unittest import SkipTest

from tests.live.fetched import slixmpp_itests
from tests.live.harness import LiveCase, Server, loopback_address
from tests.live.processes import ROOT, environment
from tests.live.test_durability import require

KNOWN = "1.17.0"
"""The version of slixmpp whose modules are all named here."""

TAKING = 60.0
"""Seconds that one module may take."""

NOT_RUN = {
    "test_component": "its addresses are those of slixmpp's own CI; see test_component here",
    "test_httpupload": "no XEP-0363",
    "test_mam": "no XEP-0313",
    "test_moderate": "no XEP-0045",
    "test_muc": "no XEP-0045",
    "test_pep": "no XEP-0163",
    "test_selfping": "no XEP-0045",
    "test_sos": "wants aiohttp, and a status address on the web",
    "test_user_avatar": "no XEP-0163",
}
"""Their modules that are not run, and why."""

STANDARD_PORTS = (5222, 5223)


def is_free(port: int) -> bool:
    """Tell whether nobody listens on that port where servers of tests do."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((loopback_address(), port))
        except OSError:
            return False
        return True


class SlixmppTests(LiveCase):
    """Each of their modules is a test."""

    def setUp(self) -> None:
        require(find_spec("slixmpp") is not None, "slixmpp")
        self.itests = slixmpp_itests()

    def begin(self, name: str, ports: tuple[int, int] | None = None) -> None:
        """Start a server with the accounts a module's tests log in to."""
        if not (self.itests / "itests" / f"{name}.py").exists():
            raise SkipTest(f"slixmpp {version('slixmpp')} has no {name}")
        self.running = Server(self.folder(), ports=ports)
        self.started(self.running)
        self.running.add("one", "two")

    def run_module(self, name: str) -> None:
        """Run a module; raise AssertionError with all it has said unless it succeeds."""
        server = self.running
        variables = environment(
            PYTHONPATH=os.pathsep.join((str(ROOT), str(self.itests))),
            CI_ACCOUNT1=f"one@{server.host}",
            CI_ACCOUNT1_PASSWORD="one",
            CI_ACCOUNT2=f"two@{server.host}",
            CI_ACCOUNT2_PASSWORD="two",
            XMPPD_ADDRESS=server.address,
            XMPPD_PORT=str(server.port),
            XMPPD_TLS_PORT=str(server.tls_port),
            SSL_CERT_FILE=str(server.ca),
        )
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.live.slixmpp_itest", name],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        late = threading.Timer(TAKING, child.kill)
        late.start()
        said, _ = child.communicate()
        late.cancel()
        self.assertEqual(child.returncode, 0, said)
        self.assertRegex(said, r"(?m)^OK$")  # nothing was skipped

    def strangers(self, name: str) -> None:
        """Run a module with two accounts that know nothing of each other."""
        self.begin(name)
        self.run_module(f"itests.{name}")

    def friends(self, name: str) -> None:
        """Run a module with two accounts that see each other's presence."""
        self.begin(name)
        self.run_module("tests.live.befriending")
        self.run_module(f"itests.{name}")

    def test_all_are_known(self) -> None:
        """Each of their modules is run here, or there is a reason why not."""
        if version("slixmpp") != KNOWN:
            raise SkipTest(f"slixmpp {version('slixmpp')} may have others")
        theirs = {each.stem for each in (self.itests / "itests").glob("test_*.py")}
        ours = {name for name in dir(self) if name.startswith("test_")}
        self.assertEqual(set(), theirs - ours - set(NOT_RUN))

    def test_tls_check(self) -> None:
        """It looks at the numbers of the ports."""
        require(all(map(is_free, STANDARD_PORTS)), f"a machine without {STANDARD_PORTS} in use")
        self.begin("test_tls_check", STANDARD_PORTS)
        self.run_module("itests.test_tls_check")

    def test_basic_connect_and_message(self) -> None:
        self.strangers("test_basic_connect_and_message")

    def test_blocking(self) -> None:
        self.strangers("test_blocking")

    def test_bob(self) -> None:
        self.friends("test_bob")

    def test_chatmarkers(self) -> None:
        self.strangers("test_chatmarkers")

    def test_disco(self) -> None:
        self.friends("test_disco")

    def test_ibb(self) -> None:
        self.friends("test_ibb")

    def test_last_activity(self) -> None:
        self.friends("test_last_activity")

    def test_ping(self) -> None:
        self.strangers("test_ping")

    def test_privatestorage(self) -> None:
        self.strangers("test_privatestorage")

    def test_quickresponse(self) -> None:
        self.strangers("test_quickresponse")

    def test_reactions(self) -> None:
        self.strangers("test_reactions")

    def test_reconnect(self) -> None:
        self.strangers("test_reconnect")

    def test_retract(self) -> None:
        self.strangers("test_retract")

    def test_slow_filters(self) -> None:
        self.strangers("test_slow_filters")

    def test_vcard(self) -> None:
        self.strangers("test_vcard")

    def test_vcard_avatar(self) -> None:
        self.strangers("test_vcard_avatar")

    def test_version(self) -> None:
        self.friends("test_version")
