"""The elements of stream management, built and read (XEP-0198 sections 2 to 6)."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from xmppd.wire.element import Element
from xmppd.wire.namespaces import STANZA_ERRORS, STREAM_MANAGEMENT

_UNSIGNED = re.compile(r"\+?0*([0-9]{1,10})", re.ASCII)
_TOO_LARGE = 2**32
_BLANKS = " \t\r\n"  # white space of XML Schema, which is not Python's


class ManagementError(ValueError):
    """An element of stream management that says nothing; the message says why in plain words."""


@dataclass(frozen=True, slots=True)
class Enable:
    """A wish to count; `max` is how many seconds the session should be resumable, None if unsaid.

    A `max` that is no number from 1 to 2**32 - 1 is read as None.
    """

    resume: bool = False
    max: int | None = None

    def to_element(self) -> Element:
        """Return `<enable/>`."""
        return _element("enable", resume=_flag(self.resume), max=_count(self.max))


@dataclass(frozen=True, slots=True)
class Enabled:
    """What is sent from here on counts.

    `id` names the session if it can be resumed, as `resume` says; without an id it cannot.
    `location` is where its server would rather have us then, as it stands, "" for nowhere else.
    """

    id: str = ""
    resume: bool = False
    max: int | None = None
    location: str = ""

    def to_element(self) -> Element:
        """Return `<enabled/>`."""
        return _element(
            "enabled",
            id=self.id,
            resume=_flag(self.resume),
            max=_count(self.max),
            location=self.location,
        )


@dataclass(frozen=True, slots=True)
class Resume:
    """A wish to go on with the session `previd`, of which `h` stanzas have been handled."""

    previd: str
    h: int

    def to_element(self) -> Element:
        """Return `<resume/>`."""
        return _element("resume", previd=self.previd, h=str(self.h))


@dataclass(frozen=True, slots=True)
class Resumed:
    """The session `previd` goes on, of which `h` stanzas have been handled."""

    previd: str
    h: int

    def to_element(self) -> Element:
        """Return `<resumed/>`."""
        return _element("resumed", previd=self.previd, h=str(self.h))


@dataclass(frozen=True, slots=True)
class Failed:
    """It is not enabled or resumed; `condition` is a stanza error, "" if unsaid.

    `h` is how many stanzas of a session that is over had been handled, None if unsaid.
    """

    condition: str = ""
    h: int | None = None

    def to_element(self) -> Element:
        """Return `<failed/>`."""
        failed = _element("failed", h=_count(self.h))
        if self.condition:
            failed.add(self.condition, STANZA_ERRORS)
        return failed


@dataclass(frozen=True, slots=True)
class Ack:
    """So many stanzas have been handled."""

    h: int

    def to_element(self) -> Element:
        """Return `<a/>`."""
        return _element("a", h=str(self.h))


@dataclass(frozen=True, slots=True)
class Request:
    """How many have been handled is asked for."""

    def to_element(self) -> Element:
        """Return `<r/>`."""
        return _element("r")


Management = Enable | Enabled | Resume | Resumed | Failed | Ack | Request


def feature() -> Element:
    """Return the stream feature `<sm/>`."""
    return _element("sm")


def read_management(element: Element) -> Management:
    """Return what an element in the namespace of stream management means.

    Raises `ManagementError` for what is none, or lacks what it must have: `h`, `previd`.
    """
    reader = _READERS.get(element.name) if element.ns == STREAM_MANAGEMENT else None
    if reader is None:
        raise ManagementError("no element of stream management")
    return reader(element)


def _read_enable(element: Element) -> Enable:
    return Enable(_may_resume(element), _maximum(element))


def _read_enabled(element: Element) -> Enabled:
    id = element.attrs.get("id", "")
    resume = _may_resume(element) and id != ""
    return Enabled(id, resume, _maximum(element), element.attrs.get("location", ""))


def _read_resume(element: Element) -> Resume:
    return Resume(_previd(element), _h(element))


def _read_resumed(element: Element) -> Resumed:
    return Resumed(_previd(element), _h(element))


def _read_failed(element: Element) -> Failed:
    condition = element.child(ns=STANZA_ERRORS)
    return Failed("" if condition is None else condition.name, _number(element, "h"))


def _read_ack(element: Element) -> Ack:
    return Ack(_h(element))


def _read_request(_element: Element) -> Request:
    return Request()


_READERS: dict[str, Callable[[Element], Management]] = {
    "enable": _read_enable,
    "enabled": _read_enabled,
    "resume": _read_resume,
    "resumed": _read_resumed,
    "failed": _read_failed,
    "a": _read_ack,
    "r": _read_request,
}


def _element(name: str, **attrs: str) -> Element:
    """Return an element with those attributes that are not empty."""
    return Element(name, STREAM_MANAGEMENT, {key: text for key, text in attrs.items() if text})


def _flag(value: bool) -> str:
    return "true" if value else ""


def _count(value: int | None) -> str:
    return "" if value is None else str(value)


def _may_resume(element: Element) -> bool:
    return element.attrs.get("resume", "").strip(_BLANKS) in ("true", "1")


def _maximum(element: Element) -> int | None:
    return _number(element, "max") or None


def _previd(element: Element) -> str:
    previd = element.attrs.get("previd", "")
    if not previd:
        raise ManagementError("'previd' is missing")
    return previd


def _h(element: Element) -> int:
    h = _number(element, "h")
    if h is None:
        raise ManagementError("'h' is missing, or no count")
    return h


def _number(element: Element, name: str) -> int | None:
    """Return an attribute of the type unsignedInt of XML Schema, None if it is none."""
    match = _UNSIGNED.fullmatch(element.attrs.get(name, "").strip(_BLANKS))
    number = _TOO_LARGE if match is None else int(match[1])
    return None if number >= _TOO_LARGE else number
