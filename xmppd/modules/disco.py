"""Service Discovery (XEP-0030) and its extensions (XEP-0128): who one is, and what one can do.

What is told stands in the registrations of all features: `Identity`, `Feature`, `Extension`,
`Item`, `Node`.
"""

from collections.abc import Callable, Iterator, Sequence
from inspect import isawaitable
from typing import TypeVar

from xmppd.api.host import IHost
from xmppd.api.registrations import (
    ACCOUNT,
    HOST,
    OWN_ACCOUNT,
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
)
from xmppd.stanza.errors import StanzaError
from xmppd.wire.element import Element
from xmppd.wire.namespaces import DISCO_INFO, DISCO_ITEMS

Record = TypeVar("Record")

_EVERYWHERE = HOST | OWN_ACCOUNT | ACCOUNT
# An account's owner may see what anybody may, and more.
_SHOWN = {HOST: (HOST,), OWN_ACCOUNT: (OWN_ACCOUNT, ACCOUNT), ACCOUNT: (ACCOUNT,)}


class Disco:
    """Answers for the host and its accounts."""

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
        _refuse_strangers(request)
        node = request.payload.attrs.get("node")
        if node:
            return await _of_node(self._node(node, request.at).info, request)
        query = Element("query", DISCO_INFO)
        if request.at is not HOST:
            query.add("identity", category="account", type=await self._account_type(request.owner))
        for identity in self._registered(self._host.identities, request.at):
            name = {"name": identity.name} if identity.name else {}
            query.add("identity", category=identity.category, type=identity.type, **name)
        for feature in sorted(self._registered(self._host.features, request.at)):
            query.add("feature", var=feature)
        for extension in self._registered(self._host.extensions, request.at):
            query.children.append(extension.make())
        return query

    async def items(self, request: Request) -> Answer:
        """Return associated entities (XEP-0030 section 4); of an account, its resources too."""
        _refuse_strangers(request)
        node = request.payload.attrs.get("node")
        if node:
            return await _of_node(self._node(node, request.at).items, request)
        query = Element("query", DISCO_ITEMS)
        if request.at is not HOST:
            for session in self._host.sessions(request.owner):
                if session.available:
                    query.add("item", jid=str(session.jid))
        for item in self._registered(self._host.items, request.at):
            name = {"name": item.name} if item.name else {}
            query.add("item", jid=str(item.jid), **name)
        return query

    async def _account_type(self, owner: str) -> str:
        # XEP-0175 section 4: nothing is kept of who logged in as nobody.
        known = await self._host.accounts.get(owner)
        return "registered" if known is not None else "anonymous"

    def _registered(self, listing: Callable[[At], Sequence[Record]], at: At) -> list[Record]:
        """Return what is to be shown at those addresses, once each."""
        return list(dict.fromkeys(record for place in _SHOWN[at] for record in listing(place)))

    def _node(self, name: str, at: At) -> Node:
        for place in _SHOWN[at]:
            node = self._host.node(name, place)
            if node is not None:
                return node
        raise StanzaError("item-not-found")


def _refuse_strangers(request: Request) -> None:
    """Let nobody but its owner ask an account (XEP-0030 section 8).

    The answer is the one for accounts that do not exist (RFC 6121 8.5.1), for items too: the empty
    result XEP-0030 has in mind would tell the two apart.
    """
    if request.at is ACCOUNT:  # the owner is answered at OWN_ACCOUNT
        raise StanzaError("service-unavailable")


async def _of_node(ask: IqHandler, request: Request) -> Answer:
    """Return what a node answers, with the node named as XEP-0030 3.2 has it."""
    answer = ask(request)
    if isawaitable(answer):
        answer = await answer
    query = answer.payload if isinstance(answer, Promised) else answer
    if isinstance(query, Element):
        query.attrs["node"] = request.payload.attrs["node"]
    return answer
