"""Whether a client's certificate can be believed, and for whom (RFC 6120 sections 13.7.1, 13.7.2).

The handshake accepts every certificate (see `xmppd.net.tls`), so that an untrusted one costs the
client SASL EXTERNAL and not its connection; here it is judged afterwards (XEP-0178).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from xmppd.net.names import MALFORMED, xmpp_addresses
from xmppd.net.roots import (
    MAX_CHAIN,
    ChainError,
    Roots,
    has_weak_key,
    has_weak_signature,
    is_authority,
)

_TRUST_STORE = "the authorities whose client certificates are to be trusted"


@dataclass(frozen=True, slots=True)
class Judged:
    """What is thought of a certificate.

    `reason` says in a few words why it is not `valid`, "" if it is. `xmpp_addresses` are the
    XmppAddr identifiers, as they stand; there are none unless the certificate is valid, since an
    unverified one proves no address (RFC 6120 section 13.7.2.2.2).
    """

    valid: bool
    reason: str = ""
    xmpp_addresses: tuple[str, ...] = ()


class ClientTrust:
    """The authorities whose client certificates are believed, read once from a PEM file.

    Raises `CertificateError` when the file cannot be read or holds no certificate.
    """

    __slots__ = ("_roots",)

    def __init__(self, trust_store_file: str | os.PathLike[str]) -> None:
        self._roots = Roots.of_file(trust_store_file, _TRUST_STORE)

    def judge(self, chain: Sequence[bytes], now: datetime) -> Judged:
        """Judge a chain in DER, leaf first, as of `now`, an aware datetime. Never raises."""
        if not chain:
            return Judged(False, "no certificate was presented")
        if len(chain) > MAX_CHAIN:
            return Judged(False, f"the chain has more than {MAX_CHAIN} certificates")
        try:
            certificates = [x509.load_der_x509_certificate(der) for der in chain]
            reason = _unfit(certificates) or self._unverified(certificates, now)
        except MALFORMED:
            return Judged(False, "a certificate is malformed")
        if reason:
            return Judged(False, reason)
        return Judged(True, "", xmpp_addresses(certificates[0]))

    def _unverified(self, certificates: list[x509.Certificate], now: datetime) -> str:
        """Return why no path leads to an authority, "" if one does."""
        try:
            self._roots.path(certificates, now)
        except ChainError as error:
            return str(error)
        return ""


def judge_client_certificate(
    chain: Sequence[bytes], trust_store_file: str | os.PathLike[str], now: datetime
) -> Judged:
    """Judge one chain as `ClientTrust.judge` does; keep a `ClientTrust` to judge many."""
    return ClientTrust(trust_store_file).judge(chain, now)


def _unfit(certificates: list[x509.Certificate]) -> str:
    """Return what rules a chain out whoever signed it, "" if nothing does."""
    if is_authority(certificates[0]):
        return "the certificate is an authority's"  # RFC 6120 section 13.7.1.1, rule 2
    if any(map(_is_weak, certificates)):
        return "a key or signature in the chain is too weak"
    return ""


def _is_weak(certificate: x509.Certificate) -> bool:
    if has_weak_key(certificate):
        return True
    # A root is believed for being in the store; its own signature proves nothing.
    return certificate.issuer != certificate.subject and has_weak_signature(certificate)
