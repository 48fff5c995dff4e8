"""URIs that people are shown: which texts are some (RFC 3986, RFC 6068, RFC 5122)."""

import re
from collections.abc import Collection
from urllib.parse import unquote, urlsplit

from xmppd.stanza.jid import JID, JIDError

# RFC 3986 appendix A: what may stand in a URI besides percent-encoded bytes.
_is_uri = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+",
    re.ASCII,
).fullmatch
_is_mailbox = re.compile(r"[^@\s]+@[^@\s]+").fullmatch


def check_uri(text: str, schemes: Collection[str]) -> None:
    """Raise `ValueError`, with a plain sentence, unless `text` is a URI of one of these schemes.

    Of http, https, mailto and xmpp, what follows the scheme is checked as well.
    """
    match = _is_uri(text)
    scheme = match["scheme"].lower() if match else ""
    if scheme not in schemes:
        raise ValueError(f"{text!r} is no URI that begins with {_listed(schemes)}")
    if not _CHECKS.get(scheme, bool)(text.partition(":")[2]):
        raise ValueError(f"{text!r} names nobody who could be reached")


def _is_web_address(rest: str) -> bool:
    try:
        return rest.startswith("//") and bool(urlsplit(rest).hostname)
    except ValueError:
        return False


def _is_mail_address(rest: str) -> bool:
    return bool(_is_mailbox(unquote(rest.partition("?")[0])))


def _is_xmpp_address(rest: str) -> bool:
    try:
        JID.parse(unquote(rest.partition("?")[0]))
    except JIDError:
        return False
    return True


_CHECKS = {
    "http": _is_web_address,
    "https": _is_web_address,
    "mailto": _is_mail_address,
    "xmpp": _is_xmpp_address,
}


def _listed(schemes: Collection[str]) -> str:
    *most, last = (f"{scheme}:" for scheme in schemes)
    return f"{', '.join(most)} or {last}" if most else last
