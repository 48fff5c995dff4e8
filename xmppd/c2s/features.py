"""What a client's stream is offered, in elements (RFC 6120 4.3, 5.4.1, 6.4.1; XEP-0440)."""

from collections.abc import Iterable, Iterator
from typing import Literal

from twisted.logger import Logger

from xmppd.api.registrations import StreamContext, StreamFeature
from xmppd.sasl.binding import announced
from xmppd.sasl.exchange import SaslContext
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CHANNEL_BINDINGS, SASL, TLS

When = Literal["before-login", "after-login"]
Shown = tuple[StreamFeature, Element]

_log = Logger()


def starttls(*, required: bool) -> Element:
    """Return the stream feature that offers TLS."""
    feature = Element("starttls", TLS)
    if required:
        feature.add("required")
    return feature


def mechanisms(context: SaslContext) -> list[Element]:
    """Return the stream features for the mechanisms offered: these, and what they can bind to."""
    if not context.offered:
        return []
    offer = Element("mechanisms", SASL)
    for name in context.offered:
        offer.add("mechanism", SASL, name)
    types = announced(context, context.offered)
    if not types:
        return [offer]
    bindings = Element("sasl-channel-binding", CHANNEL_BINDINGS)
    for name in types:
        bindings.add("channel-binding", type=name)
    return [offer, bindings]


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
