"""The domain of an external component: its stream while there is one, else an error (XEP-0114)."""

from typing import Any, Protocol

from zope.interface import implementer

from xmppd.api.router import IDomain, IRouter
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.stanza import Stanza


class Link(Protocol):
    """A component's stream, as its domain sees it."""

    def deliver(self, stanza: Stanza) -> Any:
        """Write a stanza behind everything written before, or keep it until that can be done.

        Returns None, or a Deferred to wait for before the sender's next stanza.
        """


@implementer(IDomain)
class ComponentDomain:
    """Everything that is sent to a component's domain.

    - `name`: the domain; `link`: the component's stream, None while there is none.

    A component that is not there is like a server that cannot be reached: messages and requests are
    answered `remote-server-timeout` (RFC 6120 8.3.3.17), presence goes nowhere.
    """

    def __init__(self, name: str, router: IRouter) -> None:
        self.name = name
        self.link: Link | None = None
        self._router = router

    def receive(self, stanza: Stanza) -> Any:
        """Take a stanza for any address of the domain (see `IDomain`)."""
        if self.link is None:
            return self._absent(stanza)
        return self.link.deliver(stanza)

    def bounce(self, stanza: Stanza) -> None:
        """Answer a stanza that was taken and has not been written."""
        self._router.attempt(stanza, self._absent, stanza)

    def _absent(self, stanza: Stanza) -> None:
        if stanza.kind != "presence":
            raise StanzaError("remote-server-timeout", "the component is not connected")
