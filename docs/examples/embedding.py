"""A web site with a chat server inside: what is posted to `/tell/NAME` reaches that user's client.

One program, one reactor: a web request hands its message to the server as a value, no socket is
between them. Try it, with a client that has logged in as juliet@localhost with the password romeo::

    python docs/examples/embedding.py
    curl --data 'Dinner is ready.' http://127.0.0.1:8080/tell/juliet
"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.web import http
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from xmppd.api.auth import IPasswords
from xmppd.api.host import IHost
from xmppd.api.storage import AccountExists
from xmppd.server.assemble import Server, build
from xmppd.server.config import ServerConfig, without_a_file
from xmppd.service.collaborators import real
from xmppd.service.listening import listen, loopback
from xmppd.service.plugins import discover
from xmppd.stanza import prep
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Message
from xmppd.wire.element import Element

MOST_BYTES = 10_000
"""The longest message taken from the web."""


class Tell(Resource):
    """`POST /tell/NAME` sends its body to every client of that user on `host`."""

    isLeaf = True

    def __init__(self, host: IHost) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # untyped in Twisted
        self._host = host

    def render_POST(self, request: Request) -> bytes:
        """Send the message; 404 if nobody of that name is there, 400 for what is no message."""
        try:
            name = prep.localpart(b"/".join(request.postpath or ()).decode())
            body = _read(request)
            message = Message(
                Element("body", children=[body]),
                to=JID.make(name, self._host.domain),
                from_=self._host.jid,
                type="headline",
                id=self._host.entropy.token(),
            )
        except ValueError as error:  # of preparation, of decoding, of characters XML has not
            return _answer(request, http.BAD_REQUEST, str(error))
        if not any(session.available for session in self._host.sessions(name)):
            return _answer(request, http.NOT_FOUND, f"{name} is not here")
        self._host.route(message)
        return _answer(request, http.ACCEPTED, f"told {name}")


def _read(request: Request) -> str:
    content: bytes = request.content.read(MOST_BYTES + 1) if request.content else b""
    if len(content) > MOST_BYTES:
        raise ValueError(f"at most {MOST_BYTES} bytes")
    return content.decode()


def _answer(request: Request, status: int, text: str) -> bytes:
    request.setResponseCode(status)
    request.setHeader(b"content-type", b"text/plain; charset=utf-8")
    return f"{text}\n".encode()


def site(host: IHost, reactor: Any) -> Site:
    """Return the web site of a host."""
    root = Resource()
    root.putChild(b"tell", Tell(host))
    return Site(root, reactor=reactor)


def serve(config: ServerConfig, reactor: Any) -> Server:
    """Start a server on a reactor that is about to run; it stops with the reactor."""
    server = build(config, discover(), real(reactor, config.dns))
    server.load_certificates()
    listen(reactor, server.ports())  # for clients; leave it out, and only the program can send
    server.open_storage()
    server.start()
    reactor.addSystemEventTrigger("before", "shutdown", server.stop)
    return server


async def add_user(host: IHost, name: str, password: str) -> None:
    """Make an account, unless it is there."""
    passwords = host.find(IPasswords)
    assert passwords is not None  # hosts have it whose users are kept here
    with suppress(AccountExists):
        await passwords.create(name, password)
    print(f"{name} can log in", flush=True)


def main(data: Path, web_port: int, reactor: Any) -> None:
    """Run both until the program is stopped."""
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)])
    server = serve(without_a_file(data, loopback()), reactor)
    host = server.host()
    Deferred.fromCoroutine(add_user(host, "juliet", "romeo"))
    reactor.listenTCP(web_port, site(host, reactor), interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main(Path("var").absolute(), 8080, reactor)
