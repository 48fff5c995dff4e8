"""The command `check`: what an operator should know before users find out.

It looks at certificates, file rights, ports and the DNS (RFC 6120 section 3.2, XEP-0368). The
configuration itself has been checked by the time anything here runs.
"""

import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path

from xmppd.api.commands import Command
from xmppd.net.certificates import CertificateError, load_identity
from xmppd.server.components import SecretError, read_secrets
from xmppd.server.config import ComponentConfig, HostConfig, ServerConfig
from xmppd.server.stores import database_file

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found; `finding` is one sentence."""

    level: Level
    finding: str


class NoAnswer(Exception):
    """The DNS could not be asked; `args[0]` says why."""


Services = Callable[[str], Awaitable[Sequence[tuple[str, int]]]]
"""Finds the (host, port) pairs of an SRV name, the preferred first; raises `NoAnswer`."""


@dataclass(frozen=True, slots=True)
class Check:
    """What the command asks of its surroundings.

    - `now`: the time of day, aware.
    - `port_trouble(address, port)`: why that port could not be had, "" if it can be or is ours.
    """

    config: ServerConfig
    now: Callable[[], datetime]
    port_trouble: Callable[[str, int], str]
    services: Services

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
        for host in self.config.hosts:
            found += self._certificate(host)
            found += [finding async for finding in self._names(host)]
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
            for port in filter(None, (listen.c2s, listen.c2s_tls)):
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

    def _certificate(self, host: HostConfig) -> Iterator[Finding]:
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
        warnings = identity.warnings(self.now())
        yield from (Finding(Level.WARN, warning) for warning in warnings)
        if not warnings:
            until = f"{identity.not_after:%Y-%m-%d}"
            yield Finding(Level.OK, f"{host.name}: its certificate is valid until {until}.")

    async def _names(self, host: HostConfig) -> AsyncIterator[Finding]:
        if self.config.tls.development or _is_address(host.name):
            return
        listen = self.config.listen
        if listen.c2s:
            yield await self._service(f"_xmpp-client._tcp.{host.name}", listen.c2s, 5222)
        if listen.c2s_tls:
            yield await self._service(f"_xmpps-client._tcp.{host.name}", listen.c2s_tls, None)

    async def _service(self, name: str, port: int, default: int | None) -> Finding:
        """Compare an SRV record with our port; without one, clients try `default`, if any."""
        try:
            targets = await self.services(name)
        except NoAnswer as error:
            return Finding(Level.WARN, f"{name}: could not be looked up ({error}).")
        if not targets:
            level = Level.OK if port == default else Level.WARN
            tried = f"clients try port {default} of the host" if default else "clients do not try"
            return Finding(level, f"{name}: there is no SRV record, so {tried}.")
        if targets[0][0] in ("", "."):
            return Finding(Level.ERROR, f"{name}: the SRV record says there is no such service.")
        shown = ", ".join(f"{target} port {number}" for target, number in targets)
        if any(number != port for _, number in targets):
            return Finding(Level.WARN, f"{name}: leads to {shown}; we listen on port {port}.")
        return Finding(Level.OK, f"{name}: leads to {shown}.")


def _is_address(name: str) -> bool:
    try:
        return bool(ip_address(name.strip("[]")))
    except ValueError:
        return False
