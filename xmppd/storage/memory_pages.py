"""Pages of an archive held in memory: `xmppd.api.storage.Page`, made for XEP-0059 and XEP-0313."""

from collections.abc import Callable, Mapping, Sequence

from xmppd.api.storage import Entry, Page, Range, UnknownEntry
from xmppd.storage.checks import micros, seconds
from xmppd.storage.shapes import named
from xmppd.storage.writes import Append


def page(rows: Mapping[str, Append], range: Range, limit: int, backwards: bool) -> Page:
    """Return a page of the archive whose entries are `rows`, by id and in archive order.

    Raises `UnknownEntry` for the first id named in `range` that is not there.
    """
    for id in named(range):
        if id not in rows:
            raise UnknownEntry(id)
    fits = _test(range)
    matching = [row for row in rows.values() if fits(row)]
    window = _between(rows, matching, range)
    beyond = max(len(window) - limit, 0)
    chosen = window[beyond:] if backwards else window[: len(window) - beyond]
    return Page(
        entries=[_entry(row) for row in chosen],
        total=len(matching),
        index=matching.index(chosen[0]) if chosen else 0,
        complete=beyond == 0,
    )


def _test(range: Range) -> Callable[[Append], bool]:
    start = None if range.start is None else micros(range.start)
    end = None if range.end is None else micros(range.end)
    ids = None if range.ids is None else frozenset(range.ids)

    def fits(row: Append) -> bool:
        return (
            (range.contact is None or row.contact == range.contact)
            and (start is None or row.when >= start)
            and (end is None or row.when <= end)
            and (ids is None or row.id in ids)
        )

    return fits


def _between(
    rows: Mapping[str, Append], matching: Sequence[Append], range: Range
) -> Sequence[Append]:
    """Return those of `matching` that lie behind `range.after` and ahead of `range.before`."""
    if range.after is None and range.before is None:
        return matching
    position = {id: number for number, id in enumerate(rows)}
    low = -1 if range.after is None else position[range.after]
    high = len(rows) if range.before is None else position[range.before]
    return [row for row in matching if low < position[row.id] < high]


def _entry(row: Append) -> Entry:
    return Entry(row.id, seconds(row.when), row.contact, row.value)
