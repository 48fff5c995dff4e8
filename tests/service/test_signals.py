"""SIGHUP."""

import os
import signal
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
