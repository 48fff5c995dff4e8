"""Service Administration (XEP-0133): the commands of `xmppdctl`, run by administrators' clients.

Where XEP-0133 has a command for the same thing, its node and its fields are used; all other
commands have nodes and forms made of their records (`xmppd.api.commands`).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from inspect import isawaitable
from typing import Any, get_args, get_origin, get_type_hints

from twisted.logger import Logger

from xmppd.api.adhoc import Done, Execution, Note, Outcome, Severity, Stage
from xmppd.api.commands import (
    Argument,
    Command,
    CommandError,
    Conflict,
    IAdministration,
    NotAllowed,
)
from xmppd.api.host import IHost
from xmppd.api.registrations import AdHoc, AdHocs, Registration
from xmppd.stanza.answers import Answers
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.forms import Field, FieldType, Form, FormType, Option, Value
from xmppd.wire.element import Element
from xmppd.wire.namespaces import ADMIN, ROSTER

NODES = "xmppd/"
"""What the nodes of commands begin with that XEP-0133 does not know."""

_MOST_ITEMS = 1_000
_is_number = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII).fullmatch

Arguments = Mapping[str, Any]
Results = Sequence[Any]


@dataclass(frozen=True, slots=True)
class _Standard:
    """A command as XEP-0133 has it, done by one of ours.

    - `calls`: the arguments of ours, once for each time it is to be run.
    - `show`: what is answered, made of the form filled in and the results; None for notes.
    """

    node: str
    title: str
    command: str
    fields: tuple[Field, ...]
    calls: Callable[[Answers], Iterable[Arguments]]
    show: Callable[[Answers, Results], Element] | None = None


def _each(answers: Answers) -> Iterator[Arguments]:
    return ({"address": str(jid)} for jid in answers.jids("accountjids"))


def _one(answers: Answers) -> Iterator[Arguments]:
    jids = answers.jids("accountjids")
    if len(jids) > 1:
        raise StanzaError("not-acceptable", "accountjids: name one account at a time")
    return _each(answers)


def _with_password(answers: Answers) -> Iterator[Arguments]:
    password = answers.text("password")
    if "password-verify" in answers and answers.text("password-verify") != password:
        raise StanzaError("not-acceptable", "password-verify: the two passwords differ")
    yield {"address": answers.text("accountjid"), "password": password}


def _listed(answers: Answers) -> Iterator[Arguments]:
    wanted = answers.text("max_items", "none")
    yield {"limit": _MOST_ITEMS if wanted == "none" else int(wanted)}


def _announcement(answers: Answers) -> Iterator[Arguments]:
    yield {"text": answers.text("announcement")}


def _nothing(_answers: Answers) -> Iterator[Arguments]:
    yield {}


def _number(var: str, attribute: str, _answers: Answers, results: Results) -> Element:
    return Form.result(ADMIN, {var: getattr(results[0], attribute)}).to_element()


def _addresses(var: str, _answers: Answers, results: Results) -> Element:
    bare = dict.fromkeys(row.address.partition("/")[0] for row in results[0])
    return Form.result(ADMIN, {var: bare}).to_element()


def _roster(answers: Answers, results: Results) -> Element:
    """Put the roster into the form as a client would get it (XEP-0133 4.8)."""
    form = Form.result(ADMIN, {"accountjids": answers.jids("accountjids")}).to_element()
    query = form.add("query", ROSTER)
    for row in results[0]:
        item = query.add("item", jid=row.address, subscription=row.subscription)
        if row.name:
            item.attrs["name"] = row.name
        if row.asked:
            item.attrs["ask"] = "subscribe"
        for group in row.groups:
            item.add("group", text=group)
    return form


_ACCOUNT = Field("accountjid", FieldType.JID_SINGLE, "The address of the account", required=True)
_ACCOUNTS = Field("accountjids", FieldType.JID_MULTI, "The addresses of accounts", required=True)
_SESSIONS = Field(
    "accountjids", FieldType.JID_MULTI, "The addresses of accounts or sessions", required=True
)
_PASSWORD = Field("password", FieldType.TEXT_PRIVATE, "The password", required=True)
_VERIFY = Field("password-verify", FieldType.TEXT_PRIVATE, "The password again")
_TEXT = Field("announcement", FieldType.TEXT_MULTI, "The announcement", required=True)
_MAX_ITEMS = Field(
    "max_items",
    FieldType.LIST_SINGLE,
    "How many to show at most",
    options=tuple(Option(count) for count in ("25", "50", "75", "100", "150", "200", "none")),
)

_STANDARD = (
    _Standard("add-user", "Add User", "user add", (_ACCOUNT, _PASSWORD, _VERIFY), _with_password),
    _Standard("delete-user", "Delete User", "user delete", (_ACCOUNTS,), _each),
    _Standard("disable-user", "Disable User", "user disable", (_ACCOUNTS,), _each),
    _Standard("reenable-user", "Re-Enable User", "user enable", (_ACCOUNTS,), _each),
    _Standard("end-user-session", "End User Session", "session kick", (_SESSIONS,), _each),
    _Standard(
        "change-user-password",
        "Change User Password",
        "user password",
        (_ACCOUNT, _PASSWORD),
        _with_password,
    ),
    _Standard("get-user-roster", "Get User Roster", "user roster", (_ACCOUNTS,), _one, _roster),
    _Standard(
        "get-registered-users-num",
        "Get Number of Registered Users",
        "user count",
        (),
        _nothing,
        partial(_number, "registeredusersnum", "registered"),
    ),
    _Standard(
        "get-online-users-num",
        "Get Number of Online Users",
        "user count",
        (),
        _nothing,
        partial(_number, "onlineusersnum", "online"),
    ),
    _Standard(
        "get-registered-users-list",
        "Get List of Registered Users",
        "user list",
        (_MAX_ITEMS,),
        _listed,
        partial(_addresses, "registereduserjids"),
    ),
    _Standard(
        "get-online-users-list",
        "Get List of Online Users",
        "session list",
        (_MAX_ITEMS,),
        _listed,
        partial(_addresses, "onlineuserjids"),
    ),
    _Standard("announce", "Send Announcement to Online Users", "announce", (_TEXT,), _announcement),
)
# What is no mere note (XEP-0133 section 5); commands for several accounts never fail so.
_CONDITIONS: dict[type[CommandError], str] = {Conflict: "conflict", NotAllowed: "not-allowed"}
# Their results have more in them than XEP-0133 shows.
_SHOWN_AS_WELL = ("user list", "session list")


class Admin:
    """Offers a host's commands to its administrators (see `IAdministration`)."""

    _log = Logger()

    def __init__(self, host: IHost) -> None:
        self._host = host

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield AdHocs(self.commands)

    def commands(self) -> Iterator[AdHoc]:
        """Yield all commands, none on a host without administrators."""
        administration = self._host.find(IAdministration)
        if administration is None or not administration.admins:
            return
        known = {command.name: command for command in administration.commands()}
        standard = [each for each in _STANDARD if each.command in known]
        for each in standard:
            start = partial(self._start_standard, known[each.command], each)
            yield AdHoc(f"{ADMIN}#{each.node}", each.title, start)
        covered = {each.command for each in standard}.difference(_SHOWN_AS_WELL)
        for name, command in known.items():
            if name not in covered:
                node = f"{NODES}{name.replace(' ', '-')}"
                yield AdHoc(node, command.help.rstrip("."), partial(self._start, command))

    # Commands of XEP-0133.

    async def _start_standard(
        self, command: Command, standard: _Standard, execution: Execution
    ) -> Outcome:
        step = partial(self._run_standard, command, standard, execution)
        if not standard.fields:
            return await step(Answers())
        return Stage(Form.of(ADMIN, *standard.fields, title=standard.title), step)

    async def _run_standard(
        self, command: Command, standard: _Standard, execution: Execution, answers: Answers
    ) -> Outcome:
        results: list[Any] = []
        notes: list[Note] = []
        for arguments in standard.calls(answers):
            try:
                results.append(await self._call(command, arguments, execution))
            except CommandError as error:
                condition = _CONDITIONS.get(type(error))
                if condition is not None:
                    raise StanzaError(condition, str(error)) from None
                notes.append(_complaint(error))
        if standard.show is None:
            return Done(notes=(*map(_told, results), *notes))
        return Done(standard.show(answers, results) if results else None, tuple(notes))

    # All others.

    async def _start(self, command: Command, execution: Execution) -> Outcome:
        asked = [_field(each) for each in _arguments(command)]
        step = partial(self._run, command, execution)
        if not asked and command.harmless:
            return await step(Answers())
        title = command.help.rstrip(".")
        return Stage(Form.of("", *asked, title=title), step)

    async def _run(self, command: Command, execution: Execution, answers: Answers) -> Outcome:
        arguments = {each.name: _read(each, answers) for each in _arguments(command)}
        try:
            result = await self._call(command, arguments, execution)
        except CommandError as error:
            return Done(notes=(_complaint(error),))
        return Done(_shown(command, result))

    async def _call(self, command: Command, given: Arguments, execution: Execution) -> Any:
        """Run a command; what it is told stays out of the log."""
        who, what = str(execution.asker), command.name
        self._log.info("{who} runs the command {what}", who=who, what=what)
        arguments = {each.name: each.default for each in command.arguments}
        result = command.run(**{**arguments, **given})
        return await result if isawaitable(result) else result


def _arguments(command: Command) -> list[Argument]:
    """Return what is to be asked for; the host is the one whose administrator asks."""
    return [each for each in command.arguments if each.name != "host" or each.required]


def _field(argument: Argument) -> Field:
    kind = FieldType.BOOLEAN if argument.kind is bool else FieldType.TEXT_SINGLE
    return Field(
        argument.name,
        FieldType.TEXT_PRIVATE if argument.secret else kind,
        argument.help,
        required=argument.required and argument.kind is not bool,
        values=() if argument.secret else _texts(argument.default),
    )


def _read(argument: Argument, answers: Answers) -> Any:
    """Return an argument of its kind. Raises `StanzaError` (not-acceptable)."""
    name = argument.name
    if argument.kind is bool:
        return answers.flag(name, bool(argument.default))
    if argument.kind is int:
        return answers.integer(name, argument.default)
    text = answers.text(name)
    if not text:
        return argument.default
    if argument.kind is not float:
        return text
    if not _is_number(text.strip()):
        raise StanzaError("not-acceptable", f"{name}: give a number")
    return float(text)


def _shown(command: Command, result: Any) -> Form:
    """Return the form that shows a result: its fields, or a table of its rows."""
    if not isinstance(result, list | tuple):
        values: dict[str, Value] = {name: _texts(each) for name, each in asdict(result).items()}
        form = Form.result("", values)
        labelled = (_labelled(each.var, each.values) for each in form.fields)
        return Form(FormType.RESULT, tuple(labelled), command.help.rstrip("."))
    (row_type,) = get_args(command.result)
    hints = get_type_hints(row_type)
    columns = (
        Field(each.name, _type_of(hints[each.name]), _label(each.name)) for each in fields(row_type)
    )
    items = (
        tuple(Field(name, None, values=_texts(each)) for name, each in asdict(row).items())
        for row in result
    )
    return Form(
        FormType.RESULT,
        title=command.help.rstrip("."),
        reported=tuple(columns),
        items=tuple(items),
    )


def _labelled(var: str, values: tuple[str, ...]) -> Field:
    kind = FieldType.TEXT_MULTI if len(values) > 1 else FieldType.TEXT_SINGLE
    return Field(var, kind, _label(var), values=values)


def _label(name: str) -> str:
    return name.replace("_", " ")


def _type_of(hint: Any) -> FieldType:
    if get_origin(hint) is tuple:
        return FieldType.TEXT_MULTI
    return FieldType.BOOLEAN if hint is bool else FieldType.TEXT_SINGLE


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, bool):
        return ("1" if value else "0",)
    if isinstance(value, Mapping):
        return tuple(f"{_label(name)}: {each}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(str, value))
    return (str(value),)


def _told(result: Any) -> Note:
    """Say what has been done, in the words of the result."""
    rows = result if isinstance(result, list | tuple) else [result]
    told = (
        ", ".join(f"{_label(name)}: {value}" for name, value in asdict(row).items()) for row in rows
    )
    return Note("; ".join(told))


def _complaint(error: CommandError) -> Note:
    return Note(str(error), Severity.ERROR)
