"""The command `check`: what an operator should know before users find out.

It looks at certificates, file rights and ports, and has `published` look at the DNS. The
configuration itself has been checked by the time anything here runs.
"""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

from xmppd.api.commands import Command
from xmppd.api.network import IResolver
from xmppd.net.certificates import CertificateError, Identity, load_identity
from xmppd.net.roots import Flaw, Roots
from xmppd.s2s.trust import judge
from xmppd.server.components import SecretError, read_secrets
from xmppd.server.config import ComponentConfig, HostConfig, ServerConfig
from xmppd.server.findings import Finding, Level
from xmppd.server.published import offers, published
from xmppd.server.stores import database_file

_NOBODY = (
    "There is no list of authorities, so no other server is believed; install one (on Debian, the "
    "package ca-certificates), or name a file in s2s.ca."
)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Check:
    """What the command asks of its surroundings.

    - `now`: the time of day, aware.
    - `port_trouble(address, port)`: why that port could not be had, "" if it can be or is ours.
    - `authorities()`: whose certificates this server believes; may raise `CertificateError`.
    """

    config: ServerConfig
    now: Callable[[], datetime]
    port_trouble: Callable[[str, int], str]
    resolver: IResolver
    authorities: Callable[[], Roots]

    def command(self) -> Command:
        """Return the command; it works without a running server, too."""
        return Command(
            "check",
            "Look for trouble with certificates, files, ports and the DNS.",
            self.run,
            list[Finding],
            offline=True,
            opens_data=False,
        )

    async def run(self) -> list[Finding]:
        """Look at everything."""
        found = [*self._data(), *self._ports(), *self._components()]
        roots = Roots(())
        try:
            roots = self.authorities()
        except CertificateError as error:
            found.append(Finding(Level.ERROR, str(error)))
        else:
            if self.config.s2s.enable and not roots:
                found.append(Finding(Level.ERROR, _NOBODY))
        for host in self.config.hosts:
            found += self._certificate(host, roots)
        if not self.config.tls.development:  # which is of no use to the public
            found += await published(offers(self.config), self.resolver)
        return found

    def _data(self) -> Iterator[Finding]:
        path = self.config.data
        try:
            mode = path.stat().st_mode
        except OSError as error:
            if path.is_symlink():
                leads = f"{path}: is a symbolic link to {path.readlink()}, which is not there."
                yield Finding(Level.ERROR, leads)
            else:
                yield Finding(Level.WARN, f"{path}: is not there yet ({error.strerror}).")
            return
        if not stat.S_ISDIR(mode):
            yield Finding(Level.ERROR, f"{path}: is no directory; data cannot be kept there.")
        elif not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            yield Finding(Level.ERROR, f"{path}: is not this user's to read and write.")
        elif mode & _OTHERS:
            yield Finding(
                Level.WARN, f"{path}: others may look into it; take that right away (chmod 700)."
            )
        else:
            yield Finding(Level.OK, f"{path}: is for the server alone.")
        yield from self._database()

    def _database(self) -> Iterator[Finding]:
        """Look at the files of the database; without one, there is nothing to say of them."""
        database = database_file(self.config)
        sides = ("", "-wal", "-shm")  # what SQLite keeps beside it holds data, too
        for path in () if database is None else (Path(f"{database}{side}") for side in sides):
            try:
                mode = path.stat().st_mode
            except OSError:
                continue
            if mode & _OTHERS:
                what = "others may use it; take that right away (chmod 600)."
                yield Finding(Level.WARN, f"{path}: {what}")
            elif not os.access(path, os.R_OK | os.W_OK):
                yield Finding(Level.ERROR, f"{path}: is not this user's to read and write.")
            elif path == database:
                yield Finding(Level.OK, f"{path}: is for the server alone.")

    def _ports(self) -> Iterator[Finding]:
        listen = self.config.listen
        for address in listen.addresses:
            servers = (listen.s2s, listen.s2s_tls) if self.config.s2s.enable else ()
            for port in filter(None, (listen.c2s, listen.c2s_tls, *servers)):
                yield self._port(address, port)
        if self.config.components:
            for address in listen.component_addresses:
                yield self._port(address, listen.components)

    def _port(self, address: str, port: int) -> Finding:
        trouble = self.port_trouble(address, port)
        if trouble:
            return Finding(Level.ERROR, f"{address} port {port}: {trouble}.")
        return Finding(Level.OK, f"{address} port {port}: nobody else has it.")

    def _components(self) -> Iterator[Finding]:
        """Look at the components' secrets, and who could read along (XEP-0114 has no TLS)."""
        listen = self.config.listen
        for address in listen.component_addresses if self.config.components else ():
            if address == "*" or not ip_address(address).is_loopback:
                what = "components connect in clear; keep others out of that network."
                yield Finding(Level.WARN, f"{address} port {listen.components}: {what}")
        for component in self.config.components:
            yield self._secret(component)

    def _secret(self, component: ComponentConfig) -> Finding:
        try:
            read_secrets([component])
        except SecretError as error:
            return Finding(Level.ERROR, f"{error}.")
        path = component.secret_file
        if path is not None and path.stat().st_mode & stat.S_IRWXO:  # its group may be the server's
            what = "everybody may read the secret in it; take that right away (chmod o=)."
            return Finding(Level.WARN, f"{path}: {what}")
        return Finding(Level.OK, f"{component.name}: the component has a secret.")

    def _certificate(self, host: HostConfig, roots: Roots) -> Iterator[Finding]:
        files = self.config.identity_files(host)
        if files is None:
            what = (
                "has a development certificate, which only those who know its authority believe."
                if self.config.tls.development
                else "has no certificate, so its streams cannot be encrypted."
            )
            yield Finding(Level.WARN, f"{host.name}: {what}")
            return
        try:
            identity = load_identity(*files, [host.name], self.now())
        except CertificateError as error:
            yield Finding(Level.ERROR, str(error))
            return
        warnings = (*identity.warnings(self.now()), *self._doubts(host, identity, roots))
        yield from (Finding(Level.WARN, warning) for warning in warnings)
        if not warnings:
            until = f"{identity.not_after:%Y-%m-%d}"
            yield Finding(Level.OK, f"{host.name}: its certificate is valid until {until}.")

    def _doubts(self, host: HostConfig, identity: Identity, roots: Roots) -> Iterator[str]:
        """Yield why others may not believe the certificate, as far as it is seen from here."""
        own = identity.chain[0]
        if not roots or own.issuer == own.subject:  # the latter is warned of already
            return
        judgement = judge(identity.encoded(), host.name, roots, self.now())
        if judgement.valid:
            return
        doubt = f"{identity.chain_file}: others may not believe it: {judgement.reason}."
        if judgement.flaw is Flaw.UNKNOWN_AUTHORITY:
            doubt += " Put those in between into the file, behind the certificate."
        yield doubt
