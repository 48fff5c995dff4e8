"""What a feature returns from `registrations()`: its hooks, as data.

The framework installs each record when the feature is loaded, isolates what it calls (an exception
is logged with the feature's name and answered `internal-server-error`), and removes it when the
feature is unloaded. A feature never installs anything itself.
"""

from collections.abc import Awaitable, Callable, Container, Iterable
from dataclasses import dataclass, field
from enum import Flag, auto
from typing import Any, Literal

from zope.interface.interface import InterfaceClass

from xmppd.api.adhoc import Level, Start
from xmppd.api.commands import Command
from xmppd.api.moments import Moment, Stage, Verdict
from xmppd.api.services import IService
from xmppd.api.storage import Ticket
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Stanza
from xmppd.wire.element import Element


class At(Flag):
    """Which addresses of a host something stands for."""

    HOST = auto()
    """The host's own domain."""
    OWN_ACCOUNT = auto()
    """The bare JID of the sender's own account."""
    ACCOUNT = auto()
    """The bare JID of any account, asked by anybody: the handler says who may."""
    SERVICE = auto()
    """The domain of an in-process service: any of the host's (see `Serve`)."""


HOST, OWN_ACCOUNT, ACCOUNT, SERVICE = At.HOST, At.OWN_ACCOUNT, At.ACCOUNT, At.SERVICE


@dataclass(frozen=True, slots=True)
class Promised:
    """An answer that holds only once `ticket` is committed: it goes out no earlier."""

    payload: Element | None
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Followed:
    """An answer, and stanzas that are sent right behind it, before anything else is."""

    payload: Element | Promised | None
    stanzas: tuple[Stanza, ...]


Payload = Element | None
"""What is inside of an IQ result."""

Answer = Element | Promised | Followed | None
"""The payload of an IQ result; None for an empty result."""


@dataclass(slots=True)
class Request:
    """An IQ get or set, as its handler sees it.

    - `iq`: the stanza; `from_` is proven, `to` is where it was sent.
    - `payload`: the tree of its one child.
    - `at`: what `to` is; `owner`: the localpart addressed ("" at a host or service; which service
      that is, the `to` of `iq` tells).
    """

    iq: Iq
    payload: Element
    at: At
    owner: str = ""

    @property
    def sender(self) -> JID:
        """Who asks: a full JID for clients."""
        assert self.iq.from_ is not None  # stamped before it was routed
        return self.iq.from_


IqHandler = Callable[[Request], Answer | Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class HandleIq:
    """Answer IQs of that type whose child has that namespace and name.

    The handler returns an `Answer`, or an awaitable of one, or raises `StanzaError`. It is called
    only for the addresses in `at`; a stranger asking at an account is refused before, with the
    condition `refusal`, whether there is such an account or not.
    """

    type: Literal["get", "set"]
    ns: str
    name: str
    handler: IqHandler
    at: At = OWN_ACCOUNT
    refusal: str = "service-unavailable"


@dataclass(frozen=True, slots=True)
class Feature:
    """List a feature in the service discovery of those addresses (XEP-0030)."""

    ns: str
    at: At = HOST


@dataclass(frozen=True, slots=True)
class Identity:
    """List an identity in the service discovery of those addresses (XEP-0030)."""

    category: str
    type: str
    name: str = ""
    at: At = HOST


@dataclass(frozen=True, slots=True)
class Extension:
    """Add a form to the service discovery of those addresses (XEP-0128).

    `make` returns the `<x xmlns='jabber:x:data' type='result'/>` to show.
    """

    make: Callable[[], Element]
    at: At = HOST


@dataclass(frozen=True, slots=True)
class Item:
    """List another entity among the items of those addresses (XEP-0030)."""

    jid: JID
    name: str = ""
    at: At = HOST


@dataclass(frozen=True, slots=True)
class Node:
    """Answer service discovery for a node of those addresses (XEP-0030).

    `node` is its name, or a function that tells whether a name is one of a family of nodes. `info`
    and `items` return the `<query/>` with that node's content, or raise `StanzaError`.
    """

    node: str | Callable[[str], bool]
    info: IqHandler
    items: IqHandler
    at: At = HOST

    def answers(self, name: str) -> bool:
        """Tell whether a node of that name is meant."""
        return self.node(name) if callable(self.node) else self.node == name


@dataclass(frozen=True, slots=True)
class AdHoc:
    """Offer an ad-hoc command (XEP-0050; see `xmppd.api.adhoc`).

    - `node`: its name for programs, unique at those addresses; `name`: for people.
    - `may`: who may run it; a function gets the full JID of who asks. Nobody else sees it.
    """

    node: str
    name: str
    start: Start
    may: Level | Callable[[JID], bool] = Level.ADMIN
    at: At = HOST


@dataclass(frozen=True, slots=True)
class AdHocs:
    """Offer ad-hoc commands that are not all known yet: `list` is called when somebody asks."""

    list: Callable[[], Iterable[AdHoc]]


@dataclass(frozen=True, slots=True)
class Serve:
    """Answer for a domain of its own, and be listed among the host's items.

    - `domain`: a domain nobody else answers for (see `xmppd.api.services.service_domain`).
    - `service`: takes what is sent there.
    - `identity`, `features`: what service discovery shows of the domain, besides what features
      register at `SERVICE`; `forms` make its XEP-0128 extensions, as `Extension.make` does.
    - `info`: answers service discovery (disco#info) for the domain's nodes; without it there are
      none. `items`: answers disco#items for the domain itself and its nodes; without it there are
      none. Both return the `<query/>` with its content, or raise `StanzaError`. What is asked of
      other addresses of the domain is for `service` to answer.
    """

    domain: str
    service: IService
    identity: Identity
    features: tuple[str, ...] = ()
    forms: tuple[Callable[[], Element], ...] = ()
    info: IqHandler | None = None
    items: IqHandler | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """Call `watcher` at that moment.

    - `kinds`: only for stanzas of these kinds ("message", "presence", "iq"); all if empty.
    - `payload`: only for stanzas with a child of one of these (namespace, name) pairs; all if
      empty.
    - `only_for`: only for the accounts (localparts) in it, all if None; `not_for`: not for those in
      it. Either is looked into at each stanza, so the feature may change it at any time; a watcher
      that seldom has anything to do costs next to nothing that way.

    All four count only at moments that are about a stanza.
    """

    moment: Moment[Any]
    watcher: Callable[..., Verdict | Awaitable[Verdict]]
    stage: Stage = Stage.MAIN
    kinds: tuple[str, ...] = ()
    payload: tuple[tuple[str, str], ...] = ()
    only_for: Container[str] | None = None
    not_for: Container[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PerSession:
    """Let sessions hold one instance of `kind` each (see `ISession.state`), dropped with them."""

    kind: type


@dataclass(frozen=True, slots=True)
class PerAccount:
    """Let accounts hold one instance of `kind` each while they have a session.

    `load(localpart)` makes it and may wait: it has fired before the account's first session is
    reachable. See `IHost.account_state`.
    """

    kind: type
    load: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Provide:
    """Offer `provider` to other features, which find it by the interface (see `IHost.find`)."""

    interface: InterfaceClass
    provider: object


@dataclass(frozen=True, slots=True)
class Every:
    """Call `run` every so many seconds while the host is up; it may return an awaitable."""

    seconds: float
    run: Callable[[], object]


@dataclass(frozen=True, slots=True)
class StreamFeature:
    """Offer something during negotiation of a client's stream (RFC 6120 4.3).

    - `element`: what `<stream:features/>` shows, None if this stream is not offered it.
    - `takes`: the (namespace, name) pairs of the first-level elements it answers.
    - `begin`: called with the stream's context and such an element; returns the elements to
      answer with, or raises `StanzaError`-like faults as its protocol has them.
    - `when`: whether it shows before authentication, after it, or both.
    """

    element: Callable[["StreamContext"], Element | None]
    takes: tuple[tuple[str, str], ...] = ()
    begin: Callable[["StreamContext", Element], Iterable[Element]] | None = None
    when: Literal["before-login", "after-login", "both"] = "after-login"


@dataclass(frozen=True, slots=True)
class HandleBeforeLogin:
    """Answer IQs of that type and payload from clients that have not logged in, to the host.

    Anything else they send ends their stream (RFC 6120 4.9.3.12), and so does this in clear where
    TLS is required.

    - `handler`: called with the stream's context and the tree of the payload; returns the payload
      of the result or None, or an awaitable of either, or raises `StanzaError`. What the answer
      promises has to be so by then.
    - `seconds`: so much time from a result on the client has to log in, if that is more than it
      had; once in a connection, and for as many connections from one network as `per_address`.
    """

    type: Literal["get", "set"]
    ns: str
    name: str
    handler: "Callable[[StreamContext, Element], Payload | Awaitable[Payload]]"
    seconds: float = 0.0
    per_address: int = 0


@dataclass(frozen=True, slots=True)
class StreamContext:
    """What a stream feature may know of the stream it is offered on.

    - `network`: the network the client's address is in: an IPv4 address itself, an IPv6 /64.
    - `max_bytes`: of one first-level element from now on, 0 if there is no bound.
    - `idle_seconds`: after so much silence the peer is asked for a sign of life, 0 if it is not.
    """

    host: str
    secure: bool
    account: str = ""
    address: str = field(default="", repr=False)
    network: str = field(default="", repr=False)
    max_bytes: int = 0
    idle_seconds: int = 0


Registration = (
    HandleIq
    | Feature
    | Identity
    | Extension
    | Item
    | Node
    | AdHoc
    | AdHocs
    | Serve
    | Watch
    | PerSession
    | PerAccount
    | Provide
    | Every
    | StreamFeature
    | HandleBeforeLogin
    | Command
)
