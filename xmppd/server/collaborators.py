"""What a server takes from its surroundings, so that it can run in any: a process, a test."""

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from xmppd.api.host import IEntropy, IWallClock, IWorkers
from xmppd.api.network import IConnector, IResolver


@dataclass(frozen=True, slots=True)
class Collaborators:
    """The outside world.

    - `clock`: timers; a reactor, or a `twisted.internet.task.Clock` in tests.
    - `wall`: the time of day; `entropy`: unpredictable values.
    - `workers`: runs what takes long beside the reactor's thread.
    - `to_reactor(f, *args)`: calls `f` on the reactor's thread, from any other.
    - `resolver`: the DNS; `connector`: connects to other machines.
    """

    clock: IReactorTime
    wall: IWallClock
    entropy: IEntropy
    workers: IWorkers
    to_reactor: Callable[..., object]
    resolver: IResolver
    connector: IConnector
