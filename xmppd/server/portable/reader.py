"""Files in the portable format, read one user after the other (XEP-0227 sections 4 and 5)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from xmppd.server.portable.trees import NotReadable, clark, done_with, events, tree, whole
from xmppd.server.portable.users import read_user
from xmppd.server.portable.values import Found, SourceError, Trouble
from xmppd.stanza.prep import PrepError, domainpart
from xmppd.wire.namespaces import PORTABLE, XINCLUDE

_INCLUDE = f"{{{XINCLUDE}}}include"
_SERVER, _HOST, _USER = (f"{{{PORTABLE}}}{name}" for name in ("server-data", "host", "user"))
_INSIDE = {"": _SERVER, _SERVER: _HOST, _HOST: _USER}


class PortableFile:
    """A main file and the files it includes from its directory; implements `Source`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = path.parent.resolve()

    def __iter__(self) -> Iterator[Found | Trouble]:
        try:
            first = next((element.tag for _, element in events(self._path)), "")
        except NotReadable as error:
            raise SourceError(str(error)) from None
        if first not in (_SERVER, _HOST):
            raise SourceError(f"{self._path}: is no file in the format of XEP-0227")
        return self._file(self._path, "" if first == _SERVER else _SERVER, "")

    def _file(self, path: Path, around: str, domain: str) -> Iterator[Found | Trouble]:
        """Yield what is in a file whose root belongs into an element of the tag `around`."""
        try:
            yield from self._elements(path, around, domain)
        except NotReadable as error:
            yield Trouble(str(error))

    def _elements(self, path: Path, around: str, domain: str) -> Iterator[Found | Trouble]:
        open_tags = [around]
        skipping = 0  # how many elements deep we are in one that is looked at as a whole
        for event, element in events(path):
            expected = _INSIDE[open_tags[-1]]
            if event == "start" and not skipping and element.tag == expected != _USER:
                open_tags.append(element.tag)
                if element.tag == _HOST:
                    domain, trouble = _domain(element, path)
                    yield from trouble
            elif event == "start":
                skipping += 1
            elif skipping:
                skipping -= 1
                if not skipping:
                    yield from self._whole(element, path, open_tags[-1], domain)
                    done_with(element)
            else:
                open_tags.pop()
                done_with(element)

    def _whole(
        self, element: Any, path: Path, around: str, domain: str
    ) -> Iterator[Found | Trouble]:
        """Yield what an element is that was read from its start to its end."""
        if element.tag == _INCLUDE:
            target = self._target(element, path)
            if isinstance(target, Trouble):
                yield target
            else:
                yield from self._file(target, around, domain)
        elif around == _HOST and element.tag == _USER:
            if domain:
                yield from self._user(element, path, domain)
        else:
            ns, name = clark(element.tag)
            yield Trouble(f"{path}: <{name} xmlns='{ns}'/> is not known here", lost=ns == PORTABLE)

    def _user(self, element: Any, path: Path, domain: str) -> Iterator[Found | Trouble]:
        for child in element:
            # Deeper ones are users' own data (section 5).
            if child.tag == _INCLUDE:
                yield from self._put_in(child, path)
        try:
            yield Found(domain, read_user(tree(element), domain))
        except ValueError as error:
            name = element.get("name", "")
            yield Trouble(f"{path}: the user {name[:80]!r} of {domain} cannot be read: {error}")

    def _put_in(self, include: Any, path: Path) -> Iterator[Trouble]:
        """Put a part of a user in the place of the element that includes it."""
        target = self._target(include, path)
        if isinstance(target, Trouble):
            yield target
            return
        try:
            part = whole(target)
        except NotReadable as error:
            yield Trouble(str(error))
            return
        part.tail = None
        include.getparent().replace(include, part)

    def _target(self, include: Any, path: Path) -> Path | Trouble:
        """Return the file that an `<include/>` names, if it is one that we read."""
        href = include.get("href") or ""
        parts = urlsplit(href)
        plain = not (parts.scheme or parts.netloc or parts.query or parts.fragment)
        if not plain or not parts.path or {"parse", "xpointer"} & set(include.attrib):
            return Trouble(f"{path}: the include of {href[:200]!r} is of a kind that is not read")
        target = (path.parent / unquote(parts.path)).resolve()
        if not target.is_relative_to(self._folder):
            return Trouble(f"{path}: the include of {href[:200]!r} leads out of {self._folder}")
        return target


def _domain(element: Any, path: Path) -> tuple[str, list[Trouble]]:
    """Return the domain of a `<host/>`, prepared; "" with its trouble if it is none."""
    try:
        return domainpart(element.get("jid", "")), []
    except PrepError as error:
        return "", [Trouble(f"{path}: all users of a host are left out: {error}")]
