"""Ad-Hoc Commands (XEP-0050): features' commands, for clients to list and to run step by step.

What there is to run stands in the registrations of all features: `AdHoc`. Here is what they share:
who may see what, the sessions in which a command goes from form to form, and their end.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from inspect import isawaitable
from typing import Annotated

from twisted.internet.interfaces import IReactorTime

from xmppd.api.adhoc import Done, Execution, Level, Note, Outcome, Stage, Step
from xmppd.api.commands import IAdministration
from xmppd.api.host import IHost
from xmppd.api.moments import PASS, SessionClosed, Verdict
from xmppd.api.registrations import (
    HOST,
    OWN_ACCOUNT,
    AdHoc,
    Answer,
    At,
    Feature,
    HandleIq,
    Node,
    Promised,
    Registration,
    Request,
    Watch,
)
from xmppd.api.sessions import ISession
from xmppd.api.settings import Between, Seconds
from xmppd.api.storage import NO_TICKET
from xmppd.stanza.answers import read
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.forms import Form, FormType, form_in
from xmppd.stanza.jid import JID
from xmppd.wire.element import Element
from xmppd.wire.namespaces import ADMIN, COMMANDS, DATA_FORMS, DISCO_INFO, DISCO_ITEMS, XML_LANG

MOST_STAGES = 20
"""How many forms back one can go."""

_AT = HOST | OWN_ACCOUNT


@dataclass(frozen=True, slots=True)
class CommandsSettings:
    """What those who run commands can make us remember.

    - `sessions`: commands begun and not ended, of everybody but administrators;
      `sessions_per_user`: of one user, whose oldest ends when another one begins.
    - `session_seconds`: how long one waits for the next step.
    """

    sessions: Annotated[int, Between(1, 100_000)] = 1_000
    sessions_per_user: Annotated[int, Between(1, 1_000)] = 10
    session_seconds: Seconds = 600.0


DEFAULTS = CommandsSettings()


class _Action(StrEnum):
    """What is to be done with a command (XEP-0050 4.1)."""

    EXECUTE = "execute"
    CANCEL = "cancel"
    PREV = "prev"
    NEXT = "next"
    COMPLETE = "complete"


@dataclass(slots=True)
class _Session:
    """A command somebody has begun; `stages` are the forms shown, the present one at the end."""

    id: str
    command: AdHoc
    execution: Execution
    stages: list[Stage]
    touched: float
    busy: bool = False


class _Sessions:
    """The sessions there are, the one untouched for longest first.

    Those that are too old end when somebody asks for one: there are never too many to keep.
    """

    def __init__(self, clock: IReactorTime, settings: CommandsSettings) -> None:
        self._clock = clock
        self._settings = settings
        self._open: OrderedDict[str, _Session] = OrderedDict()
        self._by_user: dict[JID, dict[str, _Session]] = {}
        # Who had which of those that have ended, so that it can be told what became of it.
        self._ended: OrderedDict[str, JID] = OrderedDict()

    def begin(self, session: _Session, *, always: bool) -> None:
        """Take in a session. Raises `StanzaError` (resource-constraint) unless `always`."""
        self.expire()
        user = session.execution.asker.bare
        own = self._by_user.get(user, {})
        if len(own) >= self._settings.sessions_per_user:
            self.end(next(iter(own.values())))
        if not always and len(self._open) >= self._settings.sessions:
            raise StanzaError("resource-constraint", "too many commands are being run")
        self._open[session.id] = session
        self._by_user.setdefault(user, {})[session.id] = session

    def find(self, id: str, asker: JID) -> _Session:
        """Return the session of that id, which must be the asker's own.

        Raises `StanzaError`: session-expired for one that was, bad-sessionid for any other.
        """
        self.expire()
        session = self._open.get(id)
        if session is None and self._ended.get(id) == asker:
            raise _fault("session-expired", condition="not-allowed")
        if session is None or session.execution.asker != asker:
            raise _fault("bad-sessionid")
        session.touched = self._clock.seconds()
        self._open.move_to_end(id)
        return session

    def end(self, session: _Session) -> None:
        """Forget a session but for its end; nothing happens if it has ended."""
        if self._open.pop(session.id, None) is None:
            return
        asker = session.execution.asker
        own = self._by_user[asker.bare]
        del own[session.id]
        if not own:
            del self._by_user[asker.bare]
        self._ended[session.id] = asker
        if len(self._ended) > self._settings.sessions:
            self._ended.popitem(last=False)

    def leave(self, jid: JID) -> None:
        """End the sessions of somebody who has gone."""
        for session in list(self._by_user.get(jid.bare, {}).values()):
            if session.execution.asker == jid:
                self.end(session)

    def expire(self) -> None:
        """End the sessions nobody has touched for too long."""
        limit = self._clock.seconds() - self._settings.session_seconds
        while self._open:
            oldest = next(iter(self._open.values()))
            if oldest.touched > limit:
                break
            self.end(oldest)


class AdHocCommands:
    """Lists and runs the commands of the host, and those of an account for its owner."""

    def __init__(self, host: IHost, settings: CommandsSettings = DEFAULTS) -> None:
        self._host = host
        self._sessions = _Sessions(host.clock, settings)

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield HandleIq("set", COMMANDS, "command", self.command, at=_AT)
        yield Feature(COMMANDS, at=_AT)
        yield Node(COMMANDS, self.list_info, self.list_items, at=_AT)
        for at in _AT:
            yield Node(partial(self._is_node, at), self.node_info, self.node_items, at=at)
        yield Watch(SessionClosed, self.closed)

    # Service discovery (XEP-0050 2.2).

    def list_info(self, _request: Request) -> Element:
        """Tell that the node is the list of commands."""
        query = Element("query", DISCO_INFO)
        query.add("identity", category="automation", type="command-list")
        query.add("feature", var=DISCO_ITEMS)
        return query

    def list_items(self, request: Request) -> Element:
        """Return the commands whoever asks may run."""
        here = JID.make(request.owner, self._host.domain)
        query = Element("query", DISCO_ITEMS)
        for command in self._host.adhoc_commands(request.at):
            if self._may(command, request.sender):
                query.add("item", jid=str(here), node=command.node, name=command.name)
        return query

    def node_info(self, request: Request) -> Element:
        """Say of a command that it is one."""
        command = self._command(request)
        query = Element("query", DISCO_INFO)
        query.add("identity", category="automation", type="command-node", name=command.name)
        query.add("feature", var=COMMANDS)
        query.add("feature", var=DATA_FORMS)
        return query

    def node_items(self, request: Request) -> Element:
        """A command has no items."""
        self._command(request)
        return Element("query", DISCO_ITEMS)

    def _is_node(self, at: At, name: str) -> bool:
        return any(command.node == name for command in self._host.adhoc_commands(at))

    # Who may do what.

    def _command(self, request: Request) -> AdHoc:
        """Return the command of a request's node. Raises `StanzaError` (XEP-0050 4.4)."""
        node = request.payload.attrs.get("node")
        if not node:
            raise StanzaError("bad-request", "a command is named by its node")
        for command in self._host.adhoc_commands(request.at):
            if command.node == node:
                if self._may(command, request.sender):
                    return command
                raise StanzaError("forbidden")
        if node.startswith(f"{ADMIN}#"):
            raise StanzaError("feature-not-implemented")  # XEP-0133 section 5
        raise StanzaError("item-not-found")

    def _may(self, command: AdHoc, jid: JID) -> bool:
        may = command.may
        if callable(may):
            return may(jid)
        if may is Level.ADMIN:
            return self._is_admin(jid)
        local = jid.domainpart == self._host.domain and bool(jid.localpart)
        return may is Level.ANYBODY or local

    def _is_admin(self, jid: JID) -> bool:
        administration = self._host.find(IAdministration)
        return administration is not None and jid.bare in administration.admins

    # Running them (XEP-0050 2.4, 3.4).

    async def command(self, request: Request) -> Answer:
        """Begin a command, or go on with one."""
        command = self._command(request)
        action = _action(request.payload)
        execution = Execution(request.sender, request.owner)
        id = request.payload.attrs.get("sessionid")
        if not id:
            if action is not _Action.EXECUTE:
                raise _fault("bad-action", "the command has not begun")
            return await self._begin(command, execution)
        session = self._sessions.find(id, request.sender)
        if session.command.node != command.node or session.execution != execution:
            raise _fault("bad-sessionid")
        if session.busy:
            raise _fault("bad-action", "the last step has not ended yet")
        return await self._go_on(session, action, request.payload)

    def closed(self, session: ISession) -> Verdict:
        """Forget what somebody has begun who has gone."""
        self._sessions.leave(session.jid)
        return PASS

    async def _begin(self, command: AdHoc, execution: Execution) -> Answer:
        outcome = command.start(execution)
        if isawaitable(outcome):
            outcome = await outcome
        id, now = self._host.entropy.token(), self._host.clock.seconds()
        session = _Session(id, command, execution, [], now)
        if isinstance(outcome, Stage):
            self._sessions.begin(session, always=self._is_admin(execution.asker))
        return self._show(session, outcome)

    async def _go_on(self, session: _Session, action: _Action, payload: Element) -> Answer:
        stage = session.stages[-1]
        if action is _Action.CANCEL:
            self._sessions.end(session)
            return _answer(session, "canceled")
        if action is _Action.PREV:
            if len(session.stages) < 2:
                raise _fault("bad-action", "this is the first form")
            session.stages.pop()
            return self._show(session, session.stages.pop())
        step = _step(stage, action)
        if step is None:
            raise _fault("bad-action", "the form offers no such action")
        return self._show(session, await self._take(session, step, payload))

    async def _take(self, session: _Session, step: Step, payload: Element) -> Outcome:
        """Have a command take what was filled in; one that fails over it has ended."""
        try:
            given = form_in(payload) or Form(FormType.SUBMIT)
            if given.type is FormType.CANCEL:
                given = replace(given, type=FormType.SUBMIT)  # 3.5.1
            answers = read(session.stages[-1].form, given)
        except StanzaError as error:
            raise _fault("bad-payload", error.text) from None
        session.busy = True
        try:
            outcome = step(answers)
            return await outcome if isawaitable(outcome) else outcome
        except StanzaError as error:
            if error.condition == "not-acceptable" and error.detail is None:
                raise _fault("bad-payload", error.text) from None
            raise
        except BaseException:
            self._sessions.end(session)
            raise
        finally:
            session.busy = False

    def _show(self, session: _Session, outcome: Outcome) -> Answer:
        """Answer with the form to be filled in next, or with the end."""
        if isinstance(outcome, Done):
            self._sessions.end(session)
            done = _answer(session, "completed", outcome.notes, outcome.payload)
            return done if outcome.ticket == NO_TICKET else Promised(done, outcome.ticket)
        session.stages = [*session.stages, outcome][-MOST_STAGES:]
        shown = _answer(session, "executing", outcome.notes, outcome.form)
        shown.children.insert(0, _actions(session))
        return shown


def _action(payload: Element) -> _Action:
    try:
        return _Action(payload.attrs.get("action", "execute"))
    except ValueError:
        raise _fault("malformed-action") from None


def _step(stage: Stage, action: _Action) -> Step | None:
    """Return what an action does; "execute" is what `_actions` has said it is (3.4)."""
    if action is _Action.NEXT:
        return stage.next
    if action is _Action.COMPLETE:
        return stage.complete
    return stage.next or stage.complete


def _actions(session: _Session) -> Element:
    """Say what can be done with the present form (XEP-0050 4.2)."""
    stage = session.stages[-1]
    default = "next" if stage.next else "complete"
    actions = Element("actions", COMMANDS, {"execute": default})
    allowed = {"prev": len(session.stages) > 1, "next": stage.next, "complete": stage.complete}
    for name, possible in allowed.items():
        if possible:
            actions.add(name)
    return actions


def _answer(
    session: _Session,
    status: str,
    notes: tuple[Note, ...] = (),
    payload: Form | Element | None = None,
) -> Element:
    """Return the `<command/>` of an answer; its texts are English, whatever was asked for (3.7)."""
    attrs = {"node": session.command.node, "sessionid": session.id, "status": status}
    command = Element("command", COMMANDS, {**attrs, XML_LANG: "en"})
    for note in notes:
        command.add("note", COMMANDS, note.text, type=note.severity.value)
    if payload is not None:
        command.children.append(payload.to_element() if isinstance(payload, Form) else payload)
    return command


def _fault(detail: str, text: str = "", condition: str = "bad-request") -> StanzaError:
    """Return an error with its condition of XEP-0050 4.4."""
    return StanzaError(condition, text, detail=Element(detail, COMMANDS))
