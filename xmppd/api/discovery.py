"""What service discovery answers, made in one place (XEP-0030, XEP-0128).

Features tell it by their registrations; a digest of the host's answer is in its capabilities
(XEP-0115), so that both have to agree to the letter.
"""

from collections.abc import Callable, Iterable

from xmppd.api.host import IHost
from xmppd.api.registrations import HOST, Identity, Item
from xmppd.wire.element import Element
from xmppd.wire.namespaces import DISCO_INFO


def described(
    identities: Iterable[Identity],
    features: Iterable[str],
    forms: Iterable[Callable[[], Element]],
) -> Element:
    """Return the `<query/>` of disco#info: identities and forms in order, features sorted, once."""
    query = Element("query", DISCO_INFO)
    for each in identities:
        query.add("identity", category=each.category, type=each.type, **name_of(each))
    for feature in sorted(set(features)):
        query.add("feature", var=feature)
    query.children += [make() for make in forms]
    return query


def host_info(host: IHost) -> Element:
    """Return what a host's own domain answers to disco#info at the moment."""
    identities = dict.fromkeys(host.identities(HOST))
    forms = [each.make for each in dict.fromkeys(host.extensions(HOST))]
    return described(identities, host.features(HOST), forms)


def name_of(named: Identity | Item) -> dict[str, str]:
    """Return the attribute that holds the name for people, none if there is no name."""
    return {"name": named.name} if named.name else {}
