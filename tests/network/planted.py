"""Bugs that are put into the servers of a federation, to see that its checks find them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from xmppd.routing.domain import AccountsDomain
from xmppd.routing.host import LocalHost
from xmppd.s2s.pairs import Pairs
from xmppd.s2s.returning import Returns
from xmppd.s2s.route import Route
from xmppd.s2s.service import ServerService
from xmppd.s2s.spool import Spool
from xmppd.s2s.traffic import Traffic
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


PLANTED: Mapping[str, Plant] = {
    "acknowledged before it is on disk": _instead(Traffic, "_acknowledge", _acknowledge_at_once),
    "the queue lost with its stream": _instead(Route, "_detached", _lose_the_queue),
    "no look at who sends": _instead(Pairs, "check", _nothing),
    "sent again though in doubt": _instead(Route, "_settled", _send_again),
    "never returned though in doubt": _instead(Route, "_settled", _keep_silent),
    "returned twice": _instead(Returns, "_return", _twice),
    "nothing on disk": _instead(Spool, "keep", _forget_at_once),
    "the last first": _instead(Route, "_add", _last_first),
    "sent again after a crash": _instead(Spool, "load", _as_if_it_waited),
    "subscriptions never denied": _both(
        _instead(LocalHost, "route", _without_denials), _instead(AccountsDomain, "_deny", _nothing)
    ),
    "streams that never end": _instead(Traffic, "look_after", _never_idle),
    "a timer that goes on": _instead(ServerService, "abandon", _leave_the_timer),
}
