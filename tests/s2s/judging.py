"""Certificates that are judged, for the tests of xmppd.s2s.trust."""

from dataclasses import replace

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from OpenSSL import crypto

from tests.net.pki import (
    DAY,
    NOW,
    Issued,
    authority,
    rsa_key,
)
from xmppd.net.roots import Roots
from xmppd.s2s.trust import Judgement, judge

DOMAIN = "example.net"


def believing(*believed: Issued) -> Roots:
    return Roots(crypto.X509.from_cryptography(one.certificate) for one in believed)


def look(issued: Issued, domain: str = DOMAIN, roots: Roots | None = None) -> Judgement:
    """Judge what was issued, where the authority of the tests is believed."""
    return judge(issued.chain_der, domain, roots or believing(authority()), NOW)


def below(issued: Issued, *above: Issued) -> Issued:
    """Return it as it is sent, with those above it."""
    return replace(issued, above=tuple(one.certificate for one in above))


def custom(
    usages: list[x509.ObjectIdentifier] | None = None,
    issuer: x509.Name | None = None,
    critical: bool = False,
) -> Issued:
    """Return a certificate for the domain with these extended key usages, or no such extension."""
    root, key = authority(), rsa_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(root.certificate.subject if issuer is None else issuer)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(DOMAIN)]), critical=critical)
    )
    if usages is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=critical)
    return Issued(builder.sign(root.key, SHA256()), key)
