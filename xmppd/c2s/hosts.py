"""What clients' streams need of each host."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from xmppd.api.registrations import HandleBeforeLogin, StreamFeature
from xmppd.api.router import ISessionHost
from xmppd.auth.portal import Authenticator
from xmppd.net.client_certificates import ClientTrust


def _none(_type: str, _name: str) -> None:
    """Find no handler."""


@dataclass(frozen=True, slots=True)
class ClientHost:
    """One host as clients meet it.

    - `authenticator`: its users; `sessions`: where sessions are opened.
    - `tls_required`: whether nothing but STARTTLS is offered in clear.
    - `trust`: whose client certificates are believed; None: none are looked at.
    - `features`: the stream features its modules offer just now.
    - `before_login`: finds what answers an IQ before login, by its type and the "namespace name" of
      its payload, with the name of the feature it belongs to.
    """

    domain: str
    authenticator: Authenticator
    sessions: ISessionHost
    tls_required: bool = True
    trust: ClientTrust | None = None
    features: Callable[[], Iterable[StreamFeature]] = tuple
    before_login: Callable[[str, str], tuple[str, HandleBeforeLogin] | None] = _none

    def certified(self, chain: tuple[bytes, ...], now: datetime) -> tuple[str, ...]:
        """Return the addresses a client's certificate speaks for, none if it is not believed."""
        if self.trust is None or not chain:
            return ()
        return self.trust.judge(chain, now).xmpp_addresses
