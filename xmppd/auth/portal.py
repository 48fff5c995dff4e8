"""What a host offers its clients to authenticate with, and how an attempt begins (RFC 6120 6.4)."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import cached_property

from twisted.cred.credentials import IUsernameHashedPassword, IUsernamePassword
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from xmppd.api.auth import IScramKeys
from xmppd.api.waiting import begin
from xmppd.auth.attempt import Attempt
from xmppd.auth.doorkeeper import Doorkeeper
from xmppd.auth.first_of import asked
from xmppd.auth.methods import Method, in_order
from xmppd.auth.throttle import Throttle
from xmppd.sasl.exchange import Condition, Failed, SaslContext
from xmppd.sasl.scram import Scram

PATIENCE = 30.0
"""Seconds an attempt may take, from its beginning, before a wait of ours is given up."""

_PLAIN = (IUsernamePassword, IUsernameHashedPassword)


class Authenticator:
    """Authenticates the clients of one host by a twisted.cred portal.

    - `methods`: the mechanisms enabled; which of them a stream is offered depends on the portal's
      checkers (those it has when the first client comes), on the stream and, for SCRAM, on the
      accounts. Raises ValueError for two of one name.
    - `too_weak`: names of mechanisms this server knows and its operator does not permit.
    """

    def __init__(
        self,
        portal: Portal,
        methods: Iterable[Method],
        keys: IScramKeys,
        throttle: Throttle,
        clock: IReactorTime,
        *,
        too_weak: Collection[str] = (),
        patience: float = PATIENCE,
    ) -> None:
        self._portal = portal
        self._methods = in_order(methods)
        self._keys = keys
        self._clock = clock
        self._doorkeeper = Doorkeeper(portal, throttle, clock)
        self._too_weak = frozenset(too_weak)
        self._patience = patience

    def offered(self, context: SaslContext) -> Deferred[tuple[str, ...]]:
        """Fire with the mechanisms to offer on that stream, the preferred first.

        `context.offered` is not looked at. Fails if the accounts cannot be asked.
        """
        return begin(self._offered(context))

    def begin(self, name: str, context: SaslContext, address: str) -> Attempt | Failed:
        """Begin an attempt with the mechanism `name`, or refuse it.

        `context.offered` says what this stream was offered; nothing else is accepted. `address` is
        the client's IP address, "" if it has none.
        """
        method = self._methods.get(name)
        if method is None or name not in context.offered:
            return Failed(self._why_not(name, method, context))
        return Attempt(
            method,
            context,
            address,
            keys=self._keys,
            doorkeeper=self._doorkeeper,
            clock=self._clock,
            patience=self._patience,
        )

    async def _offered(self, context: SaslContext) -> tuple[str, ...]:
        complete: dict[str, bool] = {}
        names = []
        for method in self._useful:
            mechanism = method.mechanism
            if not mechanism.possible(context):
                continue
            if isinstance(mechanism, Scram):
                hash = mechanism.hash
                if hash not in complete:
                    complete[hash] = await self._keys.complete(hash)
                if not complete[hash]:
                    continue
            names.append(mechanism.name)
        return tuple(names)

    @cached_property
    def _served(self) -> tuple[Method, ...]:
        """The methods whose credentials some checker takes."""
        listed = list(self._portal.listCredentialsInterfaces())
        return tuple(
            method for method in self._methods.values() if any(map(method.served_by, listed))
        )

    @cached_property
    def _useful(self) -> tuple[Method, ...]:
        """Those of them that may be offered, if the stream and the accounts have what it takes."""
        return tuple(
            method
            for method in self._served
            if not isinstance(method.mechanism, Scram) or self._for_everybody(method)
        )

    def _for_everybody(self, method: Method) -> bool:
        """Whether every store that takes passwords also takes what `method` makes.

        Clients try the strongest mechanism on offer, and many try no other: those whose store can
        only be shown a password must not be offered anything stronger.
        """
        takers = asked(self._portal, method.interfaces)
        return all(store in takers for store in asked(self._portal, _PLAIN))

    def _why_not(self, name: str, method: Method | None, context: SaslContext) -> Condition:
        """The condition for a mechanism this stream was not offered (RFC 6120 section 6.5)."""
        if name in self._too_weak:
            return Condition.MECHANISM_TOO_WEAK
        if method is None or context.secure:
            return Condition.INVALID_MECHANISM
        if method in self._served and method.mechanism.possible(replace(context, secure=True)):
            return Condition.ENCRYPTION_REQUIRED
        return Condition.INVALID_MECHANISM
