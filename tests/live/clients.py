"""Clients in processes of their own (see `slixmpp_client`), as tests speak to them."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from tests.live.harness import LiveCase, Twistd
from tests.live.processes import PATIENCE, ROOT, Heard, environment
from tests.live.test_durability import require

Event = dict[str, Any]
Way = Literal["starttls", "direct", "either"]


class ToldClient:
    """A client that does one thing after the other; what happens to it is kept until expected.

    `command` starts it, `variables` are added to its environment. What it has to say besides goes
    to the file `log`, for whoever wonders why a test failed.
    """

    def __init__(self, log_file: Path, name: str, command: Sequence[str], **variables: str) -> None:
        with log_file.open("a") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(**variables),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        self._events: Heard[Event] = Heard(self._process.stdout, json.loads, name)

    def ask(self, what: str, **how: object) -> None:
        """Have it do something (see `slixmpp_client.Requests`, `xmpp_js_client.mjs`)."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **how}) + "\n")
        self._process.stdin.flush()

    def expect(self, event: str, **fields: object) -> Event:
        """Wait for an event with these fields; those that came before it stay."""
        wanted = {"event": event, **fields}
        return self._events.take(lambda found: wanted.items() <= found.items(), wanted)

    def seen(self, event: str) -> list[Event]:
        """Return all events of a kind until now."""
        return [found for found in self._events.so_far() if found["event"] == event]

    def freeze(self) -> None:
        """Do nothing any more, but keep the connection."""
        self._process.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        """Be gone, without a word to the server."""
        self._process.kill()
        self._process.wait(PATIENCE)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._events.to_the_end()


class SlixmppClient(ToldClient):
    """One of slixmpp."""

    def __init__(self, log_file: Path, name: str) -> None:
        super().__init__(log_file, name, [sys.executable, "-m", "tests.live.slixmpp_client"])


class ClientCase(LiveCase):
    """A test with clients."""

    def client(self, server: Twistd, user: str = "juliet", **how: Any) -> SlixmppClient:
        """Return a client that is about to log in; `how` as for `connect`."""
        require(find_spec("slixmpp") is not None, "slixmpp")
        client = SlixmppClient(Path(self.mktemp()), user)
        self.addCleanup(client.end)
        self.connect(client, server, user, **how)
        return client

    def connect(
        self,
        client: SlixmppClient,
        server: Twistd,
        user: str = "juliet",
        *,
        resource: str = "slix",
        password: str = "",
        way: Way = "starttls",
        ca: Path | None = None,
        mechanism: str = "",
        tls: str = "",
    ) -> None:
        """Have a client log in.

        "either" is what slixmpp does untold: on the port for STARTTLS it tries direct TLS first.
        The password is the user's name unless another is given; the client believes the server's
        authority or `ca`. "" leaves mechanism and TLS version to slixmpp.
        """
        client.ask(
            "connect",
            jid=f"{user}@{server.host}/{resource}",
            password=password or user,
            address=server.address,
            port=server.tls_port if way == "direct" else server.port,
            ca=str(ca or server.ca),
            starttls=way != "direct",
            direct=way != "starttls",
            mechanism=mechanism,
            tls=tls,
        )

    def online(self, server: Twistd, user: str = "juliet", **how: Any) -> SlixmppClient:
        """Return a client that has logged in; `how` as for `client`."""
        client = self.client(server, user, **how)
        client.expect("session")
        return client
