"""Ad-hoc commands: what a feature says to offer one (XEP-0050).

A feature registers an `AdHoc` (see `xmppd.api.registrations`) whose `start` is called when somebody
begins to run it. It returns `Done`, or a `Stage` with a form; what is filled in comes to the
stage's `next` or `complete`, which again return one of the two::

    def start(self, execution: Execution) -> Outcome:
        return Stage(Form.of("urn:acme:rename", Field("name", required=True)), self.rename)

    def rename(self, answers: Answers) -> Outcome:
        ticket = self.store.put("", answers.text("name").encode())
        return Done(notes=(Note("It is renamed."),), ticket=ticket)

What has been shown is kept by the framework: going back, cancelling and forgetting who does not go
on are its affair. A stage that refuses what was filled in raises `StanzaError`, and can be tried
again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, StrEnum

from xmppd.api.storage import NO_TICKET, Ticket
from xmppd.stanza.answers import Answers
from xmppd.stanza.forms import Form
from xmppd.stanza.jid import JID
from xmppd.wire.element import Element


class Level(Enum):
    """Who may run a command."""

    ADMIN = "admin"
    """The administrators the configuration names for the host."""
    LOCAL_USER = "local user"
    """Users of the host; guests, too, where it has guests."""
    ANYBODY = "anybody"
    """Whoever asks, from anywhere."""


class Severity(StrEnum):
    """How serious a note is (XEP-0050 4.3)."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for whoever runs the command."""

    text: str
    severity: Severity = Severity.INFO


@dataclass(frozen=True, slots=True)
class Execution:
    """Who runs a command, and where.

    - `asker`: a full JID for clients; `owner`: the localpart addressed, "" at the host.
    """

    asker: JID
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """The command has ended.

    - `payload`: what to show, mostly a form of the type result.
    - `ticket`: of what was written: the answer waits until that is committed.
    """

    payload: Form | Element | None = None
    notes: tuple[Note, ...] = ()
    ticket: Ticket = NO_TICKET


@dataclass(frozen=True, slots=True)
class Stage:
    """A form to be filled in.

    - `complete`: called with what was filled in to end the command, None if it cannot end here.
    - `next`: called to go on, None if this is the last form; it is what happens if whoever runs
      the command does not say which of the two is meant.
    """

    form: Form
    complete: "Step | None" = None
    next: "Step | None" = None
    notes: tuple[Note, ...] = ()


Outcome = Stage | Done
Step = Callable[[Answers], Outcome | Awaitable[Outcome]]
Start = Callable[[Execution], Outcome | Awaitable[Outcome]]
