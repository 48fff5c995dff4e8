"""How a server ends: asked to, with clients that do not listen, and killed."""

import base64
import signal
import socket

from tests.live.clients import ClientCase
from tests.live.harness import Server
from tests.live.prompts import Prompted

HOST = Server.HOST


class StoppingTests(ClientCase):
    """Signals."""

    def setUp(self) -> None:
        self.running = self.server()
        self.running.add("juliet")

    def test_each_signal(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            client = self.online(self.running)
            self.running.stop(number)
            client.expect("stream error", condition="system-shutdown")
            client.expect("disconnected")
            self.running.start()

    def test_clients_that_do_not_close(self) -> None:
        clients = [self.online(self.running, resource=resource) for resource in ("a", "b")]
        clients[0].freeze()
        silent = [
            socket.create_connection((self.running.address, port))
            for port in (self.running.port, self.running.tls_port)
        ]
        for each in silent:
            self.addCleanup(each.close)
        self.running.stop()
        clients[1].expect("stream error", condition="system-shutdown")

    def test_the_end_of_its_terminal(self) -> None:
        self.running.stop()
        terminal = Prompted(self.running.command, self.running.folder)
        self.addCleanup(terminal.end)
        terminal.expect(" listening on /")
        client = self.online(self.running)
        terminal.hang_up()
        client.expect("stream error", condition="system-shutdown")

    def test_killed(self) -> None:
        client = self.online(self.running)
        self.running.kill()
        client.expect("disconnected")
        for left in ("control.sock", "lock"):
            self.assertTrue((self.running.data / left).exists())
        self.ctl(self.running, "status", status=3)
        self.running.start()
        self.connect(client, self.running)
        client.expect("session")

    def test_nothing_private_is_logged(self) -> None:
        running = self.server(tables='[log]\nlevel = "debug"')
        running.do("user add", address=f"juliet@{HOST}", password="correct horse")
        juliet = self.online(running, password="correct horse", mechanism="PLAIN")
        juliet.ask("message", to=f"juliet@{HOST}/slix", body="battery staple")
        juliet.expect("message", body="battery staple")
        wrong = self.client(running, password="wrong horse", mechanism="PLAIN")
        wrong.expect("refused")
        log = "\n".join(running.stop())
        self.assertIn("was refused", log)
        sent = base64.b64encode(b"\0juliet\0correct horse").decode()
        for private in ("horse", "battery", "staple", sent):
            self.assertNotIn(private, log)
