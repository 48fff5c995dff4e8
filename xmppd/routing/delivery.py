"""Where a stanza for an account goes: RFC 6121 section 8.5 as a function of values."""

from collections.abc import Sequence
from enum import Enum

from xmppd.api.sessions import SessionRecord
from xmppd.stanza.stanza import Stanza


class Fate(Enum):
    """What happens to a stanza no feature has taken care of."""

    DELIVER = "deliver"
    """Write it to the sessions named."""
    KEEP = "keep"
    """Keep it for later if somebody does that (`Undeliverable`), else bounce it."""
    BOUNCE = "bounce"
    """Return `service-unavailable`."""
    DROP = "drop"
    """Ignore it silently."""


Plan = tuple[Fate, Sequence[SessionRecord]]

_BOUNCE: Plan = Fate.BOUNCE, ()
_DROP: Plan = Fate.DROP, ()
_KEEP: Plan = Fate.KEEP, ()


def plan(
    kind: str,
    type: str,
    match: SessionRecord | None,
    full: bool,
    records: Sequence[SessionRecord],
) -> Plan:
    """Decide the fate of a stanza for an existing account.

    - `kind`, `type`: of the stanza.
    - `match`: the session bound to just the address the stanza is for, if there is one.
    - `full`: whether that address is a full JID.
    - `records`: all the account's sessions.

    IQ requests to the bare JID, subscriptions and probes are the server's own affair and never
    come here.
    """
    if match is not None:  # 8.5.3.1
        return Fate.DELIVER, (match,)
    if kind == "message":
        return _plan_full_message(type, records) if full else _plan_message(type, records)
    if kind == "presence":
        if full:
            return _DROP  # 8.5.3.2.2
        # An error answers what was sent on the user's behalf, such as a request for a subscription:
        # whoever sees the roster needs to see that, too (3.1.2).
        error = type == "error"
        there = [each for each in records if each.available or (error and each.interested)]
        return (Fate.DELIVER, there) if there else _DROP  # 8.5.2.1.2, 8.5.2.2.2
    return _BOUNCE if type in ("get", "set") else _DROP  # 8.5.3.2.3; answers are never answered


def _plan_message(type: str, records: Sequence[SessionRecord]) -> Plan:
    """Plan a message to the bare JID (8.5.2)."""
    if type == "error":
        return _DROP
    if type == "groupchat":
        return _BOUNCE
    willing = [record for record in records if record.available and record.priority >= 0]
    if type == "headline":
        return (Fate.DELIVER, willing) if willing else _DROP
    if not willing:
        return _KEEP
    if type != "chat":  # "normal", absent or unknown (RFC 6121 5.2.2)
        return Fate.DELIVER, willing
    best = max(record.priority for record in willing)
    return Fate.DELIVER, [record for record in willing if record.priority == best]


def _plan_full_message(type: str, records: Sequence[SessionRecord]) -> Plan:
    """Plan a message to a full JID nobody is bound to (8.5.3.2.1)."""
    if type == "chat":
        return _plan_message(type, records)
    return _DROP if type == "error" else _BOUNCE


def is_left(stanza: Stanza, gone: SessionRecord, others: Sequence[SessionRecord]) -> bool:
    """Tell whether nobody has got a stanza that a session has ended with.

    - `gone`: that session's last record; `others`: those of the sessions its account has still.

    Only messages of people count, and errors, which tell what became of theirs. One for all of an
    account's sessions is left if none that is there would have got it as well (8.5.2.1.1).
    """
    to = stanza.to
    unimportant = stanza.kind != "message" or stanza.type in ("groupchat", "headline")
    if unimportant or to is None or stanza.from_ is None:
        return False
    return to.is_full or not any(
        each.available
        and each.priority >= 0
        and (stanza.type != "chat" or each.priority >= gone.priority)
        for each in others
    )
