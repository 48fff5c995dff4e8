"""Bugs that are put into the servers of a federation, to see that its checks find them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from tests.network.faults import crash_as_it_keeps, crash_at_work, reset
from tests.network.people import Actions, befriend, edit_roster, leave_as_it_waits
from xmppd.cluster.single import SingleNode
from xmppd.routing.domain import AccountsDomain
from xmppd.routing.host import LocalHost
from xmppd.s2s.absent import Absent
from xmppd.s2s.dialback import Request
from xmppd.s2s.outgoing import Outgoing
from xmppd.s2s.pairs import Pairs
from xmppd.s2s.returning import Returns
from xmppd.s2s.route import Route
from xmppd.s2s.senders import Senders
from xmppd.s2s.service import ServerService
from xmppd.s2s.spool import Spool
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.traffic import Traffic
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.stanza import Stanza
from xmppd.stream.management import Ack

Plant = Callable[[], AbstractContextManager[Any]]


def _instead(owner: type, name: str, make: Callable[[Any], Any]) -> Plant:
    """Return what puts `make(original)` in the place of a method."""

    @contextmanager
    def planted() -> Iterator[None]:
        with patch.object(owner, name, make(getattr(owner, name))):
            yield

    return planted


def _both(one: Plant, other: Plant) -> Plant:
    @contextmanager
    def planted() -> Iterator[None]:
        with one(), other():
            yield

    return planted


def _acknowledge_at_once(original: Any) -> Any:
    def acknowledge(self: Any, acks: Any) -> None:
        handled = self._received
        acks.handle(handled - acks.handled)
        self._link.element(Ack(handled).to_element())

    return acknowledge


def _lose_the_queue(original: Any) -> Any:
    def detached(self: Any) -> None:
        self._queue.take(lambda _: True)
        original(self)

    return detached


def _send_again(original: Any) -> Any:
    def settled(self: Any, item: Any, arrived: bool) -> None:
        if arrived:
            original(self, item, arrived)
        else:
            self._add(item)

    return settled


def _keep_silent(original: Any) -> Any:
    def settled(self: Any, item: Any, arrived: bool) -> None:
        original(self, item, True)

    return settled


def _twice(original: Any) -> Any:
    def give(self: Any, item: Any, error: Any) -> None:
        original(self, item, error)
        original(self, item, error)

    return give


def _forget_at_once(original: Any) -> Any:
    def keep(self: Any, *arguments: Any, **keywords: Any) -> Any:
        kept, ticket = original(self, *arguments, **keywords)
        self._archive(kept.going).remove("", [kept.id])
        return kept, ticket

    return keep


def _last_first(original: Any) -> Any:
    def add(self: Any, item: Any) -> None:
        original(self, item)
        self._queue.remove(item)
        self._queue.insert(0, item)

    return add


def _as_if_it_waited(original: Any) -> Any:
    async def load(self: Any, *arguments: Any) -> Any:
        async for kept, stanza in original(self, *arguments):
            kept.going = False
            yield kept, stanza

    return load


def _without_denials(original: Any) -> Any:
    def route(self: Any, stanza: Stanza) -> None:
        if not (stanza.kind == "presence" and stanza.type == "unsubscribed"):
            original(self, stanza)

    return route


def _never_idle(original: Any) -> Any:
    def look_after(self: Any, now: float) -> None:
        self._link.last_used = now
        original(self, now)

    return look_after


def _leave_the_timer(original: Any) -> Any:
    def abandon(self: Any) -> None:
        for connection in self.around.connections.all():
            connection.abort()

    return abandon


def _nothing(original: Any) -> Any:
    return lambda *arguments, **keywords: None


def _settled_and_returned(original: Any) -> Any:
    def settled(self: Any, item: Any, arrived: bool) -> None:
        if arrived and not item.stanza.id.endswith("7"):
            original(self, item, arrived)
        else:
            self._returns.add([item], StanzaError("remote-server-timeout", "it took too long"))

    return settled


def _always_in_doubt(original: Any) -> Any:
    def settled(self: Any, item: Any, arrived: bool) -> None:
        original(self, item, False)

    return settled


def _one_more(original: Any) -> Any:
    return lambda self: original(Ack(self.h + 1))


def _true(original: Any) -> Any:
    return lambda *arguments: True


def _whoever(original: Any) -> Any:
    return lambda self, jid: jid


def _valid(original: Any) -> Any:
    def judge(self: Any, chain: Any, domain: str) -> Any:
        return replace(original(self, chain, domain), trusted=True, covers=True)

    return judge


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug that can be put in.

    - `plant()`: has it in the servers as long as its block lasts.
    - `told`: what the check says that has to find it, a regular expression.
    - `often`: what has to happen more often than in other runs, lest it takes long to find.
    """

    plant: Plant
    told: str
    often: Actions = ()


ORDER = r"m\d+ has come to .* behind m\d+"
TWICE = r"m\d+ was delivered \d+ times to"
LOST = r"m\d+ was accepted and is lost"
RETURNED_TWICE = r"[mn]\d+ was returned \d+ times"
UNSEEN = r"m\d+ was returned and .* has not seen it"
BOTH = r"m\d+ was delivered and returned"
NO_DOUBT = r"m\d+ was in doubt though nothing went wrong"
FORGED = r"forged\d+ was forged and has come to"
STOLEN = "an attacker was given <"
HALF_OPEN = ".* believes to see .*, whose roster says"

PLANTED: Mapping[str, Bug] = {
    # Order per pair of full JIDs.
    "the last first": Bug(_instead(Route, "_add", _last_first), ORDER),
    # No message twice to a device.
    "sent again though in doubt": Bug(_instead(Route, "_settled", _send_again), TWICE),
    "sent again after a crash": Bug(_instead(Spool, "load", _as_if_it_waited), TWICE),
    # Nothing that was acknowledged lost.
    "ack before commit": Bug(
        _instead(Traffic, "_acknowledge", _acknowledge_at_once), LOST, ((crash_as_it_keeps, 40),)
    ),
    "lost queue on reconnect": Bug(
        _instead(Route, "_detached", _lose_the_queue), LOST, ((reset, 40),)
    ),
    "nothing on disk": Bug(_instead(Spool, "keep", _forget_at_once), LOST, ((crash_at_work, 20),)),
    "dropped with its session": Bug(
        _instead(AccountsDomain, "take_back", _nothing), LOST, ((leave_as_it_waits, 20),)
    ),
    # What is not delivered is returned, once.
    "never returned though in doubt": Bug(
        _instead(Route, "_settled", _keep_silent), LOST, ((reset, 40),)
    ),
    "returned twice": Bug(_instead(Returns, "_return", _twice), RETURNED_TWICE),
    "returned to who is not there": Bug(_instead(Senders, "reach", _whoever), UNSEEN),
    # Delivered and returned only where nobody could know.
    "returned though it has arrived": Bug(_instead(Route, "_settled", _settled_and_returned), BOTH),
    "in doubt though it has arrived": Bug(_instead(Route, "_settled", _always_in_doubt), NO_DOUBT),
    "h off by one": Bug(_instead(Ack, "to_element", _one_more), NO_DOUBT),
    # Nobody is taken for somebody else.
    "missing from-check": Bug(_instead(Pairs, "check", _nothing), FORGED),
    "any dialback key is right": Bug(_instead(Request, "is_right", _true), FORGED),
    "any certificate is good": Bug(_instead(Surroundings, "judge", _valid), STOLEN),
    # Subscriptions agree in the end.
    "subscriptions never denied": Bug(
        _both(
            _instead(LocalHost, "route", _without_denials),
            _instead(AccountsDomain, "_deny", _nothing),
        ),
        HALF_OPEN,
        ((befriend, 20), (edit_roster, 20)),
    ),
    # Nothing is left.
    "streams that never end": Bug(_instead(Traffic, "look_after", _never_idle), r".*: \d+ streams"),
    "routes that are never forgotten": Bug(
        _instead(Outgoing, "look_after", _nothing), r".*: \d+ routes"
    ),
    "sessions that are never forgotten": Bug(
        _instead(SingleNode, "withdraw", _nothing), r".*: \d+ sessions"
    ),
    "messages never taken from the disk": Bug(
        _instead(Spool, "forget", _nothing), r".*: \d+ messages for others on disk"
    ),
    "errors never taken from the disk": Bug(
        _instead(Absent, "_forget", _nothing), r".*: \d+ messages for others on disk"
    ),
    "a timer that goes on": Bug(
        _instead(ServerService, "abandon", _leave_the_timer), ".*: a timer is left"
    ),
}
"""By what is wrong; in the order of what a federation promises."""
