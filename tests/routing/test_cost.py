"""What a message to a bound full JID may cost: calls and allocations, not time."""

import gc
import sys
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from xmppd.api.sessions import ISession, SessionRecord
from xmppd.modules.blocking.feature import Blocking
from xmppd.modules.delay import Delays
from xmppd.modules.offline.feature import OfflineMessages
from xmppd.routing import domain
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message, Stanza
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.texts import read_stanzas

CALLS = 9
"""Calls of Python functions from `submit` to `write`, both included."""

WATCHED_CALLS = 13
"""The same with the shipped features that watch messages and have nothing to say of this one."""


@implementer(ISession)
class Sink:
    """A session that lets everything go."""

    def __init__(self, host: FakeHost, resource: str) -> None:
        self.jid = JID.make("juliet", host.domain, resource)
        self.account = "juliet"
        self.record = SessionRecord(self.jid, host.cluster.node)
        self.written = 0
        self.writable = True

    def write(self, stanza: Stanza) -> None:
        self.written += 1

    def publish(self, **changes: object) -> None:
        raise NotImplementedError

    def state(self, kind: type[Any]) -> Any:
        raise NotImplementedError

    def kinds(self) -> tuple[type, ...]:
        raise NotImplementedError

    def withdraw(self) -> None:
        raise NotImplementedError

    def close(self, condition: str, text: str = "") -> None:
        raise NotImplementedError


def calls(run: Callable[[], object]) -> list[str]:
    """Return the names of the Python functions that `run` calls, itself not included."""
    called: list[str] = []

    def profile(frame: Any, event: str, _argument: object) -> None:
        if event == "call":
            called.append(frame.f_code.co_name)

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return called[1:]


class CostTests(SynchronousTestCase):
    """A message from one client of the host to another's full JID, nobody watching."""

    features: tuple[type, ...] = ()
    most = CALLS

    def setUp(self) -> None:
        self.host = FakeHost()
        for feature in self.features:
            self.host.load(feature)
        self.sink = Sink(self.host, "balcony")
        self.sender = Sink(self.host, "chamber")
        for session in (self.sink, self.sender):
            self.successResultOf(self.host.accounts_domain.open(session))

    def message(self) -> Stanza:
        """Return a message as the stream's parser makes it."""
        [stanza] = read_stanzas(f"<message to='{self.sink.jid}'><body>Hi</body></message>")
        assert isinstance(stanza, Message)
        stanza.from_ = self.sender.jid
        return stanza

    def test_calls(self) -> None:
        message = self.message()
        made = calls(lambda: self.host.accounts_domain.submit(message, self.sender))
        self.assertEqual(1, self.sink.written)
        self.assertLessEqual(len(made), self.most, made)
        self.assertEqual("write", made[-1])

    def test_no_plan(self) -> None:
        def plan(*_: object) -> None:
            raise AssertionError("a plan is made")

        self.patch(domain, "plan", plan)
        self.host.accounts_domain.submit(self.message(), self.sender)
        self.assertEqual(1, self.sink.written)

    def test_nothing_stays(self) -> None:
        """However many pass, no memory is held for them."""
        message = self.message()
        submit = self.host.accounts_domain.submit
        for _ in range(10):
            submit(message, self.sender)
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(1000):
            submit(message, self.sender)
        self.assertLess(sys.getallocatedblocks() - before, 50)


class WatchedCostTests(CostTests):
    """The same where watchers say beforehand which accounts and payloads they are about."""

    features = (Blocking, OfflineMessages, Delays)
    most = WATCHED_CALLS
