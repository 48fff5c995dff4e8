"""What a client's stream is offered (RFC 6120 4.3, 5.4.1, 6.4.1; XEP-0440)."""

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Literal

from twisted.logger import Logger

from xmppd.api.registrations import StreamContext, StreamFeature
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CHANNEL_BINDINGS, SASL, TLS
from xmppd.wire.serializer import serialize

When = Literal["before-login", "after-login"]
Shown = tuple[StreamFeature, Element]

REMEMBERED = 64
"""Offers of mechanisms that are not written anew; most streams are made one of a few."""

_log = Logger()


@cache
def starttls(*, required: bool) -> bytes:
    """Return the stream feature that offers TLS."""
    feature = Element("starttls", TLS)
    if required:
        feature.add("required")
    return serialize(feature)


@lru_cache(maxsize=REMEMBERED)
def mechanisms(names: tuple[str, ...], bindings: tuple[str, ...]) -> bytes:
    """Return the stream features for mechanisms: these, and the types they can bind to."""
    if not names:
        return b""
    offer = Element("mechanisms", SASL)
    for name in names:
        offer.add("mechanism", SASL, name)
    if not bindings:
        return serialize(offer)
    types = Element("sasl-channel-binding", CHANNEL_BINDINGS)
    for name in bindings:
        types.add("channel-binding", type=name)
    return serialize(offer) + serialize(types)


def extensions(
    features: Iterable[StreamFeature], when: When, context: StreamContext
) -> Iterator[Shown]:
    """Yield what features offer this stream; one that fails to say so is logged and left out."""
    for feature in features:
        if feature.when not in (when, "both"):
            continue
        try:
            shown = feature.element(context)
        except Exception:
            _log.failure("a stream feature could not be offered")
            continue
        if shown is not None:
            yield feature, shown


def answer(
    offered: Iterable[Shown], context: StreamContext, element: Element
) -> Iterable[Element] | None:
    """Return the answer of the feature an element is for, None if it is for none on offer."""
    name = (element.ns, element.name)
    for feature, _ in offered:
        if feature.begin is not None and name in feature.takes:
            return feature.begin(context, element)
    return None
