"""`IHost`: what a feature is handed, and all it needs of the server it runs in."""

from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import Attribute, Interface

from xmppd.api.registrations import AdHoc, At, Extension, Identity, Item, Node, Serve
from xmppd.api.sessions import SessionRecord
from xmppd.api.storage import Accounts, Shape, Ticket
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Stanza

State = TypeVar("State")
Provider = TypeVar("Provider")


class IWallClock(Interface):
    """The time of day."""

    def now() -> float:
        """Return seconds since 1970 in UTC."""


class IEntropy(Interface):
    """Where all unpredictable values come from."""

    def token_bytes(count: int) -> bytes:
        """Return `count` unpredictable bytes."""

    def token() -> str:
        """Return an unpredictable id of at least 96 bits, letters and digits only."""


class IWorkers(Interface):
    """Runs what takes long beside the reactor's thread."""

    def run(function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        """Call `function(*args)` elsewhere; fires with its result.

        Fails with `Busy` when too much is waiting already.
        """


class Busy(Exception):
    """More work is waiting than may wait."""


class IHost(Interface):
    """One host (a domain we serve) as its features see it."""

    domain: str = Attribute("the host's domain, an A-label")
    jid: JID = Attribute("the host's domain as an address")
    accounts: Accounts = Attribute("the host's accounts")
    anonymous: bool = Attribute("whether its accounts are guests, for whom nothing may be kept")
    clock: IReactorTime = Attribute("for timers")
    wall: IWallClock = Attribute("for dates")
    entropy: IEntropy = Attribute("for ids and tokens")
    workers: IWorkers = Attribute("for what takes long")

    def open(name: str, shape: type[Shape]) -> Shape:
        """Return the host's store of that name and shape (see `xmppd.api.storage`)."""

    def committed(ticket: Ticket) -> "Deferred[None]":
        """Fire once that write is on disk; fail with `StorageError` if it was lost.

        Whoever keeps in memory what is also stored has to read it anew then. To be asked in the
        turn of the write. An answer need not wait for this: see `Promised`.
        """

    def route(stanza: Stanza) -> None:
        """Send a stanza on its way. `from_` must be set: of this host, or one of its services."""

    def deliver(stanza: Stanza, records: Iterable[SessionRecord]) -> None:
        """Write a stanza to these sessions of the host as it is, whatever its `to` says.

        Only watchers of `ToResource` are asked: this is for what the server itself has to tell.
        """

    def is_service(jid: JID) -> bool:
        """Tell whether an address is of this server and nobody's account.

        That is a host's own domain, or any address of an in-process service or a component.
        """

    def request(iq: Iq, timeout: float = 30.0) -> "Deferred[Iq]":
        """Send a request and fire with the result.

        An id is made if it has none; `from_` is this host unless it is set, to an address of this
        host or of one of its services.

        Fails with `StanzaError` if the answer is an error, or none has come after `timeout`
        seconds (`remote-server-timeout`).
        """

    def sessions(localpart: str) -> tuple[SessionRecord, ...]:
        """Return the records of an account's sessions, on any node, in the order of binding."""

    def all_sessions() -> Iterator[SessionRecord]:
        """Yield the record of every session of the host."""

    def session(jid: JID) -> SessionRecord | None:
        """Return the record of the session bound to that full JID, or None."""

    def account_state(localpart: str, kind: type[State]) -> State | None:
        """Return an online account's one instance of `kind` (see `PerAccount`), or None."""

    def find(interface: type[Provider]) -> Provider | None:
        """Return what a feature of this host provides under `interface`, or None.

        Ask when it is needed: features are made before any of them can be found.
        """

    def spawn(work: Coroutine[Any, Any, Any]) -> None:
        """Run something beside the stanza at hand; failures are logged. It ends with the host."""

    def services() -> tuple[Serve, ...]:
        """Return the services that answer for domains of their own, in the order of features."""

    def identities(at: At) -> tuple[Identity, ...]:
        """Return the identities registered for those addresses, in order."""

    def features(at: At) -> tuple[str, ...]:
        """Return the features registered for those addresses, sorted, once each."""

    def extensions(at: At) -> tuple[Extension, ...]:
        """Return the XEP-0128 extensions registered for those addresses, in order."""

    def items(at: At) -> tuple[Item, ...]:
        """Return the items registered for those addresses, in order."""

    def adhoc_commands(at: At) -> tuple[AdHoc, ...]:
        """Return the ad-hoc commands registered for those addresses, each node once, in order."""

    def node(name: str, at: At) -> Node | None:
        """Return the node of that name registered for those addresses, or None."""
