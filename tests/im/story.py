"""What happens step by step on a server which may be restarted between any two of them.

Storage outlasts a restart and sessions do not, so that clients log in again, in the same order.
"""

from collections.abc import Callable, Iterator

from xmppd.api.storage import Archive, KeyValue, Map
from xmppd.testing.fake_host import FakeHost

JULIET = "juliet@example.org"

Step = Callable[[], object]

LOSSES: dict[str, Callable[[FakeHost], object]] = {
    "roster": lambda host: host.open("roster", Map).clear("juliet"),
    "last": lambda host: host.open("last", KeyValue).delete("juliet"),
    "offline": lambda host: host.open("offline", Archive).purge("juliet"),
    "blocking": lambda host: host.open("blocking", Map).clear("juliet"),
}
"""Ways to spoil a restart, by the store that is empty afterwards."""

SECONDS = 10
"""How long the server is away."""


class Story:
    """The steps taken so far; the server restarts once, behind the step of that number.

    `loses` names a store that does not outlast the restart, as it should.
    """

    def __init__(self, host: FakeHost, restart: int | None = None, loses: str = "") -> None:
        self.host = host
        self.steps = 0
        self._restart = restart
        self._loses = loses
        self._again: list[tuple[str, Step]] = []

    def once(self, step: Step) -> None:
        """Take a step whose outcome the server has to keep."""
        step()
        self._taken()

    def session(self, client: str, step: Step) -> None:
        """Take a step of a client's session: it does so again when it logs in again."""
        self._again.append((client, step))
        self.once(step)

    def over(self, client: str) -> None:
        """Let a client be gone: it does not come back by itself."""
        self._again = [each for each in self._again if each[0] != client]

    def _taken(self) -> None:
        self.steps += 1
        if self.steps == self._restart:
            self.host = self.host.restarted()
            self.host.wall.seconds += SECONDS
            if self._loses:
                LOSSES[self._loses](self.host)
                self.host.turn()
            for _, step in self._again:
                step()


def faults(carry_out: Callable[[int | None], int], wrong: type[Exception]) -> Iterator[str]:
    """Carry something out, then again with a restart behind each of its steps; yield complaints.

    `carry_out` is called with the step, None for no restart, and returns how many there are.
    """
    try:
        steps = carry_out(None)
    except wrong as error:
        yield str(error)
        return
    for step in range(1, steps + 1):
        try:
            carry_out(step)
        except wrong as error:
            yield f"restarted behind step {step} of {steps}: {error}"
