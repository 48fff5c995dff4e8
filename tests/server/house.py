"""What the tests of commands share: a whole server on virtual time, in memory, without sockets."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from twisted.plugins import xmppd_builtin
from xmppd.api.commands import Command
from xmppd.api.sessions import SessionRecord
from xmppd.server.administration import commands
from xmppd.server.assemble import Server, build
from xmppd.server.collaborators import Collaborators
from xmppd.server.config import (
    HostConfig,
    ModulesConfig,
    SaslConfig,
    ServerConfig,
    StorageConfig,
    TlsConfig,
)
from xmppd.server.inventory import Inventory
from xmppd.service.control_messages import check_arguments
from xmppd.stanza.jid import JID
from xmppd.testing.collaborators import CountingEntropy, FixedWall, InlineWorkers
from xmppd.testing.connector import FakeConnector
from xmppd.testing.fake_session import FakeSession
from xmppd.testing.resolver import FixedResolver

INVENTORY = Inventory.of(vars(xmppd_builtin).values(), ("xmppd",))


def config(*hosts: HostConfig, data: Path = Path("/nowhere")) -> ServerConfig:
    """A server in memory; passwords cost as little as is allowed."""
    return ServerConfig(
        hosts=hosts or (HostConfig("example.org"), HostConfig("example.net")),
        data=data,
        tls=TlsConfig(development=True),
        sasl=SaslConfig(iterations=4096),
        storage=StorageConfig("memory"),
    )


class House:
    """A server whose storage is open, unless told otherwise; `run` has it do commands."""

    def __init__(
        self,
        *hosts: HostConfig,
        extra: Iterable[object] = (),
        data: Path = Path("/nowhere"),
        opened: bool = True,
    ) -> None:
        self.clock = Clock()
        self.wall = FixedWall()
        self.workers = InlineWorkers()
        self.resolver = FixedResolver()
        self.connector = FakeConnector()
        outside = Collaborators(
            self.clock,
            self.wall,
            CountingEntropy(),
            self.workers,
            lambda function, *arguments: function(*arguments),
            self.resolver,
            self.connector,
        )
        inventory = Inventory.of((*vars(xmppd_builtin).values(), *extra), ("xmppd",))
        self.server: Server = build(config(*hosts, data=data), inventory, outside)
        if opened:
            self.server.open_storage()
        self.commands: dict[str, Command] = {each.name: each for each in commands(self.server)}

    def run(self, name: str, **arguments: Any) -> Any:
        """Run a command until it is done and return its result, or raise what it raises."""
        command = self.commands[name]
        outcome: list[Any] = []
        running = maybeDeferred(command.run, **check_arguments(command, arguments))
        running.addBoth(outcome.append)
        for _ in range(10):
            self.clock.advance(0)
        (result,) = outcome
        if isinstance(result, Failure):
            result.raiseException()
        return result

    def login(self, address: str) -> FakeSession:
        """Bind a session at that full address; it needs no account."""
        jid = JID.parse(address)
        domain = self.server.hosts[jid.domainpart].local.accounts_domain
        now = self.wall.now()
        record = SessionRecord(jid, self.server.cluster.node, since=now, active=now)
        session = FakeSession(
            jid, record, domain, self.server.clients.gate, lambda: self.clock.advance(0)
        )
        opening: list[object] = []
        domain.open(session).addBoth(opening.append)
        assert opening == [None]
        session.start()
        return session


def switched_off(*names: str) -> ModulesConfig:
    """A host's modules without these."""
    return ModulesConfig(disable=names)
