"""Watchers, compiled: which ones to call for a stanza of some kind at some moment.

Every slot without watchers is None, so that a moment nobody watches costs one comparison.
"""

from collections.abc import Container, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from xmppd.api.moments import PASS, STOP, Moment, Verdict, Watcher
from xmppd.api.registrations import Watch
from xmppd.api.waiting import settle
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.stanza import Stanza

KINDS = ("message", "presence", "iq")

_log = Logger()


@dataclass(frozen=True, slots=True, eq=False)
class Hook:
    """One installed watcher: whose it is, and what of its `Watch` every stanza is held against."""

    feature: str
    watch: Watch
    watcher: Watcher[...]
    payload: frozenset[str]
    only_for: Container[str] | None
    not_for: Container[str]

    @classmethod
    def of(cls, feature: str, watch: Watch) -> "Hook":
        """Prepare a watcher of that feature."""
        payload = frozenset(f"{ns} {name}" for ns, name in watch.payload)
        return cls(feature, watch, watch.watcher, payload, watch.only_for, watch.not_for)

    def wants(self, stanza: Stanza) -> bool:
        """Tell whether the stanza has a child this watcher asked for."""
        payload = self.payload
        for child in stanza.children:  # noqa: SIM110  # a generator costs as much as the watcher
            if child[0] in payload:
                return True
        return False


Slot = tuple[Hook, ...] | None


def compile_slots(hooks: Sequence[Hook], moment: Moment[Any]) -> dict[str, Slot]:
    """Return, by kind of stanza, the hooks of that moment; `hooks` are in the order they run in."""
    chosen = [hook for hook in hooks if hook.watch.moment is moment]
    return {
        kind: tuple(hook for hook in chosen if not hook.watch.kinds or kind in hook.watch.kinds)
        or None
        for kind in KINDS
    }


def crashed(feature: str, where: object) -> StanzaError:
    """Log the exception being handled as that feature's, and return what to answer."""
    _log.failure("{feature} failed at {where}", feature=feature, where=where)
    return StanzaError("internal-server-error")


def given_up(feature: str, where: object) -> None:
    """Log that nobody waits any longer for that feature."""
    _log.warn("{feature} was given up at {where}", feature=feature, where=where)


def consult(hooks: tuple[Hook, ...], stanza: Stanza, subject: object, account: str) -> Any:
    """Call watchers with `(stanza, subject)` in turn until one says STOP.

    `account` is the localpart of whom this is about.

    Returns PASS or STOP, or an awaitable of one. Raises `StanzaError`, also for any other exception
    (logged under the feature's name).
    """
    for index, hook in enumerate(hooks):
        if account in hook.not_for or (hook.only_for is not None and account not in hook.only_for):
            continue
        if hook.payload and not hook.wants(stanza):
            continue
        try:
            verdict = hook.watcher(stanza, subject)
            if verdict is PASS:
                continue
            if verdict is STOP:
                return STOP
            verdict = settle(verdict)
        except StanzaError:
            raise
        except Exception:
            raise crashed(hook.feature, hook.watch.moment) from None
        if isinstance(verdict, Deferred):
            return _go_on(hooks, index, verdict, stanza, subject, account)
        if verdict is STOP:
            return STOP
    return PASS


def consult_now(hooks: tuple[Hook, ...], stanza: Stanza, subject: object, account: str) -> Verdict:
    """Call watchers of a moment that does not wait; one that crashes or waits lets pass.

    What is being written to several sessions must not fail for the others.
    """
    for hook in hooks:
        if account in hook.not_for or (hook.only_for is not None and account not in hook.only_for):
            continue
        if hook.payload and not hook.wants(stanza):
            continue
        try:
            verdict: object = hook.watcher(stanza, subject)
            if verdict is PASS:
                continue
            verdict = settle(verdict)
        except StanzaError:
            return STOP
        except Exception:
            crashed(hook.feature, hook.watch.moment)
            continue
        if isinstance(verdict, Deferred):
            verdict.addErrback(_log_unless_cancelled, hook)
            verdict.cancel()
            given_up(hook.feature, hook.watch.moment)
        elif verdict is STOP:
            return STOP
    return PASS


async def _go_on(
    hooks: tuple[Hook, ...],
    index: int,
    waiting: "Deferred[Verdict]",
    stanza: Stanza,
    subject: object,
    account: str,
) -> Verdict:
    hook = hooks[index]
    try:
        verdict = await waiting
    except StanzaError:
        raise
    except CancelledError:
        given_up(hook.feature, hook.watch.moment)
        raise
    except Exception:
        raise crashed(hook.feature, hook.watch.moment) from None
    if verdict is STOP:
        return STOP
    rest = consult(hooks[index + 1 :], stanza, subject, account)
    result: Verdict = await rest if isinstance(rest, Coroutine) else rest
    return result


def announce(hooks: Sequence[Hook], *args: object) -> list[Deferred[Any]]:
    """Call watchers whose verdict is not looked at; what they raise is logged, nothing more.

    Returns what is not done yet; it never fails.
    """
    later = []
    for hook in hooks:
        try:
            waiting = settle(hook.watcher(*args))
        except Exception:
            crashed(hook.feature, hook.watch.moment)
            continue
        if isinstance(waiting, Deferred):
            later.append(waiting.addErrback(_log_failure, hook))
    return later


def _log_unless_cancelled(failure: Failure, hook: Hook) -> None:
    if not isinstance(failure.value, CancelledError):
        _log_failure(failure, hook)


def _log_failure(failure: Failure, hook: Hook) -> None:
    _log.failure(
        "{feature} failed at {where}",
        failure=failure,
        feature=hook.feature,
        where=hook.watch.moment,
    )
