"""Carries out the table of subscriptions: the shipped features against the machine, step by step.

Everything that anybody sees is compared, silence included; at the end rosters are looked at.
"""

from collections.abc import Sequence

from tests.im.house import TWO_SERVERS, House
from tests.im.machine import Client, Machine, Side
from tests.im.seen import ABSENT
from tests.im.states import USER, WAYS
from tests.im.subscription_table import REMOVE, SENT, Item, Table, before, table
from tests.tables import Row


class Differs(AssertionError):
    """What was seen is not what the table has."""


class Trial:
    """Romeo and Juliet, and all the machines that have been right about them so far."""

    def __init__(self, where: str, rules: Table) -> None:
        self.house = House(where)
        self.told = [f"they are on {where}"]
        sides = [Side(jid, self._clients(jid)) for jid in self.house.people]
        if where == TWO_SERVERS:
            sides[1] = Side(self.house.juliet, [Client(f"{self.house.juliet}/balcony", True, True)])
            sides[1].item = None
        self.machines = [Machine(rules, sides)]

    def _clients(self, jid: str) -> list[Client]:
        return [
            Client(each.jid, each.available, each.interested)
            for each in self.house.resources
            if each.jid.startswith(f"{jid}/")
        ]

    def step(self, side: int, type: str, resource: str = "") -> None:
        """Let a side send that. Raises `Differs`."""
        self.told.append(f"{self.house.people[side]} sends {type}")
        self.house.sends(side, type, resource)
        seen = self.house.take()
        tried = [each for machine in self.machines for each in machine.each_way(side, type)]
        self.machines = [machine for machine in tried if machine.came_true(seen)]
        if not self.machines:
            self._differs("seen", seen, *(dict(machine.words) for machine in tried))
        self._check_order(side, type, seen)

    def _check_order(self, side: int, type: str, seen: dict[str, list[str]]) -> None:
        """Hold the order of what one client sees against the rules (3.1.5, 3.1.6, 3.2.2, 3.2.3)."""
        sender = self.house.people[side]
        for jid, words in seen.items():
            verbs = [each.partition(" ")[0] for each in words]
            news = [n for n, each in enumerate(verbs) if each in NEWS]
            pushes = [n for n, each in enumerate(verbs) if each == "push"]
            mine = not jid.startswith(sender)
            if mine and any(why > push for why, push in zip(news, pushes, strict=False)):
                self._differs("a push before its reason", seen)
            order = {"subscribed": ("subscribed", "available")}.get(type)
            if type in ("unsubscribed", REMOVE):
                order = ("unavailable", "unsubscribed")
            if mine and order and set(order) <= set(verbs) and not _is_behind(verbs, *order):
                self._differs(f"{order[1]} before {order[0]}", seen)

    def restart(self) -> None:
        """Restart the server and log in everybody. Raises `Differs` unless requests come again."""
        self.told.append("the server is restarted")
        seen = self.house.restart()
        expected = [machine.sides[USER].item for machine in self.machines]
        if not any(item is not None and self._greeted(item, seen) for item in expected):
            self._differs("seen", seen, *map(repr, expected))

    def _greeted(self, item: Item, seen: dict[str, list[str]]) -> bool:
        """Tell whether Romeo's clients get what waits, and probes are sent (3.1.3, 4.3.1)."""
        me, other = self.house.people
        request, probe = f"subscribe from {other} to {me}", f"probe from {me} to {other}"
        if self.house.remote is not None:
            asked = probe in seen.get(str(self.house.remote.jid), [])
            if asked != (item.state.split()[0] in ("To", "Both")):
                return False
        return all(
            seen.get(each.jid, []).count(request) == int(each.available and item.pending_in)
            for each in self.house.resources
            if each.jid.startswith(f"{me}/")
        )

    def check(self, side: int = USER) -> None:
        """Look at a side's roster, and at what its presence brings about. Raises `Differs`."""
        item, mine, theirs = self.house.look(side)
        looked = [item, *mine, *theirs]
        expected = [each.sides[side].item for each in self.machines]
        if not any(each is not None and self._fits(side, each, looked) for each in expected):
            self._differs("looked at", {self.house.people[side]: looked}, *map(repr, expected))

    def _fits(self, side: int, item: Item, looked: list[str]) -> bool:
        me, other = self.house.people[side], self.house.people[1 - side]
        shown, *seen = looked
        request = f"subscribe from {other} to {me}"
        remote = self.house.remote is not None
        presence = f"available from {me}/window to {other}"
        return (
            shown == shows(item)
            and seen.count(request) == int(item.pending_in)
            and (not remote or (presence in seen) == (item.state.split()[0] in ("From", "Both")))
            and (item.pending_out or f"subscribe from {me} to {other}" not in seen)
            and not [each for each in seen if each.startswith(("push", "error"))]
        )

    def _differs(self, what: str, got: object, *expected: object) -> None:
        story = "\n  ".join(self.told)
        wanted = "\n  or ".join(map(str, expected))
        raise Differs(f"{what}\n  {story}\nexpected\n  {wanted}\nbut\n  {got}")


NEWS = ("subscribed", "unsubscribe", "unsubscribed")


def shows(item: Item) -> str:
    """Return what a roster shows of an item (RFC 6121 A.1)."""
    if not item.listed:
        return ABSENT
    ask = " ask" if item.pending_out else ""
    return f"{item.state.split()[0].lower()}{ask}{' approved' if item.approved else ''}"


def _is_behind(words: Sequence[str], early: str, late: str) -> bool:
    return max(n for n, each in enumerate(words) if each == early) < words.index(late)


def carry_out(
    row: Row,
    where: str,
    *,
    restarts: bool = False,
    resource: str = "",
    rules: Table | None = None,
) -> None:
    """Come to the state a row starts from, carry it out and look. Raises `Differs`.

    With `resource` the row's stanza is sent to that resource.
    """
    trial = Trial(where, table() if rules is None else rules)
    for way in WAYS[before(row)]:
        trial.step(*way)
        if restarts:
            trial.restart()
    trial.step(USER if row["direction"] == SENT else 1 - USER, row["type"], resource)
    if restarts:
        trial.restart()
    trial.check()
    if where != TWO_SERVERS:
        trial.check(1 - USER)
