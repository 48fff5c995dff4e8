"""The one door for stanzas, and what stands behind it for each domain."""

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from xmppd.api.sessions import ISession, SessionRecord
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza


class IDomain(Interface):
    """Whatever answers for one domain: accounts, an in-process service, a component, the rest."""

    def receive(stanza: Stanza) -> Any:
        """Take a stanza whose `to` is of this domain and whose `from_` is proven.

        Returns None when done, or an awaitable that is waited for before the same sender's next
        stanza is looked at. Raises (or fails with) `StanzaError` for the router to answer.
        """


class IRouter(Interface):
    """Takes every stanza, whoever sent it, and alone turns exceptions into error stanzas."""

    def add(domain: str, answers: IDomain) -> None:
        """Let `answers` take everything for `domain`. Raises `KeyError` if somebody does."""

    def remove(domain: str) -> None:
        """Stop answering for `domain`. Raises `KeyError` if nobody does."""

    def route(stanza: Stanza) -> "Deferred[None] | None":
        """Bring a stanza to the domain of its `to`.

        `from_` must be proven and set, `to` must be set. Never raises. Returns None when done;
        else the sender's further stanzas must wait until the Deferred has fired, which never fails.
        """

    def answering(domain: str) -> IDomain | None:
        """Return what answers for a domain of this server, None for any other domain."""

    def deliver(stanza: Stanza) -> Any:
        """Do the same as a step of `attempt`: raises `StanzaError`, may return an awaitable."""

    def attempt(stanza: Stanza, step: Callable[..., Any], *args: Any) -> "Deferred[None] | None":
        """Call `step(*args)`, wait for what it returns, and answer `stanza` if that fails.

        Returns as `route` does.
        """


class ISessionHost(Interface):
    """What a session, and whatever binds one, needs of the host it belongs to."""

    domain: str = Attribute("the host's domain, an A-label")
    node: str = Attribute("the name of this process among the cluster's nodes")

    def bound(jid: JID) -> ISession | None:
        """Return the session of this process bound to that full JID, or None."""

    def count(account: str) -> int:
        """Return how many sessions an account has, on all nodes."""

    def open(session: ISession, created: float | None = None) -> "Deferred[None]":
        """Make a session reachable; fires when its account's state is loaded and it is.

        `created` is that of the account somebody has logged in to, None if there is none to be
        looked up. If that account is gone, was made anew or is disabled, the session is closed with
        `not-authorized`. Fails with `StanzaError` if the session cannot be opened, or was closed
        meanwhile.
        """

    def close(session: ISession) -> None:
        """Make a session unreachable, at once, and let the features know."""

    def take_back(stanzas: Iterable[Stanza], session: ISession) -> None:
        """Take what a session that is closed was to be sent and was not.

        Messages go to whoever else they are for, are kept, or are returned, as if they had come
        after its end (RFC 6121 8.5); unless other sessions have them, too. All else is dropped.
        """

    def submit(stanza: Stanza, session: ISession) -> "Deferred[None] | None":
        """Take what a client sends, with `from_` stamped; answers as `IRouter.route` does."""

    def publish(record: SessionRecord) -> None:
        """Let everybody see the new record of an open session."""

    def check_state(kind: type) -> None:
        """Raise `LookupError` unless a feature has registered `PerSession(kind)`."""

    def answer(stanza: Stanza, created: float | None = None) -> "Deferred[Stanza | None]":
        """Have a stanza to the host or the sender's own account answered before binding.

        `from_` is the sender's bare JID; `created` is as in `open`, and what comes for an account
        that is gone is answered `not-authorized`. Fires with what to send back, None for nothing.
        """

    def urgent(stanza: Stanza) -> bool:
        """Tell whether this is an answer that must not queue behind a stanza still in work."""
