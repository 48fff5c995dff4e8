"""What is to be sent from a domain of ours to one of another server, in its order.

While there is no stream it waits, within bounds. Where a server cannot be reached, presence and
requests are answered at once; messages are kept on disk and tried again until it is time to give
up. What was sent over a stream that has ended, and not acknowledged, is in doubt: it is returned,
and not sent again.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from xmppd.api.storage import NO_TICKET, StorageError, Ticket
from xmppd.s2s.absent import Absent
from xmppd.s2s.dialled import DialledStream
from xmppd.s2s.keeping import Keeping
from xmppd.s2s.pairs import Pair
from xmppd.s2s.retrying import Retrying
from xmppd.s2s.returning import Returns
from xmppd.s2s.shares import owner
from xmppd.s2s.spool import Kept, Spool
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.traffic import Traffic
from xmppd.s2s.unreached import TIMEOUT, Step, Unreached, bare
from xmppd.s2s.waiting import Item, Queue
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.stanza.weight import weight

Dial = Callable[[Pair], Awaitable[DialledStream]]

_ANSWERS = ("error", "result")

_DOUBT = "the connection ended before it was known whether this has arrived"


class Route:
    """Sends the stanzas of one pair of domains.

    - `opener`: the account whose share of all routes it uses; None where others may have brought it
      about, who have one share together.
    - `traffic`: of the stream over which they go, None while there is none.
    - `trouble`: why the last attempt to make one failed, None if it did not.
    - `dial(pair)`: makes a stream; raises `Unreached`. `spool` is None where nothing may be kept;
      `absent`: for what is returned to who is not there.
    """

    __slots__ = (
        "_around",
        "_dial",
        "_dialling",
        "_is_over",
        "_keeping",
        "_last_ticket",
        "_queue",
        "_restored",
        "_retrying",
        "_returns",
        "opener",
        "pair",
        "traffic",
        "trouble",
    )

    _log = Logger()

    def __init__(
        self, pair: Pair, around: Surroundings, dial: Dial, spool: Spool | None, absent: Absent
    ) -> None:
        self.pair = pair
        self.opener: JID | None = None
        self.traffic: Traffic | None = None
        self.trouble: Unreached | None = None
        self._around = around
        self._dial = dial
        self._keeping = Keeping(pair.remote, spool)
        self._returns = Returns(around, self._keeping, absent)
        self._dialling: Deferred[None] | None = None
        settings = around.settings
        self._queue = Queue(settings.queue_stanzas, settings.queue_bytes)
        self._retrying = Retrying(
            settings.retry_seconds, settings.retry_longest_seconds, lambda: around.draw(1000) / 1000
        )
        self._last_ticket = NO_TICKET
        self._is_over = False
        self._restored: int | None = None

    def __len__(self) -> int:
        """Return how many stanzas wait."""
        return len(self._queue)

    @property
    def is_spare(self) -> bool:
        """Whether nothing would be lost if this were forgotten."""
        return (
            self.traffic is None
            and self._dialling is None
            and not self._queue
            and not self._is_early()
        )

    # Stanzas.

    def submit(self, stanza: Stanza) -> Any:
        """Send a stanza, now or later. Raises `StanzaError` for one that is not taken.

        Returns a Deferred if the sender should wait, because the other server reads slowly and much
        is kept for it: it fires when the stanza is sent or returned; cancelling it takes the stanza
        out. Nobody waits for answers, or those could be held up who do nothing but answer.
        """
        if stanza.ticket in self._around.gate.failed:
            raise StanzaError("internal-server-error")
        traffic = self.traffic
        counts = stanza.kind == "message" and stanza.type != "error"
        if counts:
            item = self._keep(stanza)
        elif traffic is not None and self._is_free(traffic, stanza):
            traffic.send(stanza, None)
            return None
        else:
            self._check_trouble()
            item = Item(stanza, None)
            item.sender = self._sender(stanza)
            self._check_room(item.size, item.sender)
        self._add(item)
        if traffic is None:
            self.start()
            return None
        self._flush()
        return self._wait(item)

    def _wait(self, item: Item) -> "Deferred[None] | None":
        """Return what the sender of a stanza has to wait for, None if it has not."""
        traffic = self.traffic
        if traffic is None or traffic.writable or not self._queue.has_much:
            return None
        if item.stanza.type in _ANSWERS or not self._queue.ends_with(item):
            return None
        item.done = Deferred(lambda _: self._take_out(item))
        return item.done

    def _take_out(self, item: Item) -> None:
        """Forget a stanza whose sender does not want to wait any longer."""
        item.done = None
        self._queue.remove(item)
        self._keeping.forget(item)

    def _is_free(self, traffic: Traffic, stanza: Stanza) -> bool:
        return (
            not self._queue
            and self._restored is None
            and stanza.ticket <= self._around.gate.settled
            and traffic.writable
        )

    def _sender(self, stanza: Stanza) -> JID | None:
        """Return the account whose share a stanza uses."""
        return None if stanza.from_ is None else self._around.senders.account(stanza.from_)

    def _keep(self, stanza: Stanza) -> Item:
        """Put a message on disk, if it may wait there."""
        if not self._keeping.is_possible or (self.trouble is not None and self.trouble.final):
            self._check_trouble()
        sender = self._sender(stanza)
        self._check_room(weight(stanza), sender)
        now, going = self._around.wall.now(), self.traffic is not None
        item = self._keeping.keep(stanza, sender, now, going=going)
        item.sender = sender
        return item

    def _check_trouble(self) -> None:
        """Refuse what would wait for a server that could not be reached just now."""
        if self.trouble is not None and self.traffic is None and self._is_early():
            raise self.trouble.error()

    def _check_room(self, size: int, sender: JID | None) -> None:
        if not self._queue.has_room(size):
            raise StanzaError("resource-constraint", "too much waits for that server")
        if sender is not None and not self._queue.has_room_for(sender, size):
            raise StanzaError("resource-constraint", "too much of yours waits for that server")

    def _add(self, item: Item) -> None:
        self._queue.append(item)
        self._await(item.ticket)

    def _await(self, ticket: Ticket) -> None:
        """Be told what becomes of a write, whether there is a stream or not."""
        if ticket > self._around.gate.settled:
            self._last_ticket = max(self._last_ticket, ticket)
            self._around.gate.add(self)

    def hold(self) -> None:
        """Send nothing until `let_go`: what an earlier run has left comes first."""
        self._restored = 0

    def restore(self, kept: Kept, stanza: Stanza) -> None:
        """Take what an earlier run has left, while this is held."""
        assert self._restored is not None
        item = Item(stanza, kept)
        self._queue.insert(self._restored, item)
        self._restored += 1

    def let_go(self) -> None:
        """Begin to send."""
        self._restored = None
        if self.traffic is not None:
            self._note_going()
            self._flush()
        elif self._queue:
            self.start()

    # Over a stream.

    def attach(self, traffic: Traffic) -> None:
        """Send over this stream from now on; nothing happens if there is one."""
        if self.traffic is not None:
            return
        self.traffic = traffic
        self.trouble = None
        self._around.missed.reached(self.pair.remote)
        self._retrying.attached(self._around.clock.seconds())
        traffic.ended[self._detached] = None
        self._note_going()
        self._flush()

    def _note_going(self) -> None:
        """Have it on disk that what waits may have been sent, before it is."""
        try:
            ticket = self._keeping.go(self._queue)
        except StorageError:  # sent all the same, it could be sent again after a crash
            error = StanzaError("internal-server-error")
            self._return_some(lambda item: item.kept is not None, error)
            return
        if ticket is not None:
            for item in self._queue:
                item.tickets = (*item.tickets, ticket)
            self._await(ticket)

    def _flush(self) -> None:
        """Send what may go now."""
        queue, traffic, gate = self._queue, self.traffic, self._around.gate
        if self._restored is not None:
            return
        while queue and traffic is not None and traffic.writable:
            first = queue.first
            if first.ticket > gate.settled or (gate.failed and first.has_lost(gate.failed)):
                return  # `release` comes
            item = queue.pop()
            stanza = item.to_send(self.pair.local, self._around.wall.now())
            traffic.send(stanza, self._receipt(item))
            item.let_go()  # not before: what comes of it is sent behind this
            traffic = self.traffic
        if traffic is not None:
            if queue:
                traffic.waiting[self._flush] = None
            else:
                traffic.waiting.pop(self._flush, None)

    def _receipt(self, item: Item) -> Callable[[bool], None] | None:
        stanza = item.stanza
        if stanza.kind != "message" or stanza.type == "error":
            return None
        return partial(self._settled, item)

    def _settled(self, item: Item, arrived: bool) -> None:
        """It is known now whether a message has arrived, or that nobody knows."""
        if not arrived:
            self._returns.add([item], StanzaError(TIMEOUT, _DOUBT))
        else:
            self._keeping.forget(item)

    def release(self, settled: Ticket, failed: range) -> bool:
        """Send what waited for storage (see `xmppd.api.gate.Held`)."""
        if failed:
            self._keeping.lost(self._queue, failed)
            self._return_some(
                lambda item: item.has_lost(failed), StanzaError("internal-server-error")
            )
        self._flush()
        return bool(self._queue) and self._last_ticket > settled

    def _detached(self) -> None:
        """The stream has ended; nobody waits for another one."""
        self.traffic = None
        for item in self._queue:
            item.let_go()
        self._retrying.detached(self._around.clock.seconds())
        if self._queue:
            self.start()

    # Making a stream.

    def start(self) -> None:
        """Make a stream, unless there is one, or it is too early to try again."""
        early = self._is_over or self._restored is not None or self._is_early()
        if self.traffic is None and self._dialling is None and not early:
            # It may be over before we know what it is.
            dialling = self._dialling = Deferred()
            making = Deferred.fromCoroutine(self._make())
            if self._dialling is dialling:
                self._dialling = making

    async def _make(self) -> None:
        try:
            stream = await self._dial(self.pair)
        except Unreached as trouble:
            self._dialling = None
            bare(trouble)
            self._failed(trouble)
        except CancelledError as cancelled:
            self._dialling = None
            bare(cancelled)
        except Exception:
            self._dialling = None
            self._log.failure("a stream to {domain} could not be made", domain=self.pair.remote)
            text = "a fault of this server keeps it from being sent"
            self._failed(Unreached(Step.STREAM, text, "internal-server-error"))
        else:
            self._dialling = None
            if self.traffic is None:
                self.attach(stream.traffic)
            elif stream.pairs.incoming(self.pair) is None:
                stream.close("there is a stream already")
            # Else both have called at once, and the other may send over ours (XEP-0288). If each
            # closed its own, none would be left; whatever is idle is closed later.

    def _failed(self, trouble: Unreached) -> None:
        """Answer what does not wait any longer, and try again later for what does."""
        if self.traffic is not None:
            return
        self.trouble = trouble
        self._retrying.failed(self._around.clock.seconds())
        now, most = self._around.wall.now(), self._around.settings.give_up_seconds
        self._return_some(
            lambda item: trouble.final or item.kept is None or now - item.kept.since >= most,
            trouble.error(),
        )
        self._around.telling.tell(owner(self.pair.remote), lambda: self._log_failed(trouble))

    def _log_failed(self, trouble: Unreached) -> None:
        self._log.info(
            "{domain} cannot be sent anything from {local}: {why}",
            domain=self.pair.remote,
            local=self.pair.local,
            why=trouble.text,
        )

    def _is_early(self) -> bool:
        return self._retrying.is_early(self._around.clock.seconds())

    def encourage(self) -> None:
        """The other server has shown that it is alive."""
        self._retrying.encourage()
        self.trouble = None
        if self._queue:
            self.start()

    def look_after(self) -> None:
        """Act on what has become due."""
        if self._queue and self.traffic is None:
            self.start()

    # Returning.

    def _return_some(self, wanted: Callable[[Item], bool], error: StanzaError) -> None:
        items = self._queue.take(wanted)
        for item in items:
            item.let_go()
            self._around.missed.undelivered(item.stanza)
        self._returns.add(items, error)

    def end(self) -> None:
        """Stop: what is on disk stays there, all else is returned."""
        self._is_over = True
        self._around.gate.remove(self)
        if self._dialling is not None:
            self._dialling.cancel()
        self._return_some(
            lambda item: item.kept is None, StanzaError(TIMEOUT, "this server is being stopped")
        )
        self._returns.end()
