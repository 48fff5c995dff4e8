"""A domain that an in-process service answers for (RFC 6120 section 10.4)."""

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from zope.interface import implementer

from xmppd.api.registrations import SERVICE, Serve
from xmppd.api.router import IDomain, IRouter
from xmppd.api.waiting import settle
from xmppd.routing.dispatch import handle
from xmppd.routing.hooks import crashed, given_up
from xmppd.routing.pending import PendingRequests
from xmppd.routing.registry import Registry
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.stanza import Iq, Stanza


@implementer(IDomain)
class ServiceDomain:
    """Takes what is sent to the domain of a service.

    Features that answer at `SERVICE` and whoever waits for the answer to a request come first; all
    else is the service's own affair.
    """

    def __init__(
        self,
        feature: str,
        serve: Serve,
        registry: Registry,
        router: IRouter,
        pending: PendingRequests,
    ) -> None:
        self._feature = feature
        self._where = f"the service {serve.domain}"
        self._service = serve.service
        self._registry = registry
        self._router = router
        self._pending = pending

    def receive(self, stanza: Stanza) -> Any:
        """Take a stanza for any address of the domain (see `IDomain`)."""
        if isinstance(stanza, Iq):
            if not stanza.is_request:
                if self._pending.answer(stanza):
                    return None
            elif self._has_handler(stanza):
                return self._answer(stanza)
        return self._hand_over(stanza)

    def _has_handler(self, iq: Iq) -> bool:
        to = iq.to
        assert to is not None  # the router found us by it
        if to.localpart or to.is_full:
            return False
        return (SERVICE, iq.type, iq.children[0][0]) in self._registry.handlers

    def _answer(self, iq: Iq) -> Any:
        answers = settle(handle(self._registry, iq, SERVICE, ""))
        if isinstance(answers, Deferred):
            return self._answer_later(answers)
        self._route(answers)
        return None

    async def _answer_later(self, waiting: "Deferred[Sequence[Stanza]]") -> None:
        self._route(await waiting)

    def _route(self, stanzas: Sequence[Stanza]) -> None:
        for stanza in stanzas:
            self._router.route(stanza)

    def _hand_over(self, stanza: Stanza) -> Any:
        """Have the service take a stanza; what goes wrong in it is its feature's."""
        try:
            waiting = settle(self._service.receive(stanza))
        except StanzaError:
            raise
        except Exception:
            raise crashed(self._feature, self._where) from None
        return self._wait(waiting) if isinstance(waiting, Deferred) else None

    async def _wait(self, waiting: "Deferred[Any]") -> None:
        try:
            await waiting
        except StanzaError:
            raise
        except CancelledError:
            given_up(self._feature, self._where)
            raise
        except Exception:
            raise crashed(self._feature, self._where) from None
