"""Performs a play: clients without sockets on hosts with the shipped features."""

from collections.abc import Callable

from tests.im.shipped import shipped
from tests.plays.likeness import Unknown, difference
from tests.plays.script import Line, Play
from xmppd.stanza.jid import JID
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.wire.namespaces import ROSTER

GET_ROSTER = f"<iq type='get' id='roster'><query xmlns='{ROSTER}'/></iq>"


class Flop(AssertionError):
    """A play has gone another way than it is written."""


class Stage:
    """One performance; with `one_host` everybody's domain is that of the first of the cast."""

    def __init__(self, play: Play, *, one_host: bool = False) -> None:
        self._play = play
        self._unknown = Unknown()
        self._clients: dict[str, FakeSession] = {}
        domains = list(dict.fromkeys(jid.domainpart for jid in play.cast.values()))
        self._home = domains[0]
        self._others = domains[1:] if one_host else []
        self._host = shipped(self._home)
        for domain in [] if one_host else domains[1:]:
            shipped(domain, beside=self._host)
        for jid in play.cast.values():
            self._account(jid)

    def _here(self, text: str) -> str:
        """Return a text with the addresses as they are in this performance."""
        for domain in self._others:
            text = text.replace(domain, self._home)
        return text

    def _host_of(self, jid: JID) -> FakeHost:
        return self._host.beside(self._here(jid.domainpart))

    def _account(self, jid: JID) -> None:
        """Let somebody have an account before anybody writes to it."""
        self._host_of(jid).login(f"{jid.localpart}/{jid.resourcepart}").disconnects()

    def perform(self) -> None:
        """Go through all lines, then see that nobody has received anything else.

        Raises `Flop` where it goes another way.
        """
        does: dict[str, Callable[[Line], None]] = {
            "logs in": self._log_in,
            "is online": self._come_online,
            "sends": self._send,
            "receives": self._receive,
            "disconnects": self._disconnect,
            "restarts": self._restart,
            "pass": self._wait,
        }
        for line in self._play.lines:
            try:
                does[line.verb](line)
            except (KeyError, ValueError) as error:  # no XML, or a name nobody has received
                self._flop(str(line.number), f"this cannot be: {error!r}")
        left = self._host.unread()
        if left:
            texts = "\n".join(text for texts in left.values() for text in texts)
            self._flop(
                "the end", f"nobody should have received anything else, but there is\n{texts}"
            )

    def _log_in(self, line: Line) -> None:
        jid = self._play.cast[line.who]
        client = f"{jid.localpart}/{jid.resourcepart}"
        self._clients[line.who] = self._host_of(jid).login(client)

    def _come_online(self, line: Line) -> None:
        self._log_in(line)
        self._clients[line.who].sends(GET_ROSTER, "<presence/>")
        self._host.overlook()

    def _send(self, line: Line) -> None:
        self._client(line).sends(self._unknown.fill(self._here(line.text)))

    def _receive(self, line: Line) -> None:
        expected, got = self._here(line.text), self._client(line).take()
        wrong = difference(expected, got, self._unknown)
        if wrong:
            self._flop(
                str(line.number), f"{line.who} should have received (-), and received (+)\n{wrong}"
            )

    def _disconnect(self, line: Line) -> None:
        client = self._client(line)
        before = client.take()
        if before:
            texts = "\n".join(before)
            self._flop(str(line.number), f"{line.who} has received what nobody spoke of\n{texts}")
        client.disconnects()
        client.take()  # it was not there any more
        del self._clients[line.who]

    def _restart(self, _line: Line) -> None:
        self._host = self._host.restarted()
        self._clients.clear()

    def _wait(self, line: Line) -> None:
        self._host.wall.seconds += int(line.text)
        self._host.clock.advance(int(line.text))

    def _client(self, line: Line) -> FakeSession:
        if line.who not in self._clients:
            self._flop(str(line.number), f"{line.who} is not logged in")
        return self._clients[line.who]

    def _flop(self, where: str, what: str) -> None:
        raise Flop(f"{self._play.name}:{where}: {what}")
