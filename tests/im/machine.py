"""A server made of nothing but the table of subscriptions: it says what everybody has to see.

Where the table leaves a choice, there is one machine for each way to choose, and those go on whose
words came true.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from tests.im.subscription_table import ADD, RECEIVED, REMOVE, SENT, Item, Table, afters
from tests.tables import Row


@dataclass(slots=True)
class Client:
    """One client of a side: whether it is available, and interested in the roster."""

    jid: str
    available: bool
    interested: bool


@dataclass(slots=True)
class Side:
    """An account with its clients; `item` is of the other side, None if it is of another server."""

    jid: str
    clients: Sequence[Client]
    item: Item | None = field(default_factory=Item)

    def told(self, *, requests: bool) -> Iterator[Client]:
        """Yield the clients that get requests, or what else there is about subscriptions."""
        for client in self.clients:
            if client.available if requests else client.interested:
                yield client


class Choices:
    """Ways to choose, one after the other: each `pick` of a run comes out as the script says."""

    def __init__(self) -> None:
        self.script: list[tuple[int, int]] = []
        self.at = 0

    def pick(self, count: int) -> int:
        """Return a number below `count`."""
        if self.at == len(self.script):
            self.script.append((0, count))
        self.at += 1
        return self.script[self.at - 1][0]

    def turn(self) -> bool:
        """Begin the next run; tell whether there is one."""
        while self.script and self.script[-1][0] + 1 == self.script[-1][1]:
            self.script.pop()
        if self.script:
            taken, count = self.script.pop()
            self.script.append((taken + 1, count))
        self.at = 0
        return bool(self.script)


class Machine:
    """Two sides and what they see; `words` by the address of the client, in any order."""

    def __init__(self, table: Table, sides: Sequence[Side]) -> None:
        self.table = table
        self.sides = list(sides)
        self.words: dict[str, list[str]] = defaultdict(list)
        self._choices = Choices()

    def each_way(self, side: int, type: str) -> "Iterator[Machine]":
        """Yield the machine after that stanza was sent, once for each way to choose."""
        choices = Choices()
        while True:
            after = Machine(self.table, [replace(each) for each in self.sides])
            after._choices = choices
            after._send(side, type)
            yield after
            if not choices.turn():
                return

    def _pick(self, text: str) -> bool:
        """Tell whether what that says is done."""
        return not (text in ("MAY", "may") or text.endswith("?")) or bool(self._choices.pick(2))

    def _send(self, side: int, type: str) -> None:
        item = self.sides[side].item
        if item is None:
            self._receive(1 - side, type)
            return
        if type == ADD:
            self._add(self.sides[side], item)
            return
        row = self.table[SENT, type, item]
        if type == REMOVE:
            done = row["pass"] == "MUST"
            self._say(self.sides[side].clients[0], "iq result" if done else f"error {row['pass']}")
        self._follow(side, row)  # before an answer can come
        if type != REMOVE and row["pass"] == "MUST":
            self._receive(1 - side, type)

    def _add(self, me: Side, item: Item) -> None:
        """Put a contact into the roster that is not there (RFC 6121 2.3.2)."""
        me.item = replace(item, listed=True)
        self._say(me.clients[0], "iq result")
        for client in me.told(requests=False):
            self._say(client, "push none")

    def _receive(self, side: int, type: str) -> None:
        me, other = self.sides[side], self.sides[1 - side]
        words = f"{type} from {other.jid} to {me.jid}"
        if me.item is None:
            self._say(me.clients[0], words)
            return
        row = self.table[RECEIVED, type, me.item]
        if row["pass"] in ("MUST", "MAY") and self._pick(row["pass"]):
            for client in me.told(requests=type == "subscribe"):
                self._say(client, words)
        self._follow(side, row)

    def _follow(self, side: int, row: Row) -> None:
        """Carry out what a row has besides the stanza itself."""
        me, other = self.sides[side], self.sides[1 - side]
        items = list(afters(row))
        me.item = items[self._choices.pick(len(items)) if len(items) > 1 else 0]
        self._push(me, row)
        if row["presences"] and self._pick(row["presences"]):
            type = "unavailable" if row["presences"] == "unavailable" else "available"
            for mine in me.told(requests=True):
                for theirs in other.told(requests=True):
                    self._say(theirs, f"{type} from {mine.jid} to {other.jid}")
        for reply in row["reply"].split():
            if self._pick(reply):
                self._receive(1 - side, reply.removesuffix("?"))

    def _push(self, me: Side, row: Row) -> None:
        if row["push"] == "no" or not self._pick(row["push"]):
            return
        assert me.item is not None
        approved = me.item.approved
        [words] = [each for each in row["item"].split("|") if ("approved" in each) == approved]
        for client in me.told(requests=False):
            self._say(client, "push remove" if words == "-" else f"push {words}")

    def _say(self, client: Client, words: str) -> None:
        self.words[client.jid].append(words)

    def came_true(self, seen: dict[str, list[str]]) -> bool:
        """Tell whether everybody has seen just what this machine said."""
        said = {jid: sorted(words) for jid, words in self.words.items() if words}
        return said == {jid: sorted(words) for jid, words in seen.items()}
