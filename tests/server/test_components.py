"""What a configuration says of components, and the commands about them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.component.house import HOST, IRC, PLAYS, ComponentCase
from tests.server.house import House, config
from twisted.plugins import xmppd_builtin
from xmppd.api.registrations import Item
from xmppd.component.factory import ComponentFactory
from xmppd.routing.registry import RegistrationError
from xmppd.server.assemble import Server, build
from xmppd.server.component_commands import ComponentCommands, ComponentRow
from xmppd.server.components import SecretError, component_settings, listed, read_secrets
from xmppd.server.config import (
    ComponentConfig,
    HostConfig,
    LimitsConfig,
    ListenConfig,
    ServerConfig,
)
from xmppd.server.inventory import Inventory
from xmppd.service.commands import all_commands
from xmppd.stanza.jid import JID


class SecretTests(SynchronousTestCase):
    """Secrets, in the configuration and in files."""

    def setUp(self) -> None:
        self.file = Path(self.mktemp()).absolute()
        self.inside = ComponentConfig(IRC, "hush \u00e4")
        self.outside = ComponentConfig(PLAYS, secret_file=self.file)

    def test_both(self) -> None:
        for written in (b"shh", b"shh\n", b"shh\r\n"):
            self.file.write_bytes(written)
            self.assertEqual(
                read_secrets([self.inside, self.outside]),
                {IRC: "hush \u00e4".encode(), PLAYS: b"shh"},
            )

    def test_spaces_are_part_of_it(self) -> None:
        self.file.write_bytes(b" s h \n")
        self.assertEqual(read_secrets([self.outside]), {PLAYS: b" s h "})

    def test_files_that_cannot_be(self) -> None:
        for written, why in (
            (None, "cannot be read (No such file or directory)"),
            (b"", "is empty; put the component's secret there"),
            (b"\n\n", "is empty; put the component's secret there"),
            (b"hush\nhush\n", "is no secret, which is one line"),
            (b"hush" * 2_000, "is no secret, which is one line"),
        ):
            if written is not None:
                self.file.write_bytes(written)
            error = self.assertRaises(SecretError, read_secrets, [self.outside])
            self.assertEqual(str(error), f"{self.file}: {why}")

    def test_no_secret_in_a_repr(self) -> None:
        self.assertNotIn("hush", repr(self.inside))


class SettingsTests(SynchronousTestCase):
    """What of the configuration concerns components gets there."""

    def test_each(self) -> None:
        limits = LimitsConfig(
            stanza_bytes_before_login=10_001,
            tag_bytes=2_000,
            depth=11,
            attributes=12,
            children=13,
            elements=14,
            slow_reader_seconds=15.0,
            negotiation_seconds=16.0,
            unauthenticated_per_address=17,
            idle_seconds=18.0,
            answer_seconds=19.0,
            component_stanza_bytes=20_000,
            component_backlog_bytes=21_000,
            component_inbox_stanzas=22,
            component_inbox_bytes=23_000,
        )
        settings = component_settings(ServerConfig(limits=limits))
        parser = settings.limits.parser
        self.assertEqual(
            (parser.stanza, parser.tag, parser.depth, parser.attributes, parser.children),
            (20_000, 2_000, 11, 12, 13),
        )
        self.assertEqual((parser.elements, settings.limits.unauthenticated), (14, 10_001))
        self.assertEqual((settings.slow_reader_seconds, settings.negotiation_seconds), (15.0, 16.0))
        self.assertEqual((settings.strangers, settings.idle_seconds), (17, 18.0))
        self.assertEqual((settings.answer_seconds, settings.backlog_bytes), (19.0, 21_000))
        self.assertEqual((settings.inbox_stanzas, settings.inbox_bytes), (22, 23_000))


class ListedTests(SynchronousTestCase):
    """Which host lists which component."""

    def test_the_nearest_host_above(self) -> None:
        hosts = tuple(map(HostConfig, ("example.org", "a.example.org", "example.net")))
        names = (
            "irc.example.org",
            "irc.a.example.org",
            "x.y.example.org",
            "irc.example",
            "aexample.org",
        )
        components = tuple(ComponentConfig(name, "a") for name in names)
        hidden = ComponentConfig("hidden.example.net", "a", listed=False)
        config = ServerConfig(hosts=hosts, components=(*components, hidden))
        self.assertEqual(
            dict(listed(config)),
            {
                "example.org": [_item("irc.example.org"), _item("x.y.example.org")],
                "a.example.org": [_item("irc.a.example.org")],
            },
        )


def _item(domain: str) -> Item:
    return Item(JID.parse(domain))


class AssemblyTests(SynchronousTestCase):
    """Components in a whole server."""

    def server(self, *components: ComponentConfig, **listen: int | tuple[str, ...]) -> Server:
        house = House()
        wanted = replace(
            config(HostConfig(HOST)),
            components=components,
            listen=ListenConfig(("127.0.0.1",), 5222, 0, 0, 0, **listen),  # type: ignore[arg-type]
        )
        inventory = Inventory.of(vars(xmppd_builtin).values(), ("xmppd",))
        return build(wanted, inventory, house.server.outside)

    def ports(self, server: Server) -> list[tuple[str, str, int]]:
        return [(spec.label, spec.interface, spec.port) for spec in server.ports()]

    def test_ports(self) -> None:
        clients = ("clients", "127.0.0.1", 5222)
        irc = ComponentConfig(IRC, "a")
        self.assertEqual(self.ports(self.server()), [clients])
        self.assertEqual(self.ports(self.server(irc, components=0)), [clients])
        self.assertEqual(self.ports(self.server(irc)), [clients, ("components", "127.0.0.1", 5347)])
        everywhere = self.server(irc, components=1, component_addresses=("*",))
        self.assertEqual(
            self.ports(everywhere), [clients, ("components", "", 1), ("components", "::", 1)]
        )
        self.assertIsInstance(everywhere.ports()[-1].factory, ComponentFactory)

    def test_domains_that_are_taken(self) -> None:
        for name in (HOST, IRC):
            components = [ComponentConfig(name, "a")] * 2
            if name == HOST:
                error = self.assertRaises(RegistrationError, self.server, *components)
                self.assertIn(f"{HOST} is a host and a component as well", str(error))
            else:
                self.assertEqual(list(self.server(*components).components.domains), [IRC])

    def test_secrets_are_read_with_the_certificates(self) -> None:
        file = Path(self.mktemp()).absolute()
        server = self.server(ComponentConfig(IRC, secret_file=file))
        in_clear = replace(server.config.tls, required=False, development=False)
        server.config = replace(server.config, tls=in_clear)
        self.assertRaises(SecretError, server.load_certificates)
        file.write_text("first")
        server.load_certificates()
        self.assertEqual(server.components.secrets, {IRC: b"first"})
        file.write_text("second")
        self.assertEqual(server.reload().errors, ())
        self.assertEqual(server.components.secrets, {IRC: b"second"})
        file.unlink()
        (error,) = server.reload().errors
        self.assertIn("cannot be read", error)
        self.assertEqual(server.components.secrets, {IRC: b"second"})


class CommandTests(ComponentCase):
    """`component list` and `status`."""

    def test_list(self) -> None:
        commands = ComponentCommands(self.house.server.components)
        (command,) = commands.commands()
        self.assertEqual(command.run, commands.show)
        absent = ComponentRow(IRC, "", "", 0)
        self.assertEqual(commands.show(), [ComponentRow(PLAYS, "", "", 0), absent])
        plays = self.house.component()
        row = ComponentRow(PLAYS, "2026-01-01T12:00:00Z", "127.0.0.1", 0)
        self.assertEqual(commands.show(), [row, absent])
        plays.stops_reading()
        self.house.login().sends(f"<message to='{PLAYS}'/>")
        queued = commands.show()[0].queued
        self.assertGreater(queued, 100)
        self.assertEqual(commands.show(), [replace(row, queued=queued), absent])
        plays.hangs_up()
        self.assertEqual(commands.show(), [ComponentRow(PLAYS, "", "", 0), absent])

    def test_status(self) -> None:
        commands = all_commands(self.house.server, self.house.server.reload, lambda a, p: "")
        status: Any = next(each.run for each in commands if each.name == "status")
        self.assertEqual(status().components, ())
        self.house.component()
        self.assertEqual(status().components, (PLAYS,))
        self.assertIn("component list", [each.name for each in commands])
