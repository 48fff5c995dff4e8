"""One run of the simulated federation: what happens, then whether all holds that must."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from traceback import format_exc

from tests.network.attackers import settle
from tests.network.checks import Checks
from tests.network.faults import MISCHIEF, WAR
from tests.network.people import PEACE, Actions
from tests.network.scenario import Scenario
from tests.network.watcher import Watcher
from xmppd.api.storage import Archive
from xmppd.s2s.absent import RETURNED
from xmppd.s2s.spool import SENT, WAITING
from xmppd.testing.net.trace import Note


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    - `broken`: what did not hold, in words, and what was raised.
    - `counts`: how often what was reached.
    - `digest`: of all that has happened; `notes`: the same for people, if anything is broken.
    """

    seed: int
    broken: tuple[str, ...]
    counts: Counter[str]
    digest: str
    notes: tuple[Note, ...] = ()


def run(seed: int, *, bodies: bool = False, sqlite: bool = False, often: Actions = ()) -> Outcome:
    """Carry one run out.

    `bodies` has every byte between servers in the notes; `sqlite` has all data in SQLite, whatever
    the seed says; `often` is what happens more often than in other runs.
    """
    scenario = Scenario(seed, bodies=bodies, sqlite=sqlite)
    broken: list[str] = []
    try:
        for what in _broken(scenario, often):
            broken.append(what)  # what was found before an exception counts, too
    except Exception:
        broken.append(format_exc())
    finally:
        scenario.network.close()
    trace = scenario.network.trace
    notes = tuple(trace.notes) if broken or bodies else ()
    return Outcome(seed, tuple(broken), scenario.counts, trace.digest(), notes)


def _broken(scenario: Scenario, often: Actions) -> Iterator[str]:
    """Have everything happen; yield what does not hold."""
    watcher = Watcher()
    scenario.build(watcher.install)
    settle(scenario)
    scenario.play((*PEACE, *MISCHIEF, *(() if scenario.quiet else (*WAR, *often))))
    scenario.heal()
    scenario.gather()
    yield from Checks(scenario, watcher).all()
    scenario.part()
    yield from scenario.network.left()
    yield from _kept(scenario)
    yield from _stopped(scenario)


def _kept(scenario: Scenario) -> Iterator[str]:
    """Yield which servers have messages for others, or their errors, though none has to wait."""
    found: dict[str, list[int]] = defaultdict(list)
    for name, node in scenario.network.nodes.items():
        for store in (WAITING, SENT, RETURNED):
            count = node.disk.host(name).open(store, Archive).count("")
            count.addCallback(found[name].append)
    scenario.network.run(2)
    for name, counts in found.items():
        if any(counts) and name not in scenario.bad_disks:
            yield f"{name}: {sum(counts)} messages for others on disk"


def _stopped(scenario: Scenario) -> Iterator[str]:
    """Stop all servers; yield what is left of them."""
    network = scenario.network
    stopping = [network.stop(name) for name in network.nodes]
    if not network.run_until(lambda: all(each.called for each in stopping), 30):
        yield "servers do not stop"
    for node in network.nodes.values():
        for call in node.late:
            yield f"{node.name}: a timer is left: {call}"
