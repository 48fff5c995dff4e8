"""What ties a login to its TLS connection: channel bindings, seen from the server.

RFC 5929 (tls-server-end-point, tls-unique) and RFC 9266 (tls-exporter).
"""

from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from OpenSSL.crypto import FILETYPE_ASN1, dump_certificate

_EXPORTER_LABEL = b"EXPORTER-Channel-Binding"
_EXPORTER_LENGTH = 32
_CERTIFICATES = 256  # of ours, whose hashes are remembered


def channel_bindings(connection: SSL.Connection) -> dict[str, bytes]:
    """Return the binding data of a connection we accepted, by type, the preferred one first.

    Left out is what is not defined or not safe here: tls-unique from TLS 1.3 on, tls-exporter
    before, and tls-server-end-point for a certificate whose signature has no single hash function
    (Ed25519). Raises ValueError before the handshake is complete.
    """
    finished = connection.get_peer_finished()
    if finished is None:
        raise ValueError("channel bindings exist only after the handshake")
    bindings = {}
    if connection.get_protocol_version() >= SSL.TLS1_3_VERSION:
        exported = connection.export_keying_material(_EXPORTER_LABEL, _EXPORTER_LENGTH, b"")
        bindings["tls-exporter"] = bytes(exported)
    else:
        # RFC 9266 section 4.2 asks for the extended master secret below TLS 1.3, and pyOpenSSL
        # does not tell whether it was negotiated. tls-unique is safe without it where no session
        # is ever resumed; it is the client's Finished then (RFC 5929 section 3.1).
        bindings["tls-unique"] = finished
    own = connection.get_certificate()
    hashed = None if own is None else _end_point(dump_certificate(FILETYPE_ASN1, own))
    if hashed is not None:
        bindings["tls-server-end-point"] = hashed
    return bindings


@lru_cache(maxsize=_CERTIFICATES)
def _end_point(certificate: bytes) -> bytes | None:
    """Return `server_end_point` of a certificate in DER, which is the same at each login."""
    return server_end_point(x509.load_der_x509_certificate(certificate))


def server_end_point(certificate: x509.Certificate) -> bytes | None:
    """Return the tls-server-end-point data of a server certificate, None where it is undefined.

    The hash is that of the certificate's signature, MD5 and SHA-1 replaced by SHA-256
    (RFC 5929 section 4.1).
    """
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    if algorithm is None:
        return None
    if isinstance(algorithm, hashes.MD5 | hashes.SHA1):
        algorithm = hashes.SHA256()
    digest = hashes.Hash(algorithm)
    digest.update(certificate.public_bytes(Encoding.DER))
    return digest.finalize()
