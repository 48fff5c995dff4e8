"""The messages of SCRAM: reading the client's, writing the server's (RFC 5802 section 7)."""

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field

CLIENT_FIRST_BYTES = 4096
"""The longest client-first message read: room for the longest JID as authzid, and a long nonce."""

CLIENT_FINAL_BYTES = 8192
"""The longest client-final message read: it repeats the header of the first one in base64."""

_SASLNAME = rb"(?:[^\0=,]|=2C|=3D)+"
_NONCE = rb"[\x21-\x2b\x2d-\x7e]+"
_BASE64 = rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)?"
_EXTENSIONS = rb"(?P<extensions>(?:,[A-Za-z]=[^\0,]+)*)"

_GS2_HEADER = re.compile(
    rb"(?:(?P<flag>[ny])|p=(?P<binding>[A-Za-z0-9.-]+)),(?:a=(?P<authzid>%b))?," % _SASLNAME
)
_FIRST_BARE = re.compile(rb"n=(?P<name>%b),r=(?P<nonce>%b)%b" % (_SASLNAME, _NONCE, _EXTENSIONS))
_FINAL = re.compile(
    rb"(?P<bare>c=(?P<binding>%b),r=(?P<nonce>%b)%b),p=(?P<proof>%b)"
    % (_BASE64, _NONCE, _EXTENSIONS, _BASE64)
)

# Attributes with a meaning and a place of their own: as an extension each is an error, `m` because
# it announces what we would have to understand (RFC 5802 section 5.1).
_NOT_EXTENSIONS = frozenset(b"aceimnprsv")


class ScramSyntaxError(ValueError):
    """A message that is not what the grammar says; its text tells a person, quoting nothing."""


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """The client's first message.

    - `binding`: the channel-binding type of the flag `p=`; "n" and "y" are in `flag`, which is "p"
      otherwise.
    - `authzid`: unescaped, "" if absent. `username`: unescaped, not prepared.
    - `header`: the GS2 header, and `bare`: the rest, both as received, as they are hashed.
    """

    flag: str
    binding: str
    authzid: str
    username: str
    nonce: bytes = field(repr=False)
    header: bytes = field(repr=False)
    bare: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientFinal:
    """The client's last message.

    `binding` is still in base64, `proof` is decoded; `bare` is the message without the proof.
    """

    binding: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    proof: bytes = field(repr=False)
    bare: bytes = field(repr=False)


def read_client_first(data: bytes) -> ClientFirst:
    """Parse a client-first message; raises `ScramSyntaxError`."""
    _check_text(data, CLIENT_FIRST_BYTES)
    header = _GS2_HEADER.match(data)
    if header is None:
        raise ScramSyntaxError("The GS2 header is malformed.")
    bare = data[header.end() :]
    if bare.startswith(b"m="):
        raise ScramSyntaxError("Mandatory extensions are not supported.")
    first = _FIRST_BARE.fullmatch(bare)
    if first is None:
        raise ScramSyntaxError("The first message is malformed.")
    _check_extensions(first["extensions"])
    return ClientFirst(
        flag=(header["flag"] or b"p").decode(),
        binding=(header["binding"] or b"").decode(),
        authzid=_unescape(header["authzid"] or b""),
        username=_unescape(first["name"]),
        nonce=first["nonce"],
        header=header[0],
        bare=bare,
    )


def read_client_final(data: bytes) -> ClientFinal:
    """Parse a client-final message; raises `ScramSyntaxError`."""
    _check_text(data, CLIENT_FINAL_BYTES)
    final = _FINAL.fullmatch(data)
    if final is None:
        raise ScramSyntaxError("The final message is malformed.")
    _check_extensions(final["extensions"])
    proof = b64decode(final["proof"])
    if b64encode(proof) != final["proof"]:
        # RFC 5802 section 2.1 allows the canonical form only: no stray bits in the padding.
        raise ScramSyntaxError("The proof is not canonical base64.")
    return ClientFinal(final["binding"], final["nonce"], proof, final["bare"])


def write_server_first(
    nonce: bytes, salt: bytes, iterations: int, fingerprint: bytes | None
) -> bytes:
    """The server-first message; `nonce` is both parts, `fingerprint` the `h` of XEP-0474."""
    message = b"r=%b,s=%b,i=%d" % (nonce, b64encode(salt), iterations)
    return message if fingerprint is None else message + b",h=" + fingerprint


def write_server_final(signature: bytes) -> bytes:
    """The server-final message of an exchange that succeeded."""
    return b"v=" + b64encode(signature)


def _check_text(data: bytes, limit: int) -> None:
    if len(data) > limit:
        raise ScramSyntaxError("The message is too long.")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise ScramSyntaxError("The message is not UTF-8.") from error


def _check_extensions(extensions: bytes) -> None:
    for extension in extensions.split(b",")[1:]:
        if extension[0] in _NOT_EXTENSIONS:
            raise ScramSyntaxError("An attribute is not where it belongs or not supported.")


def _unescape(saslname: bytes) -> str:
    # The comma first: "=3D2C" stands for "=2C".
    return saslname.replace(b"=2C", b",").replace(b"=3D", b"=").decode()
