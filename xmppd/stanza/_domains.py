"""Domainparts in one comparable form (RFC 7622 section 3.2, RFC 5891, UTS 46, RFC 5952).

A name becomes its lower-case A-labels without the final dot, an address its normal form. Names keep
to the limits of the DNS (RFC 1034 section 3.1), which RFC 7622 leaves in force: 63 octets in a
label, 253 in a name.
"""

import ipaddress
import re
from collections.abc import Callable
from functools import partial

import idna

from xmppd.stanza._parts import PrepError, check_length, quote

_PART = "domainpart"
_MAX_NAME = 253
_MAX_LABEL = 63

# The separators of UTS 46; the mapping turns all but the first into it.
_DOTS = ".\u3002\uff0e\uff61"

_LABEL = r"(?!..--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"

# RFC 1123 2.1: no host name ends in a number. What looks like one is an address or nothing, else
# `127.1` or `0x7f000001` would be names here and addresses of this host to the resolver.
_NUMBER = r"(?:[0-9]+|0[Xx][0-9A-Fa-f]*)"
_ENDS_IN_NUMBER = re.compile(rf"(?:.*\.)?{_NUMBER}")

_PLAIN = re.compile(rf"(?:{_LABEL}\.)*(?!{_NUMBER}\Z){_LABEL}")
_LDH_UNDERSCORE = re.compile("[a-z0-9_-]{1,63}")
_SERVICE_LABEL = re.compile(r"(?!..--)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


def domainpart(text: str, *, underscores: bool = False) -> str:
    """Prepare the name of a domain of ours: lower-case A-labels, or an IP address in normal form.

    A-labels and U-labels give the same result; one final dot is dropped. IPv6 addresses are written
    in brackets and have no zone, since a zone means something to one host only. `underscores`
    allows `_` in ASCII labels. Raises PrepError.
    """
    return _prepare(text, _service_label if underscores else _strict_label)


def foreign_domainpart(text: str) -> str:
    """Prepare the name of somebody else's domain, as `domainpart` does where IDNA2008 allows.

    A label IDNA2008 refuses is lower-cased if it consists of ASCII letters, digits, `-` and `_`;
    anything else raises PrepError.
    """
    return _prepare(text, _foreign_label)


def _prepare(text: str, label: Callable[[str], str]) -> str:
    if len(text) <= _MAX_NAME and _PLAIN.fullmatch(text):
        return text.lower()
    check_length(_PART, text)
    undotted = text[:-1] if text[-1] in _DOTS else text
    try:
        if undotted.startswith("["):
            return _ipv6(undotted)
        return _name(undotted, label)
    except ValueError:
        raise PrepError(f"{_PART} is neither a domain name nor an address: {quote(text)}") from None


def _name(text: str, label: Callable[[str], str]) -> str:
    mapped = idna.uts46_remap(text, std3_rules=False)
    prepared = ".".join(map(label, mapped.split(".")))
    if len(prepared) > _MAX_NAME:
        raise ValueError("name too long for the DNS")
    if _ENDS_IN_NUMBER.fullmatch(prepared):
        return str(ipaddress.IPv4Address(prepared))
    return prepared


def _ipv6(text: str) -> str:
    if not text.endswith("]") or "%" in text:
        raise ValueError("no IPv6 address in brackets, or one with a zone")
    address = ipaddress.IPv6Address(text[1:-1])
    # Python 3.13 changed how it writes these (RFC 5952 section 5); the form here must not change.
    mapped = address.ipv4_mapped
    return f"[::ffff:{mapped}]" if mapped else f"[{address.compressed}]"


def _strict_label(label: str) -> str:
    # A label of more characters cannot fit, and IDNA would spend milliseconds to find out.
    if len(label) > _MAX_LABEL:
        raise ValueError("label too long")
    return idna.alabel(label).decode("ascii")


def _tolerant_label(tolerated: re.Pattern[str], label: str) -> str:
    try:
        return _strict_label(label)
    except ValueError:
        if tolerated.fullmatch(label):
            return label
        raise


_service_label = partial(_tolerant_label, _SERVICE_LABEL)
_foreign_label = partial(_tolerant_label, _LDH_UNDERSCORE)
