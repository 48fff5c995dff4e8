"""A chat server with a service of the program's own: `echo.localhost` says again what it is told.

The service is an object in the same process; nothing listens for it, nothing is configured. Try it
with any client, as juliet@localhost with the password romeo::

    python docs/examples/echo.py
"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import globalLogBeginner, textFileLogObserver
from zope.interface import implementer

from xmppd.api.auth import IPasswords
from xmppd.api.host import IHost
from xmppd.api.registrations import Identity, Serve
from xmppd.api.services import IService, service_domain
from xmppd.api.storage import AccountExists
from xmppd.server.assemble import Server, build
from xmppd.server.config import without_a_file
from xmppd.service.collaborators import real
from xmppd.service.listening import listen, loopback
from xmppd.service.plugins import discover
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.stanza import Iq, Stanza


@implementer(IService)
class Echo:
    """Sends messages back to whom they came from, from whichever of its addresses they were to."""

    def __init__(self, host: IHost) -> None:
        self._host = host

    def serve(self) -> Serve:
        """Return what has to be installed."""
        domain = service_domain("echo", self._host.domain)
        return Serve(domain, self, Identity("client", "bot", "Echo"))

    def receive(self, stanza: Stanza) -> None:
        """Take whatever is sent to the domain, but for what others answer there, such as pings."""
        if isinstance(stanza, Iq) and stanza.is_request:
            raise StanzaError("service-unavailable")
        if stanza.kind == "message" and stanza.type != "error":
            again = stanza.copy()
            again.to, again.from_ = stanza.from_, stanza.to
            self._host.route(again)


async def add_user(host: IHost, name: str, password: str) -> None:
    """Make an account, unless it is there."""
    passwords = host.find(IPasswords)
    assert passwords is not None  # hosts have it whose users are kept here
    with suppress(AccountExists):
        await passwords.create(name, password)
    print(f"{name} can log in", flush=True)


def main(data: Path, reactor: Any) -> None:
    """Run until the program is stopped."""
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)])
    server: Server = build(without_a_file(data, loopback()), discover(), real(reactor))
    server.load_certificates()
    listen(reactor, server.ports())
    server.open_storage()
    server.start()
    reactor.addSystemEventTrigger("before", "shutdown", server.stop)
    host = server.host()
    host.install("echo", [Echo(host).serve()])
    Deferred.fromCoroutine(add_user(host, "juliet", "romeo"))
    reactor.run()


if __name__ == "__main__":
    main(Path("var").absolute(), reactor)
