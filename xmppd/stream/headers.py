"""Stream headers, read and written (RFC 6120 sections 4.7 and 4.8)."""

import re

from xmppd.stanza.jid import JID, JIDError
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Opened
from xmppd.wire.namespaces import COMPONENT, STREAMS, XML_LANG
from xmppd.wire.parser import Header
from xmppd.wire.serializer import escape_attr

VERSION = "1.0"
"""The version of XMPP this server speaks."""

_OURS = (1, 0)
_VERSION = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})", re.ASCII)
# The shape of language tags (RFC 5646 2.1), and an end to them: each stanza may come to bear one.
_LANG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,7}", re.ASCII)


def read_header(header: Header, content: str) -> Opened:
    """Return what a peer's header says of a stream whose content namespace is `content`.

    Raises `StreamError` for what is wrong in it by itself. Components' streams have no version
    (XEP-0114).
    """
    if header.ns != STREAMS:
        raise StreamError("invalid-namespace", f"a stream is in the namespace {STREAMS}")
    if header.name != "stream":
        raise StreamError("bad-format", "the root element is not a stream")
    if header.declarations.get("", "") not in ("", STREAMS, content):
        raise StreamError("invalid-namespace", f"the content namespace is {content}")
    if content != COMPONENT and answer_version(header) != VERSION:
        raise StreamError("unsupported-version", f"this server speaks XMPP {VERSION}")
    lang = header.attrs.get(XML_LANG, "")
    return Opened(
        _address(header, "to"),
        _address(header, "from"),
        lang if _LANG.fullmatch(lang) else "",
    )


def answer_version(header: Header) -> str:
    """Return the version to answer a header with: the lower of both, "" if it has none (4.7.5)."""
    version = _VERSION.fullmatch(header.attrs.get("version", ""))
    if version is None:
        return ""
    major, minor = min(_OURS, (int(version[1]), int(version[2])))
    return f"{major}.{minor}"


def answer_to(header: Header) -> JID | None:
    """Return whom to address an answer to a header to, whatever else is wrong in it (4.7.2)."""
    try:
        address = _address(header, "from")
    except StreamError:
        return None
    return None if address is None else address.bare


def write_header(content: str, domain: str, id: str, to: JID | None, version: str) -> bytes:
    """Return our header, behind an XML declaration (11.5); no `to` or version where there is none.

    A component is told no version whatever it gave: it would have to be told features, too. Our
    language is English, and so are all texts of ours.
    """
    addressed = "" if to is None else f" to='{escape_attr(str(to))}'"
    versioned = f" version='{version}'" if version and content != COMPONENT else ""
    return (
        "<?xml version='1.0'?>"
        f"<stream:stream xmlns='{content}' xmlns:stream='{STREAMS}'"
        f" id='{escape_attr(id)}' from='{escape_attr(domain)}'{addressed}{versioned}"
        " xml:lang='en'>"
    ).encode()


def _address(header: Header, name: str) -> JID | None:
    text = header.attrs.get(name)
    if text is None:
        return None
    try:
        return JID.parse(text)
    except JIDError:
        raise StreamError("improper-addressing", f"'{name}' is not an address") from None
