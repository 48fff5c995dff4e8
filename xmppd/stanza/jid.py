"""Addresses: `localpart@domainpart/resourcepart`, parsed once and compared fast (RFC 7622).

Domainparts are kept, compared and written as A-labels. RFC 7622 section 3.2.1 would put U-labels
on the wire; the two stand for the same address, every peer must understand both after its own
preparation, and with a single form an address is equal to another exactly when its text is.
"""

from dataclasses import dataclass, field
from functools import total_ordering
from typing import final

from xmppd.stanza import prep
from xmppd.stanza._generations import Generations
from xmppd.stanza._parts import fits, quote

_MAX_ADDRESS = 3 * prep.MAX_BYTES + 2

# Longer texts are rare and are prepared anew each time: they cannot fill the memory.
_MAX_CACHED = 256


class JIDError(ValueError):
    """A text that is not an address; the message says why in plain words."""


@final
@total_ordering
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class JID:
    """An address, immutable and hashable; `text`, and so `str()`, is its normal form.

    `localpart` and `resourcepart` are "" where there is none; `domainpart` is an A-label name or an
    IP address. Text from outside becomes a JID by `JID.parse`, prepared parts by `JID.make`. Equal
    are those whose parts are equal; the order is that of the normal forms.
    """

    localpart: str
    domainpart: str
    resourcepart: str = ""
    text: str = field(init=False)
    _bare: "JID | None" = field(init=False, default=None)

    def __post_init__(self) -> None:
        text = f"{self.localpart}@{self.domainpart}" if self.localpart else self.domainpart
        if self.resourcepart:
            text = f"{text}/{self.resourcepart}"
        object.__setattr__(self, "text", text)

    @staticmethod
    def parse(text: str) -> "JID":
        """Parse an address of anybody, by the lenient rules of `prep`; raises JIDError.

        Whoever makes accounts or resources applies the strict rules of `prep` to the parts. An
        address seen lately costs one dict lookup.
        """
        if len(text) <= _MAX_CACHED:
            known = (_fulls if "/" in text else _bares).get(text)
            if known is not None:
                return known
        try:
            return _parse(text)
        except prep.PrepError as error:
            raise JIDError(str(error)) from None

    @staticmethod
    def make(localpart: str, domainpart: str, resourcepart: str = "") -> "JID":
        """Return the JID of parts that are already prepared; nothing is checked."""
        return JID(localpart, domainpart, resourcepart)

    @property
    def is_bare(self) -> bool:
        """Whether there is no resourcepart."""
        return not self.resourcepart

    @property
    def is_full(self) -> bool:
        """Whether there is a resourcepart."""
        return bool(self.resourcepart)

    @property
    def is_ascii(self) -> bool:
        """Whether all preparation rules there ever were agree on its localpart."""
        return self.localpart.isascii()

    @property
    def bare(self) -> "JID":
        """The JID without resourcepart: itself if it has none, always the same object."""
        if not self.resourcepart:
            return self
        bare = self._bare
        if bare is None:
            bare = _shared(JID(self.localpart, self.domainpart))
            object.__setattr__(self, "_bare", bare)
        return bare

    def with_resource(self, text: str) -> "JID":
        """Return this address with the resource `text`, leniently prepared; raises JIDError."""
        try:
            return _full(self.bare, text)
        except prep.PrepError as error:
            raise JIDError(str(error)) from None

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"JID({self.text!r})"

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        # Prepared parts hold no separator that could make two splits of one text.
        if self is other:
            return True
        return self.text == other.text if isinstance(other, JID) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self.text < other.text if isinstance(other, JID) else NotImplemented


_domains: Generations[str] = Generations(1024)
_bares: Generations[JID] = Generations(4096)
_fulls: Generations[JID] = Generations(4096)


def _parse(text: str) -> JID:
    if len(text) > _MAX_ADDRESS:
        raise JIDError(f"address is longer than {_MAX_ADDRESS} bytes: {quote(text)}")
    # The resource is split off first: it may hold any `@` and `/` (RFC 7622 section 3.2).
    head, slash, resource = text.partition("/")
    bare = _parse_bare(head)
    if not slash:
        return bare
    full = _full(bare, resource)
    _remember(_fulls, text, full)
    return full


def _parse_bare(text: str) -> JID:
    known = _bares.get(text)
    if known is not None:
        return known
    local, at, domain = text.partition("@")
    if at:
        jid = JID(prep.foreign_localpart(local), _domainpart(domain))
    else:
        jid = JID("", _domainpart(text))
    if jid.text != text:
        jid = _shared(jid)
    _remember(_bares, text, jid)
    return jid


def _full(bare: JID, resource: str) -> JID:
    full = JID(bare.localpart, bare.domainpart, prep.foreign_resourcepart(resource))
    object.__setattr__(full, "_bare", bare)
    return full


def _domainpart(text: str) -> str:
    known = _domains.get(text)
    if known is None:
        known = prep.foreign_domainpart(text)
        if fits(text, _MAX_CACHED):
            _domains.put(text, known)
    return known


def _shared(bare: JID) -> JID:
    known = _bares.get(str(bare))
    # Nothing is checked in `make`: what is not in normal form may find another address here.
    return known if known is not None and known == bare else bare


def _remember(cache: Generations[JID], text: str, jid: JID) -> None:
    if fits(text, _MAX_CACHED):
        cache.put(text, jid)
