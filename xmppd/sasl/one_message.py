"""The exchange of mechanisms that are one message from the client (RFC 4422 section 5, item 2a)."""

from collections.abc import Callable
from enum import Enum, auto

from xmppd.sasl.exchange import Challenge, Condition, Failed, Outcome, ScramKeys


class _Turn(Enum):
    START = auto()
    INVITED = auto()
    OVER = auto()


class OneMessage:
    """Give the client's one message to `judge` and answer its outcome.

    A client that sends no initial response is asked for its message with an empty challenge, once.
    With `silence_counts` such an `<auth/>` is taken for an empty message instead.
    """

    __slots__ = ("_judge", "_silence_counts", "_turn")

    def __init__(self, judge: Callable[[bytes], Outcome], *, silence_counts: bool = False) -> None:
        self._judge = judge
        self._silence_counts = silence_counts
        self._turn = _Turn.START

    def step(self, data: bytes | None) -> Outcome:
        """Take the client's message; whatever follows it is a malformed request."""
        turn, self._turn = self._turn, _Turn.OVER
        if turn is _Turn.START and data is None:
            if self._silence_counts:
                return self._judge(b"")
            self._turn = _Turn.INVITED
            return Challenge(b"")
        if turn is _Turn.OVER or data is None:
            return Failed(Condition.MALFORMED_REQUEST, "The exchange takes one message only.")
        return self._judge(data)

    def keys(self, keys: ScramKeys) -> Outcome:
        """Raise ValueError: this exchange never asks for keys."""
        raise ValueError("no keys were asked for")
