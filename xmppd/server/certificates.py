"""The certificates of a server's hosts: where they are, and how they are read."""

from datetime import datetime

from twisted.logger import Logger

from xmppd.net.certificates import CertificateError, Identity, load_identity
from xmppd.net.development import ensure_development_identity
from xmppd.server.config import ServerConfig

_log = Logger()


def load_identities(config: ServerConfig, now: datetime) -> dict[str, Identity]:
    """Return the certificate of each host that has one.

    Development certificates are made, and logged, where the configuration asks for them. Raises
    `CertificateError` for the first that cannot serve.
    """
    made = _development(config, now)
    identities: dict[str, Identity] = {}
    for host in config.hosts:
        files = config.identity_files(host)
        if files is not None:
            identities[host.name] = load_identity(files[0], files[1], [host.name], now)
        elif host.name in made:
            identities[host.name] = made[host.name]
        elif config.tls_required(host):
            raise CertificateError(
                f"{host.name}: there is no certificate for this host, though its clients must use "
                "TLS; name its files in the configuration, or set tls.development."
            )
    return identities


def _development(config: ServerConfig, now: datetime) -> dict[str, Identity]:
    names = [host.name for host in config.hosts if config.identity_files(host) is None]
    if not config.tls.development or not names:
        return {}
    directory = config.development_directory
    try:
        files = ensure_development_identity(directory, names, now)
    except OSError as error:
        raise CertificateError(
            f"{error.filename or directory}: development certificates cannot be kept there "
            f"({error.strerror}); the server's user must be able to read and write them."
        ) from None
    if files.ca in files.created:
        _log.info("made a development authority; clients must trust {file}", file=files.ca)
    if files.chain in files.created:
        _log.info("made a development certificate: {file}", file=files.chain)
    identity = load_identity(files.chain, files.key, names, now)
    return dict.fromkeys(names, identity)


def expiring(config: ServerConfig, identities: dict[str, Identity], now: datetime) -> list[str]:
    """Return a sentence for each certificate that should be looked after."""
    seen: dict[str, None] = {}
    for host in config.hosts:
        identity = identities.get(host.name)
        if identity is not None:
            seen.update(dict.fromkeys(identity.warnings(now)))
    return list(seen)
