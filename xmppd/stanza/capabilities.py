"""What an entity says it can do, told in short and verified (XEP-0115).

Who announces capabilities gives a digest of its answer to disco#info. Whoever has an answer with
that digest knows what all can do who announce the same, if only the digest was made anew and
compared: a false answer, believed once, would be believed of everybody.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import new
from sys import intern
from typing import TypeVar

from xmppd.wire.element import Element
from xmppd.wire.namespaces import DATA_FORMS, XML_LANG

_HASHES = {
    "sha-1": ("sha1", 20),
    "sha-224": ("sha224", 28),
    "sha-256": ("sha256", 32),
    "sha-384": ("sha384", 48),
    "sha-512": ("sha512", 64),
}
"""By their IANA names: hashlib's name and the bytes of a digest."""

_FORMS = {
    "urn:xmpp:dataforms:softwareinfo": frozenset(  # XEP-0232
        ("icon", "ip_version", "os", "os_version", "software", "software_version")
    ),
}
"""Types of forms that clients show, and the names of their fields."""

_FORM_TYPE = "FORM_TYPE"
_is_word = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*", re.ASCII).fullmatch

Item = TypeVar("Item", str, tuple[str, ...])


class IllFormed(ValueError):
    """An answer to disco#info that must not be believed of anybody else (section 5.4)."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What stands in the `<c/>` of somebody's presence (section 4).

    - `node`: names the software; `ver`: the digest.
    - `hash`: the algorithm, "" in the legacy format, where `ver` is no digest (section 13).
    """

    node: str
    ver: str
    hash: str = ""

    @classmethod
    def read(cls, element: Element) -> "Announced | None":
        """Read a `<c/>`; None if it lacks what it must have."""
        get = element.attrs.get
        node, ver = get("node", ""), get("ver", "")
        return cls(node, ver, get("hash", "")) if node and ver else None

    @property
    def key(self) -> str:
        """What is the same for all who announce the same; "" if that cannot be verified."""
        _, size = _HASHES.get(self.hash, ("", 0))
        try:
            digest = b64decode(self.ver, validate=True)
        except ValueError:
            return ""
        canonical = len(digest) == size and b64encode(digest).decode() == self.ver
        return f"{self.hash} {self.ver}" if canonical else ""

    @property
    def info_node(self) -> str:
        """The node to ask for by disco#info, "" for none (section 6.2)."""
        return f"{self.node}#{self.ver}" if self.hash else ""


def digest(info: Element, hash: str = "sha-1") -> str:
    """Return the digest of an answer to disco#info (section 5.1).

    Raises `IllFormed`, and `KeyError` for a hash that is not known.
    """
    algorithm, _ = _HASHES[hash]
    return b64encode(new(algorithm, verification_string(info).encode()).digest()).decode()


def verification_string(info: Element) -> str:
    """Return what the digest is made of, "S" in section 5.1. Raises `IllFormed` (section 5.4)."""
    return "".join(f"{factor}<" for factor in _factors(info))


def features(info: Element) -> frozenset[str]:
    """Return the features in an answer to disco#info."""
    # Clients differ less than there are clients: a text that all have is kept once.
    found = (feature.attrs.get("var", "") for feature in info.elements("feature", info.ns))
    return frozenset(intern(var) for var in found if var)


def is_unambiguous(info: Element) -> bool:
    """Tell whether no other answer with the same digest could say other features.

    The verification string does not tell where identities end and forms begin, so that an answer
    can pass some features off as something else (section 9.3, "Caps Poisoning"). It can not where
    identities are made of plain words and forms are of a type whose fields are known.
    """
    identities = _identities(info)
    plain = all(
        _is_word(category) and _is_word(type) and "/" not in lang
        for category, type, lang, _ in identities
    )
    known = all(
        about in _FORMS and _FORMS[about].issuperset(var for var, _ in fields)
        for about, fields in _forms(info)
    )
    return bool(identities) and plain and known and not any("<" in each for each in _factors(info))


def _factors(info: Element) -> list[str]:
    """Return all that goes into the digest, in order: texts sort as their UTF-8 does."""
    identities = _once(_identities(info), "identity")
    listed = _once([each.attrs["var"] for each in _with(info, "feature", "var")], "feature")
    factors = ["/".join(identity) for identity in sorted(identities)]
    factors += sorted(listed)
    forms = list(_forms(info))
    _once([about for about, _ in forms], "form")
    for about, fields in sorted(forms):
        factors.append(about)
        for var, values in sorted(fields):
            factors += [var, *values]
    return factors


def _identities(info: Element) -> list[tuple[str, ...]]:
    return [
        (
            each.attrs["category"],
            each.attrs["type"],
            each.attrs.get(XML_LANG, ""),
            each.attrs.get("name", ""),
        )
        for each in _with(info, "identity", "category", "type")
    ]


def _with(info: Element, name: str, *attributes: str) -> Iterator[Element]:
    """Yield the elements of that name, which must have those attributes (XEP-0030 section 3.1)."""
    for element in info.elements(name, info.ns):
        if not all(each in element.attrs for each in attributes):
            raise IllFormed(f"{name} without {' or '.join(attributes)}")
        yield element


def _forms(info: Element) -> Iterator[tuple[str, list[tuple[str, list[str]]]]]:
    """Yield the type of every form that counts, and its fields with their values in order.

    Forms without a type, or one that is not hidden, do not count (section 5.4).
    """
    for form in info.elements("x", DATA_FORMS):
        about: set[str] = set()
        fields: list[tuple[str, list[str]]] = []
        for field in form.elements("field", DATA_FORMS):
            var = field.attrs.get("var", "")
            values = sorted(value.text for value in field.elements("value", DATA_FORMS))
            if var != _FORM_TYPE:
                fields.append((var, values))
            elif field.attrs.get("type") == "hidden":
                about.update(values)
        if len(about) > 1:
            raise IllFormed("a form of two types")
        if about:
            yield about.pop(), fields


def _once(items: list[Item], what: str) -> list[Item]:
    if len(set(items)) < len(items):
        raise IllFormed(f"{what}: the same twice")
    return items
