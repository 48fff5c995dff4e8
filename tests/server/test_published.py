"""What the DNS says about our domains: tables of records and findings."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.network import SrvRecord, Trouble
from xmppd.server.config import (
    ComponentConfig,
    HostConfig,
    ListenConfig,
    ServerConfig,
    ServersConfig,
)
from xmppd.server.findings import Finding, Level
from xmppd.server.published import Offer, offers, published
from xmppd.testing.resolver import FixedResolver

OK, WARN, ERROR = Level.OK, Level.WARN, Level.ERROR

CONFIG = ServerConfig(hosts=(HostConfig("example.org"),), data=Path("/nowhere"))
CLIENT, DIRECT, SERVER, DIRECT_SERVER = (
    f"_{service}._tcp.example.org"
    for service in ("xmpp-client", "xmpps-client", "xmpp-server", "xmpps-server")
)
PUBLIC = {"example.org": ["192.0.2.1"], "x.example.org": ["192.0.2.2", "2001:db8::2"]}


def to(host: str, port: int) -> list[SrvRecord]:
    return [SrvRecord(0, 0, port, host)]


class OfferTests(SynchronousTestCase):
    """What is looked for."""

    def test_offers(self) -> None:
        both, clear = ListenConfig(("*",)), ListenConfig(("*",), c2s=5333, c2s_tls=0, s2s_tls=0)
        direct = ListenConfig(("*",), c2s=0, s2s=0)
        alone = replace(CONFIG, listen=clear, s2s=ServersConfig(enable=False))
        component = ComponentConfig("irc.example.org", "secret")
        address = HostConfig("192.0.2.1"), HostConfig("[2001:db8::1]")
        table: list[tuple[ServerConfig, list[tuple[str, int, int]]]] = [
            (
                replace(CONFIG, listen=both),
                [
                    (CLIENT, 5222, 5222),
                    (DIRECT, 5223, 0),
                    (SERVER, 5269, 5269),
                    (DIRECT_SERVER, 5270, 0),
                ],
            ),
            (replace(CONFIG, listen=clear), [(CLIENT, 5333, 5222), (SERVER, 5269, 5269)]),
            (replace(CONFIG, listen=direct), [(DIRECT, 5223, 0), (DIRECT_SERVER, 5270, 0)]),
            (alone, [(CLIENT, 5333, 5222)]),
            (replace(CONFIG, hosts=address), []),
            (
                replace(CONFIG, hosts=address, components=(component,)),
                [
                    ("_xmpp-server._tcp.irc.example.org", 5269, 5269),
                    ("_xmpps-server._tcp.irc.example.org", 5270, 0),
                ],
            ),
        ]
        for config, expected in table:
            with self.subTest(expected=expected):
                found = [(each.name, each.port, each.default) for each in offers(config)]
                self.assertEqual(found, expected)


class PublishedTests(SynchronousTestCase):
    """What is found of one service and where it leads to."""

    def look(
        self,
        services: dict[str, Sequence[SrvRecord] | Trouble],
        hosts: dict[str, Sequence[str] | Trouble],
        *offered: Offer,
    ) -> list[Finding]:
        looking = published(offered, FixedResolver(services, hosts))
        return self.successResultOf(Deferred.fromCoroutine(looking))

    def test_services(self) -> None:
        clear = Offer("example.org", "_xmpp-client._tcp", "clients", 5222, 5222)
        elsewhere = replace(clear, port=5333)
        direct = Offer("example.org", "_xmpps-client._tcp", "clients", 5223, 0)
        server = Offer("example.org", "_xmpp-server._tcp", "servers", 0, 5269)
        two = [*to("x.example.org", 5222), SrvRecord(5, 0, 80, "example.org")]
        table: list[tuple[Offer, Sequence[SrvRecord] | Trouble, Level, str]] = [
            (
                clear,
                Trouble.NO_NAME,
                OK,
                "there is no SRV record, so clients try port 5222 of the host.",
            ),
            (
                elsewhere,
                Trouble.NO_RECORDS,
                WARN,
                "there is no SRV record, so clients try port 5222 of the host.",
            ),
            (
                server,
                Trouble.NO_NAME,
                OK,
                "there is no SRV record, so servers try port 5269 of the host.",
            ),
            (direct, Trouble.NO_NAME, WARN, "there is no SRV record, so clients do not try."),
            (
                direct,
                Trouble.BROKEN,
                WARN,
                "could not be looked up (the DNS refused to answer, or its answer was of no use).",
            ),
            (clear, to("x.example.org", 5222), OK, "leads to x.example.org port 5222."),
            (
                clear,
                two,
                WARN,
                "leads to x.example.org port 5222, example.org port 80; we listen on port 5222.",
            ),
            (server, to("x.example.org", 80), OK, "leads to x.example.org port 80."),
            (clear, to(".", 0), ERROR, "the SRV record says there is no such service."),
            (server, to(".", 0), WARN, "the SRV record says there is no such service."),
        ]
        other = Offer("other.example", "_xmpp-server._tcp", "servers", 0, 5269)
        for offer, answer, level, text in table:
            with self.subTest(offer=offer, answer=answer):
                found = self.look({offer.name: answer}, {**PUBLIC}, offer, other)
                self.assertEqual(found[0], Finding(level, f"{offer.name}: {text}"))

    def test_hosts(self) -> None:
        """Each once, whatever leads to it."""
        server = Offer("example.org", "_xmpp-server._tcp", "servers", 0, 5269)
        client = Offer("example.org", "_xmpp-client._tcp", "clients", 5222, 5222)
        nobody = "nobody elsewhere can connect to that."
        table: list[tuple[str, Sequence[str] | Trouble, list[tuple[Level, str]]]] = [
            ("x", ["192.0.2.2", "2001:db8::2"], [(OK, "has 2001:db8::2, 192.0.2.2.")]),
            ("x", [], [(WARN, "has no address, so nobody can connect to it.")]),
            ("x", Trouble.NO_NAME, [(WARN, "has no address, so nobody can connect to it.")]),
            (
                "x",
                Trouble.TIMEOUT,
                [(WARN, "could not be looked up (the DNS did not answer in time).")],
            ),
            (
                "x",
                ["192.168.1.5", "192.0.2.2"],
                [
                    (WARN, f"has 192.168.1.5, a private address; {nobody}"),
                    (OK, "has 192.0.2.2."),
                ],
            ),
            (
                "x",
                ["127.0.0.1", "::ffff:10.0.0.1"],
                [
                    (WARN, f"has ::ffff:10.0.0.1, a private address; {nobody}"),
                    (WARN, f"has 127.0.0.1, an address of this machine; {nobody}"),
                ],
            ),
            (
                "192.0.2.2",
                [],
                [
                    (
                        WARN,
                        "an SRV record must name a host, not an address; "
                        "many will not connect to it.",
                    )
                ],
            ),
        ]
        for host, addresses, expected in table:
            with self.subTest(host=host, addresses=addresses):
                services: dict[str, Sequence[SrvRecord] | Trouble] = {
                    server.name: to(host, 5269),
                    client.name: to(host, 5222),
                }
                found = self.look(services, {host: addresses}, server, client)
                wanted = [Finding(level, f"{host}: {text}") for level, text in expected]
                self.assertEqual(found[2:], wanted)

    def test_the_domain_itself(self) -> None:
        """It is connected to only by those who try it without a record."""
        client = Offer("example.org", "_xmpp-client._tcp", "clients", 5222, 5222)
        direct = Offer("example.org", "_xmpps-client._tcp", "clients", 5223, 0)
        found = self.look({}, {**PUBLIC}, client, direct)
        self.assertEqual(found[2:], [Finding(OK, "example.org: has 192.0.2.1.")])
        found = self.look({client.name: to("x.example.org", 5222)}, {**PUBLIC}, client, direct)
        self.assertEqual([each.finding[:5] for each in found[2:]], ["x.exa"])
        found = self.look({client.name: Trouble.BROKEN}, {**PUBLIC}, client, direct)
        self.assertEqual(len(found), 2)

    def test_no_dns(self) -> None:
        """One sentence instead of many that say the same."""
        offered = offers(CONFIG)
        services: dict[str, Sequence[SrvRecord] | Trouble]
        services = {offer.name: Trouble.TIMEOUT for offer in offered}
        self.assertEqual(
            self.look(services, {}, *offered),
            [
                Finding(
                    WARN,
                    "What others find in the DNS was not looked at: "
                    "the DNS did not answer in time.",
                )
            ],
        )

    def test_nothing_to_look_for(self) -> None:
        self.assertEqual(self.look({}, {}), [])
