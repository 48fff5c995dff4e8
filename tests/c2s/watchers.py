"""Pieces of features: watchers and handlers that note, or break."""

from collections.abc import Callable
from typing import Any, NoReturn

from xmppd.api.moments import PASS, Verdict


def noting(into: list[Any]) -> Callable[..., Verdict]:
    """Return a watcher that keeps its first argument and lets pass."""

    def note(first: object, *_: object) -> Verdict:
        into.append(first)
        return PASS

    return note


def breaks(*_: object) -> NoReturn:
    """Fail, as code may."""
    raise ZeroDivisionError
