"""Taking turns: what must not be done twice at once to one account's data is done in order."""

from collections import deque
from types import TracebackType

from twisted.internet.defer import Deferred


class Turns:
    """Lets those who come with the same key do their work one after the other::

        async with self._turns.of(owner):
            value = await self._store.get(owner)
            self._store.put(owner, edited(value))

    Nothing is kept for keys that nobody is at work with. Whoever is cancelled while waiting leaves
    the queue.
    """

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}

    def __len__(self) -> int:
        """Return for how many keys somebody is at work."""
        return len(self._queues)

    def of(self, key: str) -> "Turn":
        """Return a turn with that key, to be taken by `async with`."""
        return Turn(self._queues, key)


class _Queue:
    """Whether somebody is at work, and who waits for that to end."""

    __slots__ = ("taken", "waiting")

    def __init__(self) -> None:
        self.taken = False
        self.waiting: deque[Deferred[None]] = deque()


class Turn:
    """One turn (see `Turns`)."""

    __slots__ = ("_key", "_queue", "_queues")

    def __init__(self, queues: dict[str, _Queue], key: str) -> None:
        self._queues = queues
        self._key = key
        self._queue = queues.setdefault(key, _Queue())

    async def __aenter__(self) -> "Turn":
        queue = self._queue
        if queue.taken:
            turn: Deferred[None] = Deferred(queue.waiting.remove)
            queue.waiting.append(turn)
            await turn
        queue.taken = True
        return self

    def free(self) -> None:
        """Let whoever comes from now on begin at once; those who wait go on waiting.

        For the part of one's work that tells others, who may answer before that returns.
        """
        self._queue.taken = False

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        queue = self._queue
        queue.taken = False
        if queue.waiting:
            queue.waiting.popleft().callback(None)
        if not queue.taken and self._queues.get(self._key) is queue:
            del self._queues[self._key]
