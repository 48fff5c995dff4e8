"""Stream headers, read and written (RFC 6120 sections 4.7 and 4.8)."""

import re

from xmppd.stanza.jid import JID, JIDError
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Answered, Opened
from xmppd.wire.namespaces import COMPONENT, DIALBACK, SERVER, STREAMS, XML_LANG
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

    Raises `StreamError` for what is wrong in it by itself.
    """
    _check_root(header, content)
    lang = header.attrs.get(XML_LANG, "")
    return Opened(
        _address(header, "to"),
        _address(header, "from"),
        lang if _LANG.fullmatch(lang) else "",
        _version(header, content),
    )


def _version(header: Header, content: str) -> str:
    """Return "1.0", or "" on streams that may be of a time before it: `Opened.version`.

    Servers of that time know dialback (XEP-0220 2.4.1); a client of that time could not log in.
    """
    if content == COMPONENT:  # XEP-0114
        return ""
    version = answer_version(header)
    if version == VERSION:
        return version
    if content == SERVER and (version or "version" not in header.attrs):
        return ""
    raise StreamError("unsupported-version", f"this server speaks XMPP {VERSION}")


def read_answer(header: Header, content: str) -> Answered:
    """Return what a peer answers to our header on a stream whose content namespace is `content`.

    Raises `StreamError` for what is wrong in it by itself. An id or `from` may be missing
    (RFC 6120 4.7.1, 4.7.3), and `from` is empty where the peer does not know its domain (4.9.1.3).
    """
    _check_root(header, content)
    version = answer_version(header)
    from_ = _address(header, "from") if header.attrs.get("from") else None
    return Answered(
        header.attrs.get("id", ""),
        from_,
        version if version == VERSION else "",
        DIALBACK in header.declarations.values(),
    )


def _check_root(header: Header, content: str) -> None:
    if header.ns != STREAMS:
        raise StreamError("invalid-namespace", f"a stream is in the namespace {STREAMS}")
    if header.name != "stream":
        raise StreamError("bad-format", "the root element is not a stream")
    if header.declarations.get("", "") not in ("", STREAMS, content):
        raise StreamError("invalid-namespace", f"the content namespace is {content}")


def answer_version(header: Header) -> str:
    """Return the version to answer a header with: the lower of both, "" if it has none (4.7.5)."""
    version = _VERSION.fullmatch(header.attrs.get("version", ""))
    if version is None:
        return ""
    major, minor = min(_OURS, (int(version[1]), int(version[2])))
    return f"{major}.{minor}"


def answer_to(header: Header, content: str) -> JID | None:
    """Return whom to address an answer to a header to, whatever else is wrong in it (4.7.2).

    That is a bare address, between servers a domain.
    """
    try:
        address = _address(header, "from")
    except StreamError:
        return None
    if address is None:
        return None
    return JID.make("", address.domainpart) if content == SERVER else address.bare


def write_header(
    content: str, domain: str, id: str, to: JID | None, version: str, dialback: bool = False
) -> bytes:
    """Return our header, behind an XML declaration (11.5); no `to` or version where there is none.

    A component is told no version whatever it gave: it would have to be told features, too. Our
    language is English, and so are all texts of ours. `dialback` declares its namespace, with the
    prefix `db` (XEP-0220 2.4.1).
    """
    addressed = "" if to is None else f" to='{escape_attr(str(to))}'"
    versioned = f" version='{version}'" if version and content != COMPONENT else ""
    return (
        f"{_root(content, dialback)} id='{escape_attr(id)}' from='{escape_attr(domain)}'"
        f"{addressed}{versioned} xml:lang='en'>"
    ).encode()


def write_initial(content: str, from_: str, to: str, *, dialback: bool) -> bytes:
    """Return the header that opens a stream to `to`, behind an XML declaration; no `from` for "".

    `dialback` declares its namespace, with the prefix `db` (XEP-0220 2.4.1).
    """
    addressed = f" from='{escape_attr(from_)}'" if from_ else ""
    return (
        f"{_root(content, dialback)}{addressed} to='{escape_attr(to)}' version='{VERSION}'"
        " xml:lang='en'>"
    ).encode()


def _root(content: str, dialback: bool) -> str:
    declared = f" xmlns:db='{DIALBACK}'" if dialback else ""
    return (
        f"<?xml version='1.0'?><stream:stream xmlns='{content}' xmlns:stream='{STREAMS}'{declared}"
    )


def _address(header: Header, name: str) -> JID | None:
    text = header.attrs.get(name)
    if text is None:
        return None
    try:
        return JID.parse(text)
    except JIDError:
        raise StreamError("improper-addressing", f"'{name}' is not an address") from None
