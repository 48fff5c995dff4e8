"""What the log says of other servers, for an operator who reads it afterwards."""

from typing import Any, ClassVar

from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import implementer

from tests.s2s.test_incoming import IncomingCase, message
from tests.s2s.test_outgoing import OutgoingCase
from tests.s2s.test_outgoing import message as to_romeo
from tests.s2s.world import ADDRESSES, CAPULET, MONTAGUE, connect, opening, service


@implementer(ILogObserver)
class Lines:
    """The lines about other servers that come into the log during a test."""

    def __init__(self, case: Any) -> None:
        self._lines: list[str] = []
        globalLogPublisher.addObserver(self)
        case.addCleanup(globalLogPublisher.removeObserver, self)

    def __call__(self, event: LogEvent) -> None:
        if str(event.get("log_namespace", "")).startswith("xmppd.s2s."):
            self._lines.append(formatEvent(event))

    def new(self) -> list[str]:
        """Return those that have come since the last time."""
        found, self._lines = self._lines, []
        return found


class RefusedTests(IncomingCase):
    """Servers that do not get in: theirs asks ours what its log says."""

    settings: ClassVar[dict[str, Any]] = {"blocked": ("blocked.example",)}

    def setUp(self) -> None:
        super().setUp()
        self.lines = Lines(self)

    def test_at_the_header(self) -> None:
        for from_, to, why in (
            ("blocked.example", CAPULET, "policy-violation: blocked.example is not admitted here"),
            (MONTAGUE, "other.example", "host-unknown: that domain is not served here"),
            (CAPULET, CAPULET, "invalid-from: 'from' must be a domain of yours"),
        ):
            with self.subTest(from_=from_, to=to):
                connect(self.world).sends(opening(to, from_))
                line = f"{from_} was refused from 198.51.100.7: {why}"
                self.assertEqual(self.lines.new(), [line])

    def test_who_takes_too_long(self) -> None:
        connect(self.world).sends(opening())
        self.world.turn()
        self.world.clock.pump([1.0] * 130)
        (line,) = self.lines.new()
        self.assertIn(f"{MONTAGUE} was refused from ", line)
        self.assertIn(": connection-timeout: ", line)

    def test_who_names_nobody(self) -> None:
        """Who looks for open ports does not fill the log."""
        connect(self.world).sends("GET / HTTP/1.1\r\n\r\n")
        connect(self.world).sends(opening(from_="").replace("to=", "x="), "<nonsense/>")
        self.assertEqual(self.lines.new(), [])

    def test_who_got_in(self) -> None:
        peer = self.logged_in()
        peer.sends(message(from_="romeo@other.example"))
        self.assertTrue(peer.reader.ended)
        self.assertEqual(self.lines.new(), [])

    def test_when_this_server_stops(self) -> None:
        connect(self.world).sends(opening())
        service(self.server).stop()
        self.world.turn()
        self.assertEqual(self.lines.new(), [])


class AgainTests(OutgoingCase):
    """Servers that are away for a while."""

    def test_away_and_back(self) -> None:
        lines = Lines(self)
        place = self.world.network.listening.pop((ADDRESSES[MONTAGUE], 5269))
        self.sends(to_romeo())
        (line,) = lines.new()
        self.assertIn(f"{MONTAGUE} cannot be sent anything from {CAPULET}: ", line)
        self.world.network.listening[ADDRESSES[MONTAGUE], 5269] = place
        self.world.clock.pump([1.0] * 5)
        self.ready()
        self.assertEqual(lines.new(), [f"{MONTAGUE} can be sent to from {CAPULET} again"])
