"""What the features of one host have registered, ready to be looked up.

Features come and go as a whole: `install` takes all records of one, `remove` takes them out again
and leaves nothing behind. The tables are made anew each time, so many features are best installed
at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, get_args

from xmppd.api.commands import Command
from xmppd.api.moments import (
    Moment,
    PresenceChanged,
    SentByClient,
    ToAccount,
    ToResource,
    Undeliverable,
)
from xmppd.api.registrations import (
    ACCOUNT,
    OWN_ACCOUNT,
    AdHoc,
    At,
    HandleBeforeLogin,
    HandleIq,
    PerAccount,
    PerSession,
    Provide,
    Registration,
    Serve,
    Watch,
)
from xmppd.routing.hooks import Hook, Slot, compile_slots

Record = TypeVar("Record")
Key = TypeVar("Key")
Value = TypeVar("Value")
Handlers = dict[tuple[At, str, str], tuple[str, HandleIq]]

_RECORDS = get_args(Registration)


class RegistrationError(Exception):
    """A feature registers what cannot be or is another's; `args[0]` tells the operator which."""


class Registry:
    """The records of all features of a host.

    - `handlers`: IQ handlers by (address, type, "namespace name"), each with its feature's name;
      `refusals`: what strangers at accounts are told, by (type, "namespace name").
    - `before_login`: handlers for who has not logged in, by (type, "namespace name"), likewise.
    - `sent`, `to_account`, `to_resource`, `undeliverable`: compiled watchers by kind of stanza.
    - `presence_changed`: those of `PresenceChanged`.
    - `per_account`: with their features' names; `per_session`: the types registered.
    - `services`: by domain, each with its feature's name.
    """

    def __init__(self) -> None:
        self._features: dict[str, tuple[Registration, ...]] = {}
        self._compile()

    def install(self, feature: str, registrations: Iterable[Registration]) -> None:
        """Take in what the feature of that name registers, behind all that is there.

        Raises `RegistrationError`, and takes in nothing, if another feature has claimed the same
        or something is no record.
        """
        self.install_all({feature: registrations})

    def install_all(self, features: Mapping[str, Iterable[Registration]]) -> None:
        """Take in what several features register, in that order, or nothing at all.

        Raises `RegistrationError` as `install` does, for clashes among them as well.
        """
        for feature in features:
            if feature in self._features:
                raise RegistrationError(f"{feature} is installed already")
        before = self._features
        self._features = before | {name: _records(name, each) for name, each in features.items()}
        try:
            self._compile()
        except RegistrationError:
            self._features = before
            self._compile()
            raise

    def remove(self, *features: str) -> None:
        """Take out everything these registered. Raises `KeyError` if one is not installed."""
        left = dict(self._features)
        for feature in features:
            del left[feature]
        self._features = left
        self._compile()

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the installed features, in order."""
        return tuple(self._features)

    def records(self, kind: type[Record]) -> Sequence[tuple[str, Record]]:
        """Return every record of that kind, with its feature's name, in order."""
        found = self._by_kind.get(kind)
        if found is None:
            found = self._by_kind[kind] = [
                (feature, record)
                for feature, registrations in self._features.items()
                for record in registrations
                if isinstance(record, kind)
            ]
        return found

    def watching(self, moment: Moment[Any]) -> Sequence[Hook]:
        """Return the hooks of a moment which is not about a stanza on its way, in order."""
        found = self._watching.get(moment)
        if found is None:
            found = self._watching[moment] = [
                hook for hook in self._hooks if hook.watch.moment is moment
            ]
        return found

    def provider(self, interface: object) -> Any:
        """Return what is provided under that interface, or None."""
        found = self._providers.get(interface)
        return None if found is None else found[1]

    def list(self, kind: type[Any], at: At) -> tuple[Any, ...]:
        """Return the discovery records of that kind which stand at those addresses, in order."""
        found = self._listed.get((kind, at))
        if found is None:
            found = self._listed[kind, at] = tuple(
                record for _, record in self.records(kind) if at in record.at
            )
        return found

    def _compile(self) -> None:
        """Make the tables anew."""
        self._by_kind: dict[type[Any], Any] = {}
        self._listed: dict[tuple[type[Any], At], tuple[Any, ...]] = {}
        self._watching: dict[Moment[Any], list[Hook]] = {}
        self._hooks = sorted(
            (Hook.of(feature, watch) for feature, watch in self.records(Watch)),
            key=lambda hook: hook.watch.stage,
        )
        self.sent: dict[str, Slot] = compile_slots(self._hooks, SentByClient)
        self.to_account: dict[str, Slot] = compile_slots(self._hooks, ToAccount)
        self.to_resource: dict[str, Slot] = compile_slots(self._hooks, ToResource)
        self.undeliverable: dict[str, Slot] = compile_slots(self._hooks, Undeliverable)
        self.presence_changed = compile_slots(self._hooks, PresenceChanged)["presence"]
        self.per_account: tuple[tuple[str, PerAccount], ...] = tuple(self.records(PerAccount))
        self.per_session: frozenset[type] = frozenset(r.kind for _, r in self.records(PerSession))
        self._compile_handlers()
        self._compile_claims()

    def _compile_handlers(self) -> None:
        self.handlers: Handlers = {}
        self.refusals: dict[tuple[str, str], str] = {}
        for feature, handler in self.records(HandleIq):
            if OWN_ACCOUNT in handler.at or ACCOUNT in handler.at:
                self.refusals[handler.type, f"{handler.ns} {handler.name}"] = handler.refusal
            for at in handler.at:
                key = (at, handler.type, f"{handler.ns} {handler.name}")
                _claim(self.handlers, key, feature, handler, f"IQ {handler.type} of {handler.ns}")
        self.before_login: dict[tuple[str, str], tuple[str, HandleBeforeLogin]] = {}
        for feature, early in self.records(HandleBeforeLogin):
            early_key = (early.type, f"{early.ns} {early.name}")
            what = f"IQ {early.type} of {early.ns} before login"
            _claim(self.before_login, early_key, feature, early, what)

    def _compile_claims(self) -> None:
        """Enter what only one feature can have, besides requests."""
        self._providers: dict[object, tuple[str, Any]] = {}
        for feature, provide in self.records(Provide):
            what = provide.interface.__name__
            _claim(self._providers, provide.interface, feature, provide.provider, what)
        self.services: dict[str, tuple[str, Serve]] = {}
        for feature, serve in self.records(Serve):
            _claim(self.services, serve.domain, feature, serve, f"the domain {serve.domain}")
        nodes: dict[tuple[At, str], tuple[str, AdHoc]] = {}
        for feature, adhoc in self.records(AdHoc):
            for at in adhoc.at:
                _claim(nodes, (at, adhoc.node), feature, adhoc, f"the command node {adhoc.node}")
        commands: dict[str, tuple[str, Command]] = {}
        for feature, command in self.records(Command):
            _claim(commands, command.name, feature, command, f"the command {command.name}")


def _claim(
    table: dict[Key, tuple[str, Value]], key: Key, feature: str, value: Value, what: str
) -> None:
    """Enter what a feature has claimed. Raises `RegistrationError` if that is taken."""
    if key in table:
        raise RegistrationError(f"{what} is claimed by both {table[key][0]} and {feature}")
    table[key] = feature, value


def _records(feature: str, registrations: Iterable[Registration]) -> tuple[Registration, ...]:
    """Return what a feature registers. Raises `RegistrationError` for what would have no effect."""
    records = tuple(registrations)
    for record in records:
        if not isinstance(record, _RECORDS):
            kind = type(record).__name__
            raise RegistrationError(f"{feature} registers a {kind}, which hooks nothing")
        if isinstance(record, Watch) and not isinstance(record.moment, Moment):
            raise RegistrationError(f"{feature} watches {record.moment!r}, which is no moment")
    return records
