"""Service Discovery (XEP-0030) and its extensions (XEP-0128): who one is, and what one can do.

What is told stands in the registrations of all features: `Identity`, `Feature`, `Extension`,
`Item`, `Node`, and of services their `Serve`.
"""

from collections.abc import Callable, Iterator, Sequence
from inspect import isawaitable
from typing import TypeVar

from xmppd.api.discovery import described, name_of
from xmppd.api.host import IHost
from xmppd.api.registrations import (
    ACCOUNT,
    HOST,
    OWN_ACCOUNT,
    SERVICE,
    Answer,
    At,
    Feature,
    HandleIq,
    Identity,
    IqHandler,
    Node,
    Promised,
    Registration,
    Request,
    Serve,
)
from xmppd.api.roster import IRoster
from xmppd.stanza.errors import StanzaError
from xmppd.wire.element import Element
from xmppd.wire.namespaces import DISCO_INFO, DISCO_ITEMS

Record = TypeVar("Record")

_EVERYWHERE = HOST | SERVICE | OWN_ACCOUNT | ACCOUNT
_ACCOUNTS = OWN_ACCOUNT | ACCOUNT
# An account's owner may see what anybody may, and more.
_SHOWN = {
    HOST: (HOST,),
    SERVICE: (SERVICE,),
    OWN_ACCOUNT: (OWN_ACCOUNT, ACCOUNT),
    ACCOUNT: (ACCOUNT,),
}


class Disco:
    """Answers for the host, its services and its accounts."""

    def __init__(self, host: IHost) -> None:
        self._host = host

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        yield HandleIq("get", DISCO_INFO, "query", self.info, at=_EVERYWHERE)
        yield HandleIq("get", DISCO_ITEMS, "query", self.items, at=_EVERYWHERE)
        yield Feature(DISCO_INFO, at=_EVERYWHERE)
        yield Feature(DISCO_ITEMS, at=_EVERYWHERE)
        yield Identity("server", "im", at=HOST)

    async def info(self, request: Request) -> Answer:
        """Return identities, features and extensions (XEP-0030 section 3)."""
        await self._refuse_strangers(request)
        serve = self._service(request)
        if request.payload.attrs.get("node"):
            return await _of_node(self._node(request, serve).info, request)
        identities = self._registered(self._host.identities, request.at)
        features = self._registered(self._host.features, request.at)
        forms = [each.make for each in self._registered(self._host.extensions, request.at)]
        if request.at in _ACCOUNTS:
            identities.insert(0, Identity("account", await self._account_type(request.owner)))
        if serve is not None:
            identities.insert(0, serve.identity)
            features += serve.features
            forms[:0] = serve.forms
        return described(identities, features, forms)

    async def items(self, request: Request) -> Answer:
        """Return associated entities (XEP-0030 section 4).

        Of an account they are its resources, of the host its services, of a service what it says.
        """
        await self._refuse_strangers(request)
        serve = self._service(request)
        if request.payload.attrs.get("node"):
            return await _of_node(self._node(request, serve).items, request)
        if serve is not None and serve.items is not None:
            return await _answer(serve.items, request)
        query = Element("query", DISCO_ITEMS)
        if request.at in _ACCOUNTS:
            for session in self._host.sessions(request.owner):
                if session.available:
                    query.add("item", jid=str(session.jid))
        elif request.at is HOST:
            for each in self._host.services():
                query.add("item", jid=each.domain, **name_of(each.identity))
        for item in self._registered(self._host.items, request.at):
            query.add("item", jid=str(item.jid), **name_of(item))
        return query

    async def _refuse_strangers(self, request: Request) -> None:
        """Let only its owner and contacts who see his presence ask an account (section 8).

        The answer is the one for accounts that do not exist (RFC 6121 8.5.1), for items too: the
        empty result XEP-0030 has in mind would tell the two apart.
        """
        if request.at is not ACCOUNT:  # the owner is answered at OWN_ACCOUNT
            return
        roster = self._host.find(IRoster)
        if roster is not None:
            item = await roster.item(request.owner, request.sender.bare)
            if item.subscription.is_seen:
                return
        raise StanzaError("service-unavailable")

    def _service(self, request: Request) -> Serve | None:
        """Return the service that is asked, None if it is somebody else."""
        to = request.iq.to
        if request.at is not SERVICE or to is None:
            return None
        return next((each for each in self._host.services() if each.domain == to.domainpart), None)

    async def _account_type(self, owner: str) -> str:
        # XEP-0175 section 4: nothing is kept of who logged in as nobody.
        known = await self._host.accounts.get(owner)
        return "registered" if known is not None else "anonymous"

    def _registered(self, listing: Callable[[At], Sequence[Record]], at: At) -> list[Record]:
        """Return what is to be shown at those addresses, once each."""
        return list(dict.fromkeys(record for place in _SHOWN[at] for record in listing(place)))

    def _node(self, request: Request, serve: Serve | None) -> Node:
        name = request.payload.attrs["node"]
        for place in _SHOWN[request.at]:
            node = self._host.node(name, place)
            if node is not None:
                return node
        if serve is None:
            raise StanzaError("item-not-found")
        return Node(name, serve.info or _no_such_node, serve.items or _no_such_node)


def _no_such_node(_request: Request) -> Answer:
    raise StanzaError("item-not-found")


async def _of_node(ask: IqHandler, request: Request) -> Answer:
    """Return what a node answers, with the node named as XEP-0030 3.2 has it."""
    answer = await _answer(ask, request)
    query = answer.payload if isinstance(answer, Promised) else answer
    if isinstance(query, Element):
        query.attrs["node"] = request.payload.attrs["node"]
    return answer


async def _answer(ask: IqHandler, request: Request) -> Answer:
    answer = ask(request)
    return await answer if isawaitable(answer) else answer
