"""SIGHUP."""

import os
import signal
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from xmppd.service.signals import Hangups


class HangupTests(TestCase):
    """The signal is a wish to reload, for as long as we say."""

    async def test_reload(self) -> None:
        before = signal.getsignal(signal.SIGHUP)
        reloaded: Deferred[None] = Deferred()
        outside: Any = reactor
        hangups = Hangups(outside, lambda: reloaded.callback(None))
        hangups.install()
        self.addCleanup(signal.signal, signal.SIGHUP, before)
        os.kill(os.getpid(), signal.SIGHUP)
        await reloaded
        hangups.remove()
        self.assertEqual(signal.getsignal(signal.SIGHUP), before)
        hangups.remove()

    def test_many_in_a_row_are_one_wish(self) -> None:
        calls: list[Callable[[], object]] = []
        reloads: list[int] = []

        class Waiting:
            callFromThread = calls.append

        def reload() -> None:
            reloads.append(len(reloads))
            if len(reloads) == 1:  # one more while it works
                os.kill(os.getpid(), signal.SIGHUP)

        outside: Any = Waiting()
        hangups = Hangups(outside, reload)
        hangups.install()
        self.addCleanup(hangups.remove)
        for _ in range(100):
            os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual(len(calls), 1)
        for call in calls:
            call()
        self.assertEqual((len(calls), reloads), (2, [0, 1]))
