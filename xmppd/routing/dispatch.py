"""IQ requests to a host or account, brought to the feature that answers (RFC 6120 8.2.3)."""

from collections.abc import Awaitable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from xmppd.api.registrations import Answer, At, Followed, Promised, Request
from xmppd.api.waiting import settle
from xmppd.routing.hooks import crashed, given_up
from xmppd.routing.registry import Registry
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.stanza import Iq, Stanza
from xmppd.wire.element import Element

IQ_TYPES = ("get", "set", "result", "error")


def check_iq(iq: Iq) -> None:
    """Hold an IQ against RFC 6120 8.2.3. Raises `StanzaError` (bad-request)."""
    if iq.type not in IQ_TYPES:
        raise StanzaError("bad-request", "an IQ is a get, set, result or error")
    if not iq.id:
        raise StanzaError("bad-request", "an IQ needs an id")
    if iq.type in ("get", "set"):
        if len(iq.children) != 1:
            raise StanzaError("bad-request", "a request has exactly one payload")
    elif iq.type == "result" and len(iq.children) > 1:
        raise StanzaError("bad-request", "a result has at most one payload")


def handle(registry: Registry, iq: Iq, at: At, owner: str) -> Any:
    """Have a request answered by a feature registered at those addresses.

    `at` may name several kinds of addresses, all of which `iq.to` is; the first that has a handler
    counts. Returns the IQ result and what is to be sent behind it, or an awaitable of them. Raises
    `StanzaError`: see `refusal` where nobody handles the payload there.
    """
    name = iq.children[0][0]
    for place in at:
        found = registry.handlers.get((place, iq.type, name))
        if found is not None:
            break
    else:
        raise refusal(registry, iq)
    feature, handler = found
    payload = iq.child_element(iq.children[0])
    where = f"IQ {handler.type} {handler.ns}"
    try:
        answer = settle(handler.handler(Request(iq, payload, place, owner)))
        if not isinstance(answer, Deferred):
            return _result(iq, answer)
    except StanzaError:
        raise
    except Exception:
        raise crashed(feature, where) from None
    return _wait(iq, feature, where, answer)


def refusal(registry: Registry, iq: Iq) -> StanzaError:
    """Return what a request is answered with that is for nobody, or for somebody else."""
    return StanzaError(registry.refusals.get((iq.type, iq.children[0][0]), "service-unavailable"))


async def _wait(iq: Iq, feature: str, where: str, waiting: Awaitable[Answer]) -> Sequence[Stanza]:
    try:
        return _result(iq, await waiting)
    except StanzaError:
        raise
    except CancelledError:
        given_up(feature, where)
        raise
    except Exception:
        raise crashed(feature, where) from None


def _result(iq: Iq, answer: Answer) -> Sequence[Stanza]:
    """Make the result of a handler's answer. Raises `TypeError` for what is none."""
    if isinstance(answer, Followed):
        return (*_result(iq, answer.payload), *answer.stanzas)
    payload = answer.payload if isinstance(answer, Promised) else answer
    if payload is not None and not isinstance(payload, Element):
        raise TypeError(f"an answer cannot be a {type(payload).__name__}")
    result = iq.result(payload)
    if isinstance(answer, Promised):
        result.ticket = answer.ticket
    return (result,)
