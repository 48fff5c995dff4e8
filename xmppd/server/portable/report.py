"""What came of moving accounts: counts for the operator, and what was left out and why."""

from collections import Counter
from dataclasses import dataclass

from xmppd.server.portable.values import User

MOST_TEXTS = 500
"""How many different things a report tells; of more there is the number only."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the accounts that were found.

    - `added`, `replaced`: with the roster items, messages and so on that are counted below.
    - `unchanged`: were here already, just so; `kept`: are here with other data, which stay.
    - `failed`: could not be imported.
    - `dry_run`: whether all this is only what would be done.
    - `notes`: what was left out of accounts, and accounts that are not as they were.
    - `errors`: accounts, or whole parts of the source, that were not imported.
    """

    added: int
    replaced: int
    unchanged: int
    kept: int
    failed: int
    roster_items: int
    messages: int
    vcards: int
    private_elements: int
    blocked: int
    dry_run: bool
    notes: tuple[str, ...]
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written to which file; `notes`: what was left out of accounts, as it is damaged."""

    file: str
    accounts: int
    roster_items: int
    messages: int
    vcards: int
    private_elements: int
    blocked: int
    notes: tuple[str, ...]


class Texts:
    """Sentences about accounts: those with the same words are one, with their number."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._further = 0

    def add(self, text: str, address: str = "") -> None:
        """Take a sentence, and the account it is about."""
        if text in self._first:
            self._counts[text] += 1
        elif len(self._first) < MOST_TEXTS:
            self._first[text] = address
        else:
            self._further += 1

    def all(self) -> tuple[str, ...]:
        """Return the sentences in the order they came."""
        found = []
        for text, address in self._first.items():
            more = self._counts[text]
            where = f"{address}: " if address else ""
            found.append(f"{where}{text}" + (f" (and {more} more)" if more else ""))
        if self._further:
            found.append(f"and {self._further} more of other kinds")
        return tuple(found)


class Tally:
    """Counts what accounts have with them."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, user: User) -> None:
        """Count an account."""
        self._counts["roster_items"] += len(user.roster)
        self._counts["messages"] += len(user.messages)
        self._counts["vcards"] += user.vcard is not None
        self._counts["private_elements"] += len(user.private)
        self._counts["blocked"] += len(user.blocked)

    def counts(self) -> dict[str, int]:
        """Return the counts by the names of the fields of reports."""
        names = ("roster_items", "messages", "vcards", "private_elements", "blocked")
        return {name: self._counts[name] for name in names}
