"""The command `check`: a finding for each thing looked at."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from xmppd.net.development import ensure_development_identity
from xmppd.net.roots import Roots
from xmppd.server.check import Check
from xmppd.server.config import (
    ComponentConfig,
    HostConfig,
    ListenConfig,
    ServerConfig,
    ServersConfig,
    StorageConfig,
    TlsConfig,
)
from xmppd.server.findings import Finding, Level
from xmppd.server.stores import SqliteSettings
from xmppd.testing.resolver import FixedResolver

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OK, WARN, ERROR = Level.OK, Level.WARN, Level.ERROR


class CheckTests(SynchronousTestCase):
    """Tables of surroundings and findings."""

    def setUp(self) -> None:
        self.data = Path(self.mktemp()).absolute()
        self.data.mkdir(mode=0o700)
        self.resolver = FixedResolver()
        self.believed: Path | None = None
        self.config = ServerConfig(
            hosts=(HostConfig("example.org"),),
            data=self.data,
            listen=ListenConfig(("127.0.0.1",)),
            tls=TlsConfig(development=True),
        )

    def check(self, config: ServerConfig, trouble: str = "") -> list[Finding]:
        check = Check(
            config, lambda: NOW, lambda address, port: trouble, self.resolver, self.authorities
        )
        return self.successResultOf(Deferred.fromCoroutine(check.run()))

    def authorities(self) -> Roots:
        return Roots(()) if self.believed is None else Roots.of_file(self.believed, "authorities")

    def about(self, words: str, findings: list[Finding]) -> list[tuple[Level, str]]:
        return [(each.level, each.finding) for each in findings if words in each.finding]

    def certified(self, name: str = "example.org", days: int = 0) -> ServerConfig:
        files = ensure_development_identity(self.data / "pem", [name], NOW + timedelta(days=days))
        tls = TlsConfig(certificate=files.chain, key=files.key)
        return replace(self.config, tls=tls)

    def test_the_command(self) -> None:
        check = Check(self.config, lambda: NOW, lambda a, p: "", self.resolver, self.authorities)
        command = check.command()
        self.assertEqual((command.name, command.offline), ("check", True))
        self.assertEqual(command.result, list[Finding])

    def test_data(self) -> None:
        file = self.data / "file"
        file.touch()
        open_to_all = self.data / "open"
        open_to_all.mkdir(mode=0o755)
        table = [
            (self.data, OK, "is for the server alone."),
            (open_to_all, WARN, "others may look into it; take that right away (chmod 700)."),
            (file, ERROR, "is no directory; data cannot be kept there."),
            (self.data / "missing", WARN, "is not there yet (No such file or directory)."),
        ]
        for path, level, text in table:
            with self.subTest(path=path):
                findings = self.check(replace(self.config, data=path))
                self.assertEqual(findings[0], Finding(level, f"{path}: {text}"))

    def test_a_link_that_leads_nowhere(self) -> None:
        link = self.data / "link"
        link.symlink_to("/nowhere/data")
        self.assertEqual(
            self.check(replace(self.config, data=link))[0],
            Finding(ERROR, f"{link}: is a symbolic link to /nowhere/data, which is not there."),
        )

    def test_the_database(self) -> None:
        elsewhere = self.data / "elsewhere" / "db"
        elsewhere.parent.mkdir()
        settings = StorageConfig("sqlite", SqliteSettings(elsewhere))
        closed = "is for the server alone."
        opened = "others may use it; take that right away (chmod 600)."
        table: list[tuple[StorageConfig, Path, str, int, list[tuple[Level, str]]]] = [
            (StorageConfig(), self.data / "xmppd.sqlite", "", 0o600, [(OK, closed)]),
            (StorageConfig(), self.data / "xmppd.sqlite", "", 0o640, [(WARN, opened)]),
            (StorageConfig(), self.data / "xmppd.sqlite", "-wal", 0o644, [(WARN, opened)]),
            (StorageConfig(), self.data / "xmppd.sqlite", "-shm", 0o600, []),
            (settings, elsewhere, "", 0o604, [(WARN, opened)]),
            (StorageConfig("memory"), self.data / "xmppd.sqlite", "", 0o644, []),
        ]
        for storage, database, side, mode, expected in table:
            with self.subTest(side=side, mode=mode, storage=storage):
                file = Path(f"{database}{side}")
                file.touch()
                file.chmod(mode)
                found = self.about(f"{file}: ", self.check(replace(self.config, storage=storage)))
                self.assertEqual(found, [(level, f"{file}: {text}") for level, text in expected])
                file.unlink()

    def test_a_database_of_somebody_else(self) -> None:
        file = self.data / "xmppd.sqlite"
        file.touch(mode=0o600)
        access = os.access
        self.patch(os, "access", lambda path, mode: path != file and access(path, mode))
        self.assertEqual(
            self.about(f"{file}: ", self.check(self.config)),
            [(ERROR, f"{file}: is not this user's to read and write.")],
        )

    def test_data_of_somebody_else(self) -> None:
        self.patch(os, "access", lambda path, mode: False)
        self.assertEqual(
            self.check(self.config)[0],
            Finding(ERROR, f"{self.data}: is not this user's to read and write."),
        )

    def test_ports(self) -> None:
        listen = ListenConfig(("127.0.0.1", "*"), c2s=0, c2s_tls=0, s2s=5269, s2s_tls=0)
        config = replace(self.config, listen=listen)
        table = [("", OK, "nobody else has it."), ("it is taken", ERROR, "it is taken.")]
        for trouble, level, text in table:
            with self.subTest(trouble=trouble):
                self.assertEqual(
                    self.about(" port ", self.check(config, trouble)),
                    [(level, f"127.0.0.1 port 5269: {text}"), (level, f"* port 5269: {text}")],
                )
        alone = replace(
            config, listen=replace(listen, c2s=5222), s2s=replace(config.s2s, enable=False)
        )
        self.assertEqual(
            [text for _, text in self.about(" port ", self.check(alone))],
            [f"{place} port 5222: nobody else has it." for place in ("127.0.0.1", "*")],
        )

    def test_components(self) -> None:
        file = self.data / "irc.secret"
        good, hidden = ComponentConfig("irc.example", "a"), ComponentConfig("x.example", "", file)
        config = replace(self.config, components=(good,))
        port = "127.0.0.1 port 5347: nobody else has it."
        self.assertEqual(self.about("5347", self.check(config)), [(OK, port)])
        self.assertEqual(self.about("5347", self.check(self.config)), [])
        self.assertEqual(
            self.about("irc", self.check(config)),
            [(OK, "irc.example: the component has a secret.")],
        )
        for address in ("*", "192.0.2.1"):
            listen = replace(config.listen, component_addresses=(address,))
            found = self.about("5347: comp", self.check(replace(config, listen=listen)))
            in_clear = "components connect in clear; keep others out of that network."
            self.assertEqual(found, [(WARN, f"{address} port 5347: {in_clear}")])
        config = replace(self.config, components=(hidden,))
        what = f"{file}: cannot be read (No such file or directory)."
        self.assertEqual(self.about("secret", self.check(config)), [(ERROR, what)])
        file.write_text("hush")
        for mode, level in ((0o640, OK), (0o644, WARN)):
            file.chmod(mode)
            [(found_level, text)] = self.about("secret", self.check(config))
            self.assertEqual(found_level, level)
            self.assertNotIn("hush", text)

    def test_certificates(self) -> None:
        missing = TlsConfig(certificate=Path("/nowhere.pem"), key=Path("/nowhere.pem"))
        table = [
            (self.config, WARN, "example.org: has a development certificate"),
            (replace(self.config, tls=TlsConfig(required=False)), WARN, "example.org: has no cert"),
            (replace(self.config, tls=missing), ERROR, "/nowhere.pem: cannot be read"),
            (self.certified(), OK, "example.org: its certificate is valid until 2027-02-0"),
            (self.certified("other.example"), ERROR, "but not for example.org"),
        ]
        for config, level, text in table:
            with self.subTest(text=text):
                found = self.about(text, self.check(config))
                self.assertEqual([finding for finding, _ in found], [level])

    def test_certificates_that_others_may_not_believe(self) -> None:
        config = self.certified()
        self.believed = self.data / "pem" / "ca.pem"
        self.assertEqual(self.about("believe", self.check(config)), [])
        other = ensure_development_identity(self.data / "other", ["example.org"], NOW)
        self.believed = other.ca
        [(level, text)] = self.about("example.org.pem", self.check(config))
        self.assertEqual(level, WARN)
        self.assertIn("example.org.pem: others may not believe it: the certificate's", text)
        self.assertIn("is not one this server trusts, or certificates in between", text)

    def test_no_authorities(self) -> None:
        for enable, found in ((True, [ERROR]), (False, [])):
            config = replace(self.config, s2s=ServersConfig(enable=enable))
            about = self.about("no list of authorities", self.check(config))
            self.assertEqual([level for level, _ in about], found)
        self.believed = ensure_development_identity(self.data / "pem", ["x.example"], NOW).ca
        self.assertEqual(self.about("no list of authorities", self.check(self.config)), [])

    def test_authorities_that_cannot_be_read(self) -> None:
        self.believed = Path("/nowhere.pem")
        found = self.check(self.certified())
        [(level, _)] = self.about("/nowhere.pem: cannot be read", found)
        self.assertEqual(level, ERROR)
        self.assertEqual(len(self.about("is valid until", found)), 1)

    def test_a_certificate_about_to_end(self) -> None:
        found = self.about("expires on", self.check(self.certified(days=-390)))
        self.assertEqual([level for level, _ in found], [WARN])

    def test_the_dns(self) -> None:
        """It is looked at unless nobody else is meant to come (see `test_published`)."""
        self.check(self.config)
        self.assertEqual(self.resolver.asked, [])
        found = self.about("_tcp.", self.check(self.certified()))
        self.assertEqual(len(found), 4)
        self.assertIn("_xmpp-client._tcp.example.org", self.resolver.asked)
