"""The whole server, put together: ports, certificates, going up and down."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import ILoggingContext
from twisted.internet.testing import StringTransport
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.server.house import House
from twisted.plugins import xmppd_builtin
from xmppd.api.auth import IPasswords
from xmppd.api.registrations import Every
from xmppd.c2s.factory import ClientFactory
from xmppd.c2s.settings import ConflictPolicy
from xmppd.net.certificates import CertificateError
from xmppd.net.development import ensure_development_identity
from xmppd.server.assemble import Server, build, client_settings
from xmppd.server.certificates import expiring, load_identities
from xmppd.server.collaborators import Collaborators
from xmppd.server.config import (
    ComponentConfig,
    HostConfig,
    LimitsConfig,
    ListenConfig,
    SaslConfig,
    ServerConfig,
    ServersConfig,
    StorageConfig,
    TlsConfig,
)
from xmppd.server.inventory import Inventory

HEADER = (
    b"<stream:stream to='example.org' version='1.0' xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams'>"
)
AUTH = b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>"


class AssemblyCase(SynchronousTestCase):
    """Servers whose data would be in a temporary directory."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir()
        self.house = House(HostConfig("example.org"), data=self.directory)
        self.outside: Collaborators = self.house.server.outside

    def server(self, config: ServerConfig) -> Server:
        """Put a server together on the house's clock."""
        return build(config, Inventory.of(vars(xmppd_builtin).values(), ("xmppd",)), self.outside)

    def config(
        self,
        *hosts: HostConfig,
        tls: TlsConfig | None = None,
        listen: ListenConfig | None = None,
    ) -> ServerConfig:
        return ServerConfig(
            hosts=hosts or (HostConfig("example.org"),),
            data=self.directory,
            tls=tls or TlsConfig(development=True),
            listen=listen or ListenConfig(),
            sasl=SaslConfig(iterations=4096),
            storage=StorageConfig("memory"),
        )


class PortTests(AssemblyCase):
    """What is listened on."""

    def test_everywhere(self) -> None:
        server = self.server(self.config())
        server.load_certificates()
        places = [(spec.interface, spec.port) for spec in server.ports()]
        ports = (5222, 5223, 5269, 5270)
        self.assertEqual(places, [(each, port) for port in ports for each in ("", "::")])

    def test_what_the_log_calls_them(self) -> None:
        """Twisted says of each that it is "starting on" its number."""
        config = self.config(listen=ListenConfig(("127.0.0.1",)))
        component = ComponentConfig("irc.example.org", secret="grewgnolk")
        server = self.server(replace(config, components=(component,)))
        server.load_certificates()
        names = [ILoggingContext(spec.factory).logPrefix() for spec in server.ports()]
        self.assertEqual(
            names,
            [
                "port for clients",
                "port for clients (TLS)",
                "port for servers",
                "port for servers (TLS)",
                "port for components",
            ],
        )

    def test_one_address_one_port(self) -> None:
        for ports in ((0, 5223, 0, 0), (5222, 0, 0, 0), (0, 0, 5269, 0), (0, 0, 0, 5270), (0,) * 4):
            server = self.server(self.config(listen=ListenConfig(("127.0.0.1",), *ports)))
            server.load_certificates()
            self.assertEqual([spec.port for spec in server.ports()], [*filter(None, ports)])

    def test_no_other_servers(self) -> None:
        server = self.server(replace(self.config(), s2s=ServersConfig(enable=False)))
        server.load_certificates()
        self.assertEqual({spec.port for spec in server.ports()}, {5222, 5223})
        self.assertIsNone(server.router.elsewhere)

    def test_no_certificates_no_direct_tls(self) -> None:
        server = self.server(self.config(tls=TlsConfig(required=False)))
        server.load_certificates()
        self.assertEqual([spec.port for spec in server.ports()], [5222, 5222, 5269, 5269])
        self.assertIsNone(server.clients.contexts)


class CertificateTests(AssemblyCase):
    """Certificates are read when the server comes up, and again when told to."""

    def test_none_where_tls_is_required(self) -> None:
        server = self.server(self.config(tls=TlsConfig()))
        error = self.assertRaises(CertificateError, server.load_certificates)
        self.assertIn("example.org: there is no certificate", str(error))

    def test_a_directory_that_cannot_be_made(self) -> None:
        (self.directory / "development").write_text("in the way")
        server = self.server(self.config())
        error = self.assertRaises(CertificateError, server.load_certificates)
        self.assertIn("development certificates cannot be kept there", str(error))

    def test_what_was_made_is_logged(self) -> None:
        made = self.directory / "development"
        server = self.server(self.config())
        with capturedLogs() as events:
            server.load_certificates()
        shown = [formatEvent(event) for event in events if event["log_level"] is LogLevel.info]
        self.assertEqual(
            shown,
            [
                f"made a development authority; clients must trust {made / 'ca.pem'}",
                f"made a development certificate: {made / 'example.org.pem'}",
            ],
        )
        with capturedLogs() as events:
            server.load_certificates()
        self.assertEqual(events, [])
        (made / "ca.pem").unlink()
        with capturedLogs() as events:
            server.reload()
        self.assertEqual([formatEvent(event) for event in events], shown)

    def test_files_of_a_host_and_of_all(self) -> None:
        now = datetime.fromtimestamp(self.house.wall.now(), UTC)
        one = ensure_development_identity(self.directory / "one", ["example.org"], now)
        two = ensure_development_identity(self.directory / "two", ["example.net"], now)
        config = self.config(
            HostConfig("example.org", certificate=Path(one.chain), key=Path(one.key)),
            HostConfig("example.net"),
            tls=TlsConfig(certificate=Path(two.chain), key=Path(two.key)),
        )
        identities = load_identities(config, now)
        self.assertEqual(list(identities), ["example.org", "example.net"])
        self.assertTrue(identities["example.net"].covers("example.net"))

    def test_reloading_what_cannot_serve_changes_nothing(self) -> None:
        server = self.server(self.config())
        server.load_certificates()
        contexts, before = server.clients.contexts, server.identities["example.org"]
        for file in (self.directory / "development").glob("*"):
            file.unlink()
        (self.directory / "development").rmdir()
        (self.directory / "development").write_text("in the way")
        reloaded = server.reload()
        self.assertEqual(len(reloaded.errors), 1)
        self.assertEqual(reloaded.hosts, ("example.org",))
        self.assertIs(server.identities["example.org"], before)
        (self.directory / "development").unlink()
        self.assertEqual(server.reload().errors, ())
        self.assertIs(server.clients.contexts, contexts)
        self.assertIsNot(server.identities["example.org"], before)

    def test_expiry_is_warned_of(self) -> None:
        config = self.config()
        now = datetime.fromtimestamp(self.house.wall.now(), UTC)
        identities = load_identities(config, now)
        self.assertEqual(expiring(config, identities, now), [])
        late = identities["example.org"].not_after - timedelta(days=3)
        (warning,) = expiring(config, identities, late)
        self.assertIn("expires", warning)
        self.assertEqual(expiring(config, {}, late), [])


class LifeTests(AssemblyCase):
    """From opening storage to the last client's leave."""

    def connect(self, server: Server, behind: bytes = b"") -> StringTransport:
        """Return the transport of a client that has sent its header, and then `behind`."""
        transport = StringTransport()
        transport.abortConnection = transport.loseConnection  # type: ignore[method-assign]
        protocol = ClientFactory(server.clients).buildProtocol(
            IPv4Address("TCP", "192.0.2.1", 40000)
        )
        assert protocol is not None
        protocol.makeConnection(transport)
        protocol.dataReceived(HEADER)
        self.house.clock.advance(0)
        protocol.dataReceived(behind)
        self.house.clock.pump([0.1] * 10)
        return transport

    def test_stopping_takes_leave_of_clients_and_storage(self) -> None:
        server = self.server(self.config(tls=TlsConfig(required=False)))
        server.open_storage()
        server.start()
        transport = self.connect(server)
        stopping = server.stop()
        self.assertIs(server.stop(), stopping)
        self.house.clock.advance(0)
        self.assertIn(b"<system-shutdown", transport.value())
        self.assertNoResult(stopping)
        self.house.clock.pump([0.1] * 120)
        self.successResultOf(stopping)
        self.assertEqual(self.house.clock.getDelayedCalls(), [])

    def test_stopping_what_was_never_started(self) -> None:
        server = self.server(self.config())
        server.open_storage()
        stopping = server.stop()
        self.house.clock.pump([0.1] * 10)
        self.successResultOf(stopping)

    def test_features_are_called_once_it_is_up(self) -> None:
        """Not before storage is open, however long that takes."""
        server = self.server(self.config())
        ticks: list[int] = []
        server.host().install("acme", [Every(1.0, lambda: ticks.append(1))])
        self.house.clock.advance(10)
        server.open_storage()
        self.assertEqual([], ticks)
        server.start()
        self.house.clock.advance(1)
        self.assertEqual([1], ticks)
        server.stop()
        self.house.clock.pump([1.0] * 30)
        self.assertEqual([1], ticks)

    def test_guests_in_clear_are_told_to_encrypt(self) -> None:
        guests = HostConfig("example.org", users=(), anonymous=True)
        for hosts, condition in (
            ((guests,), b"<encryption-required"),
            ((HostConfig("example.org"),), b"<mechanism-too-weak"),
        ):
            with self.subTest(condition=condition):
                server = self.server(self.config(*hosts))
                server.load_certificates()
                server.open_storage()
                self.assertIn(condition, self.connect(server, AUTH).value())

    def test_hosts_by_domain(self) -> None:
        server = self.server(self.config(HostConfig("example.org"), HostConfig("example.net")))
        self.assertIs(server.host("example.net"), server.hosts["example.net"].local)
        self.assertEqual(server.host().domain, "example.org")
        self.assertRaises(KeyError, server.host, "example.com")

    def test_hosts_with_their_own_accounts_make_some(self) -> None:
        server = self.server(
            self.config(
                HostConfig("example.org"),
                HostConfig("guests.example.org", users=(), anonymous=True),
            )
        )
        self.assertIsNotNone(server.hosts["example.org"].local.find(IPasswords))
        self.assertIsNone(server.hosts["guests.example.org"].local.find(IPasswords))


class SettingsTests(SynchronousTestCase):
    """What of the configuration concerns clients' streams gets there."""

    def test_each(self) -> None:
        limits = LimitsConfig(
            stanza_bytes=11_000,
            stanza_bytes_before_login=10_001,
            tag_bytes=2_000,
            depth=11,
            attributes=12,
            children=13,
            elements=21,
            output_bytes=3_000,
            slow_reader_seconds=2.5,
            inbox_stanzas=14,
            inbox_bytes=4_000,
            negotiation_seconds=15.0,
            connections_per_address=16,
            unauthenticated_per_address=17,
            sessions_per_account=18,
            idle_seconds=19.0,
            answer_seconds=20.0,
        )
        config = ServerConfig(limits=limits, sasl=SaslConfig(tries=6), resource_conflict="refuse")
        settings = client_settings(config)
        parser = settings.limits.parser
        self.assertEqual(
            (parser.stanza, parser.tag, parser.depth, parser.attributes, parser.children),
            (11_000, 2_000, 11, 12, 13),
        )
        self.assertEqual((parser.elements, settings.limits.unauthenticated), (21, 10_001))
        self.assertEqual((settings.output, settings.slow_reader_seconds), (3_000, 2.5))
        self.assertEqual(settings.inbox_stanzas, 14)
        self.assertEqual((settings.inbox_bytes, settings.negotiation_seconds), (4_000, 15.0))
        self.assertEqual((settings.connections, settings.strangers), (16, 17))
        self.assertEqual((settings.sessions, settings.tries), (18, 6))
        self.assertEqual((settings.idle_seconds, settings.answer_seconds), (19.0, 20.0))
        self.assertIs(settings.conflict, ConflictPolicy.REFUSE)
