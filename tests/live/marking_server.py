"""Our server, which writes a line for each message from another one: issued, then settled.

Run as `python -m tests.live.marking_server [careless] ARGUMENTS`, those of twistd. A message is
issued when it is taken and settled when the other server is about to be told so (XEP-0198 4). A
careless server tells at once, which whoever watches should notice.
"""

import os
import sys
from collections import deque

from twisted.scripts.twistd import run

from xmppd.s2s.traffic import Traffic
from xmppd.stanza.stanza import Stanza
from xmppd.stream.management import Ack
from xmppd.wire.element import Element


def say(word: str, number: int) -> None:
    """Mark the moment: one system call, no buffer in between."""
    os.write(1, f"{word} {number}\n".encode())


class Marks:
    """Counts messages, on one stream; in the place of methods that it calls itself."""

    def __init__(self, careless: bool) -> None:
        self.careless = careless
        self.count = 0
        self.taken: deque[tuple[int, int]] = deque()
        self.take = Traffic.take
        self.to_element = Ack.to_element

    def begin(self, traffic: Traffic, stanza: Stanza) -> None:
        """Take a stanza."""
        if stanza.kind == "message":
            self.count += 1
            self.taken.append((self.count, traffic._received + 1))
            say("issued", self.count)
        self.take(traffic, stanza)
        if self.careless:
            traffic._link.element(Ack(traffic._received).to_element())

    def tell(self, ack: Ack) -> Element:
        """Make the acknowledgement that is sent."""
        while self.taken and self.taken[0][1] <= ack.h:
            say("settled", self.taken.popleft()[0])
        return self.to_element(ack)


if __name__ == "__main__":
    marks = Marks(sys.argv[1] == "careless")
    if marks.careless:
        del sys.argv[1]
    Traffic.take = lambda self, stanza: marks.begin(self, stanza)  # type: ignore[method-assign]
    Ack.to_element = lambda self: marks.tell(self)  # type: ignore[method-assign]
    run()  # type: ignore[no-untyped-call]
