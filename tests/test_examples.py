"""The examples of the documentation, run as their readers would run them."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Timer
from types import ModuleType
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.installing import CHECKOUT, build, environment, run, why_not
from tests.tls_client import PATIENCE, TlsClient
from xmppd.testing.fake_host import FakeHost

EXAMPLES = CHECKOUT / "docs" / "examples"
TWISTD = ("-c", "from twisted.scripts.twistd import run; run()", "--nodaemon", "--pidfile=")


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def scratch(case: SynchronousTestCase) -> Path:
    """Return a directory for one test, of a short name as sockets need it."""
    folder = tempfile.TemporaryDirectory(prefix="xmppd-")
    case.addCleanup(folder.cleanup)
    return Path(folder.name)


def load(path: Path) -> ModuleType:
    """Import a program."""
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def running(until: str, *command: str | Path, cwd: Path) -> Iterator[None]:
    """Run a program, from when it has printed `until` to the end of the block."""
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    too_late = Timer(10 * PATIENCE, process.kill)
    too_late.start()
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if until in line:
                break
        else:
            raise AssertionError(f"{until!r} was not printed, but:\n{''.join(said)}")
        yield
    finally:
        process.terminate()
        process.communicate()
        too_late.cancel()


class SiteTests(SynchronousTestCase):
    """The web site of `embedding.py`, without sockets."""

    # (the name in the path, the body, the status, what Juliet's client gets)
    ROWS: tuple[tuple[str, bytes, int, str | None], ...] = (
        ("juliet", b"Dinner is ready.", 202, "Dinner is ready."),
        ("Juliet", "D\u00fcnner &co".encode(), 202, "D\u00fcnner &amp;co"),
        ("romeo", b"Dinner is ready.", 404, None),
        ("", b"Dinner is ready.", 400, None),
        ("juliet/balcony", b"Dinner is ready.", 400, None),
        ("juliet", b"\xff", 400, None),
        ("juliet", b"\0", 400, None),
        ("juliet", b"a" * 10_000, 202, "a" * 10_000),
        ("juliet", b"a" * 10_001, 400, None),
    )

    def setUp(self) -> None:
        self.host = FakeHost()
        self.clock = Clock()
        self.site = load(EXAMPLES / "embedding.py").site(self.host, self.clock)

    def post(self, name: str, body: bytes) -> int:
        """Post to the site and return the status."""
        protocol: Any = self.site.buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        head = f"POST /tell/{name} HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n"
        protocol.dataReceived(head.encode() + body)
        return int(transport.value().split()[1])

    def test_telling(self) -> None:
        juliet = self.host.login("juliet/balcony")
        juliet.sends("<presence/>")
        self.host.unread()
        for name, body, status, expected in self.ROWS:
            self.assertEqual(self.post(name, body), status, (name, body))
            got = [stanza.child("body") for stanza in juliet.stanzas]
            texts = [element.text for element in got if element is not None]
            wanted = [] if expected is None else [expected.replace("&amp;", "&")]
            self.assertEqual(texts, wanted)
            self.host.unread()

    def test_who_is_not_available(self) -> None:
        self.host.login("juliet/balcony")
        self.assertEqual(self.post("juliet", b"Dinner is ready."), 404)
        self.assertEqual(self.host.unread(), {})


class EmbeddingTests(SynchronousTestCase):
    """`embedding.py` as a program: the ports are other ones, nothing else is."""

    def test_it_runs(self) -> None:
        folder = scratch(self)
        web, tls = free_port(), free_port()
        program = f"""
from dataclasses import replace
from pathlib import Path
from twisted.internet import reactor
import embedding
from xmppd.server.config import ListenConfig
made = embedding.without_a_file
def elsewhere(data, loopback):
    return replace(made(data, loopback), listen=ListenConfig(("127.0.0.1",), 0, {tls}))
embedding.without_a_file = elsewhere
embedding.main(Path("var"), {web}, reactor)
"""
        (folder / "program.py").write_text(program)
        (folder / "embedding.py").write_bytes((EXAMPLES / "embedding.py").read_bytes())
        with running("juliet can log in", sys.executable, "program.py", cwd=folder):
            self.assertEqual(self.tell(web), 404)
            with TlsClient(tls, folder / "var" / "development" / "ca.pem") as juliet:
                self.assertIn("PLAIN", juliet.offered())
                self.assertEqual(juliet.try_to_log_in("PLAIN", b"\0juliet\0romeo"), "success")
                juliet.bind()
                juliet.expect("<presence ")  # her own: she is available
                self.assertEqual(self.tell(web), 202)
                juliet.expect('<message [^>]*from="localhost".*<body>Dinner is ready.</body>')

    def tell(self, port: int) -> int:
        """Post to the web site and return the status."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/tell/juliet", data=b"Dinner is ready."
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code


class EchoTests(SynchronousTestCase):
    """`echo.py`: as a value on a host without sockets, and as a program."""

    def test_it_echoes(self) -> None:
        host = FakeHost("localhost")
        host.install("echo", [load(EXAMPLES / "echo.py").Echo(host).serve()])
        juliet = host.login("juliet/balcony")
        for to in ("echo.localhost", "narcissus@echo.localhost/pool"):
            juliet.sends(f"<message to='{to}' id='1'><body>Who is there?</body></message>")
            juliet.receives(
                f"<message from='{to}' to='{juliet.jid}' id='1'>"
                "<body>Who is there?</body></message>"
            )
        juliet.sends(
            "<message type='error' to='echo.localhost'/>",
            "<presence to='echo.localhost'/>",
            "<iq type='result' id='2' to='echo.localhost'/>",
        )
        juliet.receives()
        juliet.sends("<iq type='get' id='3' to='echo.localhost'><query xmlns='urn:example'/></iq>")
        [answer] = juliet.take()
        self.assertIn("<service-unavailable ", answer)

    def test_it_runs(self) -> None:
        folder = scratch(self)
        tls = free_port()
        program = f"""
from dataclasses import replace
from pathlib import Path
from twisted.internet import reactor
import echo
from xmppd.server.config import ListenConfig
made = echo.without_a_file
def elsewhere(data, loopback):
    return replace(made(data, loopback), listen=ListenConfig(("127.0.0.1",), 0, {tls}))
echo.without_a_file = elsewhere
echo.main(Path("var"), reactor)
"""
        (folder / "program.py").write_text(program)
        (folder / "echo.py").write_bytes((EXAMPLES / "echo.py").read_bytes())
        with (
            running("juliet can log in", sys.executable, "program.py", cwd=folder),
            TlsClient(tls, folder / "var" / "development" / "ca.pem") as juliet,
        ):
            juliet.offered()
            self.assertEqual(juliet.try_to_log_in("PLAIN", b"\0juliet\0romeo"), "success")
            juliet.bind()
            ask = "<query xmlns='http://jabber.org/protocol/disco#items'/>"
            juliet.send(f"<iq type='get' id='1' to='localhost'>{ask}</iq>")
            juliet.expect('<item [^>]*jid="echo.localhost"')
            juliet.send("<message to='echo.localhost'><body>Who is there?</body></message>")
            juliet.expect('<message [^>]*from="echo.localhost".*<body>Who is there\\?</body>')


class AcmeTests(SynchronousTestCase):
    """`acme-xmppd`, installed, and all it brings in use."""

    skip = why_not() or None

    def test_it_works(self) -> None:
        folder = scratch(self)
        bin = self.installed(folder)
        self.assertIn("PASSED", run(bin / "python", "-m", "twisted.trial", "acme", cwd=folder))
        port, key, users = free_port(), "00" * 32, folder / "users.json"
        script = f"""
import json, time
from acme.users import Password, sign
kept = Password.of(b"romeo", b"salt")
users = {{"juliet": {{"salt": kept.salt.hex(), "hash": kept.hash.hex()}}}}
open({str(users)!r}, "w").write(json.dumps({{"key": {key!r}, "users": users}}))
tokens = [sign(bytes.fromhex({key!r}), "juliet", int(time.time()) + s) for s in (3600, -1)]
print(json.dumps([token.decode() for token in tokens]))
"""
        good, expired = json.loads(run(bin / "python", "-c", script, cwd=folder))
        config = folder / "xmppd.toml"
        config.write_text(f"""
data = "data"

[host."localhost"]
users = ["acme:{users}"]

[listen]
addresses = ["127.0.0.1"]
c2s = 0
c2s_tls = {port}

[s2s]
enable = false

[tls]
development = true

[sasl]
enable = ["X-ACME-TOKEN"]

[modules]
enable = ["acme-greeting"]

[modules.acme-greeting]
text = "Welcome to Acme."
""")
        twistd = (bin / "python", *TWISTD, "xmppd", "--config", config)
        authority = folder / "data" / "development" / "ca.pem"
        greeting = "<message [^>]*><body>Welcome to Acme.</body></message>"
        with running("serves localhost", *twistd, cwd=folder):
            with TlsClient(port, authority) as client:
                self.assertEqual(client.offered(), ["X-ACME-TOKEN", "PLAIN"])
                self.assertEqual(client.try_to_log_in("X-ACME-TOKEN", expired.encode()), "failure")
                self.assertEqual(client.try_to_log_in("X-ACME-TOKEN", good.encode()), "success")
                self.assertTrue(client.bind().startswith("juliet@localhost/"))
                client.expect(greeting)
            with TlsClient(port, authority) as client:
                client.offered()
                self.assertEqual(client.try_to_log_in("PLAIN", b"\0juliet\0tybalt"), "failure")
                self.assertEqual(client.try_to_log_in("PLAIN", b"\0juliet\0romeo"), "success")
                client.bind()
                client.send(
                    "<iq type='get' id='g'><greeting xmlns='urn:example:acme:greeting:0'/></iq>"
                )
                # Were she greeted again, it would come first.
                answer = client.expect("<message|<iq [^>]*>.*?</iq>")[0]
                self.assertIn("Welcome to Acme.</greeting>", answer)

    def installed(self, folder: Path) -> Path:
        """Return the `bin` of an environment with acme-xmppd and this checkout of xmppd."""
        shutil.copytree(EXAMPLES / "acme-xmppd", folder / "source")
        build(folder / "source", folder / "dist", "wheel")
        (wheel,) = (folder / "dist").iterdir()
        return environment(folder / "venv", wheel, CHECKOUT)
