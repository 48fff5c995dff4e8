"""Stanzas on a stream between servers: taken from proven senders, sent and counted (XEP-0198)."""

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred

from xmppd.api.lanes import Lanes
from xmppd.api.storage import NO_TICKET, Ticket
from xmppd.s2s.pairs import Pairs
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.unsure import Receipt, Unsure
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.stanza.weight import weight
from xmppd.stream.acks import MODULUS, Acks
from xmppd.stream.errors import StreamError
from xmppd.stream.management import (
    Ack,
    Enable,
    Enabled,
    Failed,
    ManagementError,
    Request,
    read_management,
)
from xmppd.wire.element import Element

UNSURE = 4
"""What may have arrived is this part of what may be kept for a domain: an account has half."""


class Link(Protocol):
    """A connection, as the traffic on it sees it."""

    pairs: Pairs
    last_used: float

    @property
    def writable(self) -> bool:
        """Whether what is written now leaves in this turn."""

    def send(self, stanza: Stanza) -> bool:
        """Write a stanza; return whether it could be."""

    def element(self, element: Element) -> None:
        """Write a first-level element."""

    def regulate(self) -> None:
        """Read on, or do not."""

    def fail(self, error: StreamError) -> None:
        """End the stream with that error."""

    def close(self, reason: str) -> None:
        """End the stream without an error."""


class _Ours:
    """The domains we serve, as `Pairs.check` asks for them."""

    __slots__ = ("_is_ours",)

    def __init__(self, is_ours: Callable[[str], bool]) -> None:
        self._is_ours = is_ours

    def __contains__(self, domain: object) -> bool:
        return self._is_ours(str(domain))


class Traffic:
    """What goes over one stream once a pair is proven.

    - `waiting`: who is to be told when the connection takes stanzas again; `ended`: who when the
      stream has ended.
    - `acks`: the counts of stream management, None where it is not in use.

    Receipts of what went to a server without stream management come after `quiet_seconds`, or when
    there are too many (see `Unsure`); of what went before it began to count, with the first
    acknowledgement.
    """

    __slots__ = (
        "_around",
        "_asked",
        "_enabling",
        "_handling",
        "_has_lost",
        "_lanes",
        "_link",
        "_moved",
        "_ours",
        "_over",
        "_owed",
        "_quiet",
        "_received",
        "_unsure",
        "_written",
        "acks",
        "ended",
        "waiting",
    )

    def __init__(self, around: Surroundings, link: Link) -> None:
        settings = around.settings
        self._around = around
        self._link = link
        self._ours = _Ours(around.is_ours)
        self._lanes = Lanes(
            self._route,
            around.urgent,
            settings.inbox_stanzas,
            settings.inbox_bytes,
            link.regulate,
            around.pace,
        )
        self.ended: dict[Callable[[], None], None] = {}
        self.waiting: dict[Callable[[], None], None] = {}
        self.acks: Acks[Receipt | None] | None = None
        self._over = False
        self._enabling = False
        self._quiet: Callable[[], None] | None = None
        # When we have asked for an acknowledgement that has not come yet.
        self._asked: float | None = None
        self._unsure = Unsure(settings.spool_stanzas // UNSURE, settings.spool_bytes // UNSURE)
        # What has come and is being worked on, with the number it has.
        self._handling: dict[Stanza, int] = {}
        self._received = 0
        self._owed: tuple[int, Ticket] | None = None
        # What was issued when a stanza was last handled, and whether some of it was lost.
        self._written = NO_TICKET
        self._has_lost = False
        self._moved: float | None = None  # when the other side has read something, while it is slow

    # From the other server.

    @property
    def full(self) -> bool:
        """Whether no more should be read."""
        return self._lanes.full

    def begin(self) -> None:
        """Stanzas of this stream come now, one after the other."""
        self._lanes.begin()

    def take(self, stanza: Stanza) -> None:
        """Take a stanza that has come. Raises `StreamError` unless its addresses are proven."""
        if stanza.malformed:
            self._refuse(stanza)
        else:
            self._link.pairs.check(stanza.from_, stanza.to, self._ours)
        self._link.last_used = self._around.clock.seconds()
        if self.acks is not None:
            self._received = (self._received + 1) % MODULUS
            self._handling[stanza] = self._received
        if stanza.malformed:
            self._around.router.attempt(stanza, _malformed)
            self._handling.pop(stanza, None)
        else:
            self._lanes.take(stanza)

    def _refuse(self, stanza: Stanza) -> None:
        """Find who answers a malformed stanza; end the stream if its sender is not known."""
        if stanza.malformed == "from" or stanza.from_ is None:
            raise StreamError("improper-addressing", "'from' has to be an address")
        domain = stanza.from_.domainpart
        for proven in self._link.pairs.all():
            if proven.incoming is not None and proven.pair.remote == domain:
                stanza.to = JID.make("", proven.pair.local)  # who is to answer
                return
        raise StreamError("invalid-from", f"{domain} is not proven on this stream")

    def _route(self, stanza: Stanza) -> "Deferred[None] | None":
        done = self._around.router.route(stanza)
        if done is None:
            self._handled(None, stanza)
            return None
        return done.addCallback(self._handled, stanza)

    def _handled(self, _done: None, stanza: Stanza) -> None:
        if self._handling.pop(stanza, None) is None or self._over:
            return
        self._written = self._around.tickets.issued
        if self._written > self._around.gate.settled:
            self._around.gate.add(self)  # should that be lost, it will not be told that it was kept

    # Stream management.

    def enable(self) -> None:
        """Ask the other server to count; nothing is sent until it has answered."""
        self._enabling = True
        self._asked = self._around.clock.seconds()
        self._link.element(Enable().to_element())

    def _enabled(self, *, counts: bool) -> None:
        if not self._enabling:
            raise StreamError("unsupported-stanza-type", "nobody has asked for that")
        self._enabling = False
        self._asked = None
        if counts:
            self.acks = Acks()
        self._wake()

    def count(self) -> None:
        """The other server counts from now on, as it will know once it has read so.

        What went before is not counted, but has been read by whom anything behind it is
        acknowledged by: a while without an error says less.
        """
        self.acks = Acks()
        if len(self._unsure):
            self._request()

    def manage(self, element: Element) -> None:
        """Take an acknowledgement or a request for one. Raises `StreamError`."""
        try:
            management = read_management(element)
        except ManagementError as error:
            raise StreamError("bad-format", str(error)) from None
        acks = self.acks
        if isinstance(management, Enabled | Failed):
            self._enabled(counts=isinstance(management, Enabled))
        elif acks is None:
            raise StreamError("unsupported-stanza-type", "stream management is not enabled")
        elif isinstance(management, Request):
            self._acknowledge(acks)
        elif isinstance(management, Ack):
            self._acknowledged(acks, management.h)
        else:
            raise StreamError("unsupported-stanza-type")

    def _acknowledged(self, acks: Acks[Receipt | None], h: int) -> None:
        self._asked = None
        counted = acks.acknowledge(h)
        for receipt in (*self._unsure.take_all(), *counted):
            if receipt is not None:
                receipt(True)
        self._ask(acks)
        if self.writable:
            self._wake()
        quiet = self._quiet
        if quiet is not None and not len(acks):
            self._quiet = None
            quiet()

    def _acknowledge(self, acks: Acks[Receipt | None]) -> None:
        """Tell how much has been handled, once storage has what that promises."""
        first = next(iter(self._handling.values()), None)
        handled = self._received if first is None else (first - 1) % MODULUS
        acks.handle((handled - acks.handled) % MODULUS)
        ticket = self._around.tickets.issued
        if ticket <= self._around.gate.settled:
            self._link.element(Ack(handled).to_element())
        else:
            self._owed = (handled, ticket)
            self._around.gate.add(self)

    def release(self, settled: Ticket, failed: range) -> bool:
        """Tell what was handled, as it is on disk now (see `xmppd.api.gate.Held`)."""
        if failed:
            self._has_lost = True
            text = "something that came from you could not be kept"
            self._link.fail(StreamError("internal-server-error", text))
            return False
        if self._owed is None:
            return self._written > settled
        handled, ticket = self._owed
        if ticket > settled:
            return True
        self._owed = None
        self._link.element(Ack(handled).to_element())
        return self._written > settled

    def _ask(self, acks: Acks[Receipt | None]) -> None:
        if len(acks) and self._asked is None:
            self._request()

    def _request(self) -> None:
        self._asked = self._around.clock.seconds()
        self._link.element(Request().to_element())

    def when_acknowledged(self, then: Callable[[], None]) -> None:
        """Call `then` when the other server has acknowledged all, at once if it does not count."""
        if self.acks is None or not (len(self.acks) or len(self._unsure)):
            then()
        else:
            self._quiet = then

    # To the other server.

    @property
    def writable(self) -> bool:
        """Whether a stanza that is sent now leaves in this turn."""
        if self._over or self._enabling or not self._link.writable:
            return False
        return self.acks is None or len(self.acks) < self._around.settings.queue_stanzas

    def send(self, stanza: Stanza, receipt: Receipt | None) -> None:
        """Write a stanza; `receipt` is called once it is known, or cannot be, that it arrived."""
        acks = self.acks
        if not self._link.send(stanza):
            if receipt is not None:
                receipt(False)
        elif acks is not None:
            acks.send((receipt,))
            self._ask(acks)
        elif receipt is not None:
            now = self._around.clock.seconds()
            self._unsure.add(receipt, weight(stanza), now)
            if self._unsure.are_many:
                self._be_sure(now)

    def drained(self) -> None:
        """The connection takes everything again."""
        self._moved = None
        self._wake()

    def _wake(self) -> None:
        for wake in list(self.waiting):
            wake()

    def advanced(self) -> None:
        """Some of what waits has gone."""
        self._moved = self._around.clock.seconds()

    # Time and the end.

    def look_after(self, now: float) -> None:
        """Act on what has become due."""
        settings = self._around.settings
        self._be_sure(now)
        if self._asked is not None and now - self._asked >= settings.answer_seconds:
            self._link.fail(StreamError("connection-timeout", "nothing was acknowledged"))
        elif not self._link.writable:
            self._look_at_stuck(now)
        elif now - self._link.last_used >= settings.idle_seconds and not self._handling:
            self._link.close("the stream was idle")

    def _be_sure(self, now: float) -> None:
        """Take for arrived what went long enough ago, if the connection takes what is written."""
        if self._link.writable and self.acks is None:
            for receipt in self._unsure.take(now - self._around.settings.quiet_seconds, now):
                receipt(True)

    def _look_at_stuck(self, now: float) -> None:
        """Cut off a server that does not read."""
        if self._moved is None:
            self._moved = now
        elif now - self._moved >= self._around.settings.slow_reader_seconds:
            self._link.fail(StreamError("resource-constraint", "you read too slowly"))

    def end(self) -> None:
        """Nothing goes any more; what was handled is told a last time (XEP-0198 4)."""
        self._over = True
        self._quiet = None
        acks = self.acks
        if acks is not None and self._owed is None and not self._has_lost:
            self._acknowledge(acks)
        self._owed = None
        self._around.gate.remove(self)
        self.waiting.clear()
        ended, self.ended = list(self.ended), {}
        for tell in ended:
            tell()

    def settle(self, *, read: bool) -> None:
        """Say what became of all that was sent, once: the connection is over, too.

        `read` is whether the other server has read to the end of our stream. Where it counts, only
        what it has acknowledged counts.
        """
        acks, self.acks = self.acks, None
        for receipt in self._unsure.take_all():
            receipt(read)
        for counted in () if acks is None else acks.unacknowledged:
            if counted is not None:
                counted(False)

    def let_go(self) -> None:
        """The connection is gone. What is in work is finished by those who are at it."""
        del self._lanes  # they refer to us


def _malformed() -> None:
    raise StanzaError("jid-malformed")
