"""XMPP Ping (XEP-0199): a sign of life, asked for and given."""

from collections.abc import Iterator

from xmppd.api.host import IHost
from xmppd.api.registrations import (
    HOST,
    OWN_ACCOUNT,
    SERVICE,
    Feature,
    HandleIq,
    Registration,
    Request,
)
from xmppd.wire.namespaces import PING

_AT = HOST | SERVICE | OWN_ACCOUNT


class Ping:
    """Answers pings to host and services from anybody, to an account from its owner (4.2, 4.3).

    A ping to somebody else's account would tell a stranger whether that exists.
    """

    def __init__(self, host: IHost) -> None:
        pass

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield HandleIq("get", PING, "ping", self.pong, at=_AT)
        yield Feature(PING, at=_AT)

    def pong(self, _request: Request) -> None:
        """Answer with an empty result."""
