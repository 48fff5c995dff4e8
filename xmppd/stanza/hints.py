"""Whether a message is worth keeping: by what is in it, and by its hints (XEP-0334, XEP-0160 3)."""

from enum import Enum

from xmppd.stanza.stanza import Stanza
from xmppd.wire.namespaces import CHAT_STATES, CLIENT, DELAY, HINTS, STANZA_IDS


class Worth(Enum):
    """What is to be done with a message that nobody reads at the moment."""

    KEEP = "keep"
    """It wants to be read later."""
    NOW = "now"
    """It has something to say, and its sender does not want it to be kept."""
    NOTHING = "nothing"
    """Nobody needs to know later what it says, nor its sender that it did not arrive."""


_NO_STORE, _STORE = f"{HINTS} no-store", f"{HINTS} store"
# Beside content these say something about it; alone they are nothing.
_ABOUT = frozenset((CHAT_STATES, HINTS, DELAY, STANZA_IDS))


def worth(message: Stanza) -> Worth:
    """Tell what a message is worth that is neither an error nor of a type which is never kept.

    `<no-permanent-store/>` is about archives: until it is delivered a message may be kept
    (XEP-0334 section 4.1). `<no-store/>` counts more than `<store/>`.
    """
    names = {child[0] for child in message.children}
    has_content = any(map(_is_content, names))
    if _NO_STORE in names:
        return Worth.NOW if has_content else Worth.NOTHING
    return Worth.KEEP if has_content or _STORE in names else Worth.NOTHING


def _is_content(name: str) -> bool:
    return name.rpartition(" ")[0] not in _ABOUT and name != f"{CLIENT} thread"
