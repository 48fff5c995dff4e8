"""That the tables are held against the server: with one cell changed, carrying a row out fails."""

from collections.abc import Callable, Iterable, Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.im import (
    delivery,
    probe_table,
    probes,
    sharing,
    sharing_table,
    subscription_table,
    unroutable,
    unroutable_table,
)
from tests.im.house import TWO_SERVERS
from tests.im.subscriptions import Differs
from tests.im.subscriptions import carry_out as carry_out_row
from tests.routing import delivery_table

Row = dict[str, str]
Mutation = tuple[Sequence[str], str, str, str]
"""Values that only the row meant has, the column, what is there and what to write instead."""

SUBSCRIPTIONS: list[Mutation] = [
    (("sent", "subscribe", "None", "yes", "no"), "after", "None + Pending Out", "None"),
    (("sent", "subscribe", "None", "no", "no"), "item", "none ask", "none"),
    (("sent", "subscribe", "Both", "yes", "no"), "pass", "MUST", "MUST NOT"),
    (("sent", "unsubscribe", "To", "yes", "no"), "push", "yes", "no"),
    (("sent", "unsubscribe", "To", "yes", "no"), "type", "unsubscribe", "subscribe"),
    (("sent", "subscribed", "None", "no", "no"), "pass", "MUST NOT", "MUST"),
    (("sent", "subscribed", "None + Pending In", "yes", "no"), "presences", "current", ""),
    (("sent", "unsubscribed", "Both", "yes", "no"), "presences", "unavailable", ""),
    (("sent", "unsubscribed", "To", "yes", "yes"), "item", "to", "to approved"),
    (("sent", "remove", "Both", "yes", "no"), "reply", "unsubscribe unsubscribed", "unsubscribe"),
    (("sent", "remove", "None", "no", "no"), "pass", "item-not-found", "MUST"),
    (("received", "subscribe", "To", "yes", "no"), "after", "To + Pending In", "To"),
    (("received", "subscribe", "From", "yes", "no"), "reply", "subscribed", ""),
    (("received", "subscribe", "To + Pending In", "yes", "no"), "pass", "SHOULD NOT", "MUST"),
    (("received", "unsubscribe", "From", "yes", "no"), "reply", "unsubscribed", "unsubscribe"),
    (("received", "subscribed", "None", "yes", "no"), "push", "no", "yes"),
]

PROBES: list[Mutation] = [
    (("None; None", "bare"), "answers", "unsubscribed", "silence"),
    (("None; None", "bare"), "answers", "unsubscribed", "unavailable"),
    (("None; None", "bare"), "id", "mirrored", "kept"),
    (("None; None", "r1; r9"), "probers", "", "Both"),
    (("no account",), "answers", "unsubscribed|silence", "unavailable"),
    (("no account",), "id", "mirrored", "kept"),
    (("From;", "bare", "never"), "answers", "unavailable", "unavailable:since"),
    (("From;", "bare", "gone"), "answers", "unavailable:since", "unavailable"),
    (("From;", "bare", "one;"), "answers", "r1", "r1:mere"),
    (("From;", "bare", "one;"), "id", "kept", "mirrored"),
    (("From;", "bare", "two"), "answers", "r1 r2", "r1"),
    (("From;", "bare", "two"), "contact", "two", "negative"),
    (("From;", "r1", "one;"), "answers", "r1:mere", "r1"),
    (("From;", "r9", "one;"), "answers", "r9:unavailable|silence", "r1:mere"),
    (("directed", "r1", "one;"), "answers", "r1:mere", "unsubscribed"),
    (("taken back",), "probers", "taken back", "directed to full"),
]

SHARING: list[Mutation] = [
    (("From;", "r1"), "answers", "delivered", "refused"),
    (("From;", "r1"), "askers", "", "To"),
    (("From;", "connected"), "answers", "delivered", "refused"),
    (("None;", "r1;"), "answers", "refused", "delivered"),
    (("None;", "r1;"), "askers", "", "Both"),
    (("own", "r1;"), "answers", "delivered", "refused"),
    (("directed", "r1;"), "resource", "r1; connected", "r9"),
    (("room itself",), "answers", "delivered", "refused"),
    (("taken back",), "askers", "taken back", "directed to full"),
    (("other resource",), "answers", "refused", "delivered"),
    (("host itself",), "answers", "delivered", "refused"),
]

DELIVERY: list[Mutation] = [
    (("8.5.1", "message", "groupchat", "bare"), "allowed", "error", "ignore"),
    (("8.5.1", "iq", "get", "bare"), "allowed", "error", "ignore"),
    (("message", "chat", "bare", "r1:1 r2:5"), "allowed", "to:r2", "to:r1"),
    (("message", "chat", "bare", "r1:-1"), "allowed", "store error", "ignore"),
    (("message", "chat", "bare", "r1:-1"), "allowed", "store error", "error"),
    (("message", "chat", "bare", "r1:3 r2:-1"), "allowed", "to:r1", "to:r1+r2"),
    (("message", "headline", "bare", "r1:1 r2:5"), "types", "headline", "groupchat"),
    (("message", "headline", "bare", "r1:-1"), "allowed", "ignore", "store"),
    (("presence", "absent", "bare", "r1:-1"), "allowed", "to:r1", "ignore"),
    (("presence", "absent", "match", "r1:3"), "address", "match", "other"),
    (("message", "chat", "other", "r1:3 r2:-1"), "allowed", "to:r1", "store"),
    (("iq", "result", "match", "r1:3"), "allowed", "to:r1", "ignore"),
    (("iq", "get", "other", "r1:3"), "allowed", "error", "to:r1"),
]

UNROUTABLE: list[Mutation] = [
    (("malformed",), "answers", "jid-malformed", "remote-server-not-found"),
    (("malformed",), "push", "", "none ask"),
    (("malformed",), "item", "-", "none ask"),
    (("no server", "None"), "answers", "remote-server-not-found", "silence"),
    (("no server", "None"), "push", "none ask", ""),
    (("no server", "None"), "item", "none ask", "-"),
    (("no server", "From"), "push", "from ask", "none ask"),
    (("no server", "From"), "item", "from ask", "from"),
    (("no server", "None + Pending Out"), "push", "", "none ask"),
    (("no server", "To"), "answers", "remote-server-not-found", "silence"),
    (("silent server", "None"), "answers", "remote-server-timeout", "remote-server-not-found"),
    (("no account here",), "answers", "", "remote-server-not-found"),
    (("no account here",), "item", "none ask", "none"),
]


def changed(rows: Iterable[Row], mutation: Mutation) -> tuple[Row, Row]:
    """Return the first row that has the values, beginning its cells so, and that row changed."""
    values, column, old, new = mutation
    for row in rows:
        cells = [cell for name, cell in row.items() if name != "note"]
        if _have(cells, values) and old in ("", row[column]):
            return row, {**row, column: new}
    raise LookupError(mutation)


def _have(cells: Sequence[str], values: Sequence[str]) -> bool:
    """Tell whether the cells begin with the values, in order; a row's last ones are exact."""
    rest = iter(cells)
    return all(any(cell == value or cell.startswith(value) for cell in rest) for value in values)


class MutationTests(SynchronousTestCase):
    """Each mutation, and that the row passes without it."""

    def each(
        self,
        mutations: list[Mutation],
        rows: Iterable[Row],
        carry_out: Callable[[Row], object],
        fails: type[Exception],
    ) -> None:
        self.assertGreaterEqual(len(mutations), 10)
        for mutation in mutations:
            row, mutant = changed(rows, mutation)
            carry_out(row)
            try:
                carry_out(mutant)
            except fails:
                continue
            self.fail(f"nobody noticed {mutation}")

    def test_subscriptions(self) -> None:
        def carry_out(row: Row) -> None:
            others = [
                each
                for each in subscription_table.rows()
                if subscription_table.key(each) != subscription_table.key(row)
            ]
            rules = subscription_table.table((*others, row))
            carry_out_row(row, TWO_SERVERS, rules=rules)

        self.each(SUBSCRIPTIONS, subscription_table.rows(), carry_out, Differs)

    def test_probes(self) -> None:
        def carry_out(row: Row) -> None:
            probes.carry_out(next(probe_table.cases(row)), TWO_SERVERS)

        self.each(PROBES, probe_table.rows(), carry_out, probes.Wrong)

    def test_sharing(self) -> None:
        def carry_out(row: Row) -> None:
            sharing.carry_out(next(sharing_table.requests(row)), TWO_SERVERS)

        self.each(SHARING, sharing_table.rows(), carry_out, sharing.Wrong)

    def test_unroutable(self) -> None:
        def carry_out(row: Row) -> None:
            unroutable.carry_out(next(unroutable_table.cases(row)))

        self.each(UNROUTABLE, unroutable_table.rows(), carry_out, unroutable.Wrong)

    def test_delivery(self) -> None:
        def carry_out(row: Row) -> None:
            delivery.carry_out(next(delivery_table.cases_of(row)))

        self.each(DELIVERY, delivery_table.rows(), carry_out, delivery.Wrong)
