"""Raw tables become typed settings: the rules of `xmppd.api.settings`, applied to a file's values.

Nothing is guessed: a key nobody knows, a value of another type or out of range is a `Misfit`.
"""

from dataclasses import MISSING, fields, is_dataclass
from datetime import date, time
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from xmppd.api.settings import Between

Section = TypeVar("Section")
Key = tuple[str, ...]

_TYPES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "a table",
    date: "a date",
    time: "a time",
}


class Misfit(Exception):
    """A value cannot be: its key, what is wrong, what would be right."""

    def __init__(self, key: Key, what: str, remedy: str) -> None:
        super().__init__(key, what, remedy)
        self.key = key
        self.what = what
        self.remedy = remedy


class Reader:
    """Reads the values of one file; relative paths in it start at the directory `base`.

    Every method raises `Misfit`.
    """

    def __init__(self, base: Path) -> None:
        self._base = base

    def section(
        self, kind: type[Section], table: object, key: Key, skip: tuple[str, ...] = (), **given: Any
    ) -> Section:
        """Make a dataclass of a table; `given` has fields read already, `skip` keys read elsewhere.

        What its `__post_init__` refuses by a `ValueError` is a misfit too.
        """
        hints = get_type_hints(kind, include_extras=True)
        wanted = {name: hints[name] for name in _fields(kind) if name not in given}
        known = self.table(table, key, (*wanted, *skip))
        read = {
            name: self.value(hint, known[name], (*key, name))
            for name, hint in wanted.items()
            if name in known and name not in skip
        }
        for name, needed in _fields(kind).items():
            if needed and name not in read and name not in given:
                raise Misfit((*key, name), "has to be given", f"give {_wanted(wanted[name])}")
        try:
            return kind(**given, **read)
        except ValueError as error:
            raise Misfit(key, str(error), "change what is set here") from error

    def table(
        self, value: object, key: Key, known: tuple[str, ...] | None = None
    ) -> dict[str, Any]:
        """Return a table; if `known` is given, all its keys are among those."""
        if not isinstance(value, dict):
            raise _mistyped(value, dict, key)
        for name in value:
            if known is not None and name not in known:
                raise Misfit((*key, name), "there is no such key", _suggestion(name, known))
        return value

    def value(self, hint: Any, value: object, key: Key) -> Any:
        """Return the value as its type hint wants it."""
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self._bounded(hint, value, key)
        if origin in (Union, UnionType):
            (other,) = (argument for argument in arguments if argument is not NoneType)
            return self.value(other, value, key)
        if origin is Literal:
            return _chosen(arguments, value, key)
        if origin is tuple:
            if not isinstance(value, list):
                raise _mistyped(value, hint, key)
            return tuple(self.value(arguments[0], item, key) for item in value)
        if is_dataclass(hint):
            return self.section(hint, value, key)  # type: ignore[arg-type]  # a class, not a value
        return self._plain(hint, value, key)

    def _bounded(self, hint: Any, value: object, key: Key) -> Any:
        try:
            read = self.value(hint.__origin__, value, key)
        except Misfit as misfit:
            raise Misfit(misfit.key, misfit.what, f"give {_wanted(hint)}") from None
        for bounds in hint.__metadata__:
            if isinstance(bounds, Between) and not bounds.allows(read):
                raise Misfit(key, f"{read:_} is out of range", f"give {_wanted(hint)}")
        return read

    def _plain(self, hint: Any, value: object, key: Key) -> Any:
        if hint is Path and isinstance(value, str) and value:
            return self._base / Path(value).expanduser()
        # To Python true is a number; to the operator it is a mistake.
        fitting = {float: (int, float), int: (int,), str: (str,), bool: (bool,)}.get(hint, ())
        if not isinstance(value, fitting) or (isinstance(value, bool) and hint is not bool):
            raise _mistyped(value, hint, key)
        return float(value) if hint is float else value


def _fields(kind: Any) -> dict[str, bool]:
    """Return the names of a dataclass's fields, and whether they have to be given."""
    return {
        field.name: field.default is MISSING and field.default_factory is MISSING
        for field in fields(kind)
    }


def _chosen(choices: tuple[Any, ...], value: object, key: Key) -> Any:
    if value not in choices:
        what = f"{value!r} is not known" if isinstance(value, str) else _is(value)
        raise Misfit(key, what, f"use {_listed(choices)}")
    return value


def _suggestion(name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, 1)
    return f"did you mean {close[0]!r}?" if close else f"use {_listed(known)}"


def _mistyped(value: object, hint: Any, key: Key) -> Misfit:
    return Misfit(key, _is(value), f"give {_wanted(hint)}")


def _is(value: object) -> str:
    """Say what kind of value that is; not which, as it may be a secret."""
    for kind, name in _TYPES.items():
        if isinstance(value, kind):
            return f"is {name}"
    raise TypeError(f"no value of a TOML file: {value!r}")


def _wanted(hint: Any) -> str:
    """Say what values a type hint stands for."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        bounds = "".join(f" {bound}" for bound in hint.__metadata__)
        return f"{_wanted(hint.__origin__)}{bounds}"
    if origin in (Union, UnionType):
        return _wanted(arguments[0])
    if origin is Literal:
        return _listed(arguments)
    if origin is tuple:
        return f"a list, each of it {_wanted(arguments[0])}"
    if hint is Path:
        return "a path"
    if is_dataclass(hint):
        return _TYPES[dict]
    if hint not in _TYPES:
        raise TypeError(f"{hint} is no type for a setting (see xmppd.api.settings)")
    return _TYPES[hint]


def _listed(choices: tuple[Any, ...]) -> str:
    *most, last = (f'"{choice}"' for choice in choices)
    return f"{', '.join(most)} or {last}" if most else last
