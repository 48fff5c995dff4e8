"""What systemd is told, on real sockets."""

import socket
from pathlib import Path

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from xmppd.service.notify import Notifier


class NotifierTests(SynchronousTestCase):
    """States go to the socket that is named."""

    def listening(self, address: str) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        listener.settimeout(5)
        listener.bind(address)
        return listener

    def test_states(self) -> None:
        path = f"/tmp/{Path(self.mktemp()).name}-{id(self)}"
        self.addCleanup(lambda: Path(path).unlink())
        abstract = f"xmppd-test-{id(self)}"
        for address, named in ((path, path), (f"\0{abstract}", f"@{abstract}")):
            with self.subTest(named=named):
                listener = self.listening(address)
                notifier = Notifier({"NOTIFY_SOCKET": named})
                notifier.ready()
                notifier.reloading()
                notifier.stopping()
                said = [listener.recv(100) for _ in range(3)]
                self.assertEqual(said, [b"READY=1", b"RELOADING=1", b"STOPPING=1"])

    def test_elsewhere_nothing_happens(self) -> None:
        def forbidden(*arguments: object) -> None:
            raise AssertionError("a socket was made")

        self.patch(socket, "socket", forbidden)
        Notifier({}).ready()

    def test_nobody_listens(self) -> None:
        events: list[LogEvent] = []
        observe = implementer(ILogObserver)(lambda event: events.append(event))
        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        Notifier({"NOTIFY_SOCKET": "/nowhere/socket"}).ready()
        self.assertEqual([event["state"] for event in events], ["READY=1"])
