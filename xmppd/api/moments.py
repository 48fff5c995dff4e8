"""The moments in a stanza's and a session's life at which a feature may step in.

A feature watches a moment by returning a `Watch` from its `registrations()`. A watcher is called
with the arguments the moment names, answers `PASS` or `STOP` (or an awaitable of either), and may
raise `StanzaError`. After `STOP` the stanza is taken care of: nothing further happens to it, and no
later watcher of the moment is called. A watcher that wants to change a stanza changes a `copy` and
routes that, except where the moment says the stanza is still its own.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Generic, ParamSpec

from xmppd.api.sessions import ISession
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Presence, Stanza

P = ParamSpec("P")


class Verdict(Enum):
    """What a watcher says of the stanza it was shown."""

    PASS = "pass"
    STOP = "stop"


PASS = Verdict.PASS
STOP = Verdict.STOP


class Stage(IntEnum):
    """When a watcher runs, relative to the others of its moment.

    Within a stage, watchers run in the order in which the configuration names their features.
    """

    FIRST = 0
    """Refusing: blocking, limits, permissions."""
    BEFORE = 1
    """Cleaning and completing the stanza."""
    MAIN = 2
    """What most features do."""
    AFTER = 3
    """Keeping and copying what the others have let through: archives, carbons."""


@dataclass(frozen=True, eq=False, slots=True)
class Moment(Generic[P]):
    """A point at which watchers are called; `P` are the arguments they get."""

    name: str

    def __repr__(self) -> str:
        return self.name


Watcher = Callable[P, Verdict | Awaitable[Verdict]]

SentByClient: Moment[[Stanza, ISession]] = Moment("SentByClient")
"""A client of ours has sent a stanza: `(stanza, session)`.

`from_` is the session's full JID, and `to` is the sender's bare JID where the client left it out
(RFC 6120 8.1.1.1); only presence that is for everybody who may see it keeps no `to`. The stanza has
gone nowhere yet and may still be changed in place.
"""

ToAccount: Moment[[Stanza, str]] = Moment("ToAccount")
"""A stanza has come for an account of this host: `(stanza, localpart)`.

Called once per stanza, whatever resource it is for, before delivery is planned. The account
exists. The stanza may be changed in place: it has no other reader yet.
"""

ToResource: Moment[[Stanza, ISession]] = Moment("ToResource")
"""A stanza is about to be written to a session: `(stanza, session)`.

Called for each receiving session. After `STOP`, or a `StanzaError`, this session alone does not
get the stanza. Other sessions may get the same one: it must not be changed. Watchers of this
moment cannot wait.
"""

Undeliverable: Moment[[Stanza, str]] = Moment("Undeliverable")
"""A stanza for an existing account finds no session to go to: `(stanza, localpart)`.

`STOP` says that somebody keeps it (offline storage, push); else it is bounced or dropped as
RFC 6121 section 8 has it.
"""

SessionOpened: Moment[[ISession]] = Moment("SessionOpened")
"""A session has been bound and can be reached: `(session)`. The verdict is not looked at."""

SessionClosed: Moment[[ISession]] = Moment("SessionClosed")
"""A session can no longer be reached: `(session)`. The verdict is not looked at."""

PresenceChanged: Moment[[Presence, ISession]] = Moment("PresenceChanged")
"""A session has become available, unavailable or changed its presence: `(presence, session)`.

Called with presence that has no `to`, after the session's record shows the change; also with an
unavailable presence made for a session that ended without one (RFC 6121 4.5.2). A session of which
this is called for the first time is unavailable before it.
"""

AccountCreated: Moment[[str]] = Moment("AccountCreated")
"""An account has been created: `(localpart)`."""

AccountEnding: Moment[[str]] = Moment("AccountEnding")
"""An account is about to be deleted and everything of it is still there: `(localpart)`.

Its sessions are closed. What watchers return is waited for, a minute at most. The verdict is not
looked at.
"""

AccountDeleted: Moment[[str]] = Moment("AccountDeleted")
"""An account has been deleted and its sessions are closed: `(localpart)`."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Another server can be reached that could not be.

    - `domain`: its domain.
    - `left`: sessions that have become unavailable meanwhile, each with whom that was not told; not
      all where there were many. They may be back.
    - `holds()`: whether the server has not been lost again since.
    """

    domain: str
    left: tuple[tuple[JID, JID], ...]
    holds: Callable[[], bool]


ServerReached: Moment[[Reached]] = Moment("ServerReached")
"""Another server can be reached again, and presence may have been missed: `(reached)`.

In either direction: what was sent to it from this host, or from there. At most once a minute for a
domain. The verdict is not looked at.
"""
