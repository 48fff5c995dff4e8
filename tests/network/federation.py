"""One run of the simulated federation: what happens, then whether all holds that must."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.network.checks import Checks
from tests.network.scenario import Scenario
from tests.network.watcher import Watcher


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    - `broken`: what did not hold, in words; `counts`: how often what was reached.
    - `digest`: of all that has happened; `trace`: the same for people, if anything is broken.
    """

    seed: int
    broken: tuple[str, ...]
    counts: Counter[str]
    digest: str
    trace: str


def run(seed: int, *, bodies: bool = False) -> Outcome:
    """Carry one run out; `bodies` has every byte between servers in the trace."""
    scenario = Scenario(seed, bodies=bodies)
    watcher = Watcher()
    try:
        scenario.build(watcher.prepare)
        scenario.play()
        scenario.heal()
        scenario.gather()
        broken = list(Checks(scenario, watcher).all())
        scenario.part()
        broken += scenario.network.left()
        broken += _stopped(scenario)
    finally:
        scenario.network.close()
    trace = scenario.network.trace
    text = trace.text() if broken or bodies else ""
    return Outcome(seed, tuple(broken), scenario.counts, trace.digest(), text)


def _stopped(scenario: Scenario) -> Iterator[str]:
    """Stop all servers; yield what is left of them."""
    network = scenario.network
    stopping = [network.stop(name) for name in network.nodes]
    if not network.run_until(lambda: all(each.called for each in stopping), 30):
        yield "servers do not stop"
    for node in network.nodes.values():
        for call in node.late:
            yield f"{node.name}: a timer is left: {call}"
