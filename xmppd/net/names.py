"""The names a certificate speaks for (RFC 6125; RFC 6120 sections 13.7.1.2 to 13.7.1.4).

Whoever asks gets what could be read: an identifier that is malformed is left out, a certificate
whose extensions are malformed speaks for nobody. The common name of the subject never counts.
"""

from ipaddress import IPv4Address, IPv6Address

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

XMPP_ADDRESS = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.5")
"""id-on-xmppAddr, an otherName holding a UTF8String (RFC 6120 section 13.7.1.4)."""

SRV_NAME = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.7")
"""id-on-dnsSRV, an otherName holding an IA5String (RFC 4985)."""

MALFORMED = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises for certificates, or parts of them, that it cannot read."""

_CLIENT_SERVICE = "_xmpp-client."
_UTF8_STRING = 0x0C
_IA5_STRING = 0x16


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the hosts the certificate lets a server speak for to clients, each once.

    Hosts are lower-case A-labels without a final dot. They come from dNSName (the only ones that
    may start with the wildcard label `*`), from SRVName of the service `_xmpp-client`, and from
    XmppAddr without a localpart.
    """
    found = [host.lower().rstrip(".") for host in dns_names(certificate)]
    found += [host for host in _other_hosts(certificate) if "*" not in host]
    return tuple(dict.fromkeys(found))


def dns_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the certificate's dNSName identifiers as they stand."""
    names = _alternative_names(certificate)
    return () if names is None else tuple(names.get_values_for_type(x509.DNSName))


def srv_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the certificate's SRVName identifiers as they stand: "_xmpp-server.example.org"."""
    return _other_names(certificate, SRV_NAME, _IA5_STRING, "ascii")


def ip_addresses(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the certificate's IP addresses; networks, which name nobody, are left out."""
    names = _alternative_names(certificate)
    found = [] if names is None else names.get_values_for_type(x509.IPAddress)
    return tuple(str(each) for each in found if isinstance(each, IPv4Address | IPv6Address))


def xmpp_addresses(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the certificate's XmppAddr identifiers as they stand: JIDs not yet prepared."""
    return _other_names(certificate, XMPP_ADDRESS, _UTF8_STRING, "utf-8")


def covers(pattern: str, host: str) -> bool:
    """Tell whether `pattern`, one of `names_of`, speaks for `host`, a lower-case A-label.

    A wildcard stands for exactly one whole label, the leftmost (RFC 6125 section 6.4.3).
    """
    if not pattern.startswith("*."):
        return pattern == host
    label, _, parent = host.partition(".")
    return label != "" and parent == pattern[2:]


def _other_hosts(certificate: x509.Certificate) -> list[str]:
    hosts = [
        name[len(_CLIENT_SERVICE) :]
        for name in srv_names(certificate)
        if name.lower().startswith(_CLIENT_SERVICE)
    ]
    hosts += [name for name in xmpp_addresses(certificate) if "@" not in name and "/" not in name]
    return [host.lower().rstrip(".") for host in hosts]


def _other_names(
    certificate: x509.Certificate, kind: x509.ObjectIdentifier, tag: int, encoding: str
) -> tuple[str, ...]:
    names = _alternative_names(certificate)
    if names is None:
        return ()
    values = [
        _der_text(tag, encoding, name.value)
        for name in names.get_values_for_type(x509.OtherName)
        if name.type_id == kind
    ]
    return tuple(value for value in values if value is not None)


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, *MALFORMED):
        return None


def _der_text(tag: int, encoding: str, value: bytes) -> str | None:
    """Return the text of the one DER string that fills `value`, None where it is none."""
    length = int.from_bytes(value[1:2], "big")
    start = 2 + (length & 0x7F if length & 0x80 else 0)
    body = value[start:]
    # DER allows one form of the length only, so writing it again shows whether it was right.
    if value[:start] != bytes((tag,)) + _der_length(len(body)):
        return None
    try:
        return body.decode(encoding)
    except UnicodeDecodeError:
        return None


def _der_length(length: int) -> bytes:
    if length < 0x80:
        return bytes((length,))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets
