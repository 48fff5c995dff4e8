"""Configuration files: read into settings, or refused with file, line, key and a way out."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.server.makers import DiskSettings, FilterSettings, inventory
from xmppd.makers import MakerError, ModuleMaker
from xmppd.server.config import (
    ComponentConfig,
    HostConfig,
    ListenConfig,
    LogConfig,
    ModulesConfig,
    ServerConfig,
    StorageConfig,
    TlsConfig,
)
from xmppd.server.inventory import Inventory
from xmppd.service.toml import ConfigError, load

GOOD = """\
data = "var"
[tls]
development = true
[host."example.org"]
"""

# (text, what the message says behind the file's name)
REFUSED = [
    ("a = \n", ":1: is no TOML: Invalid value"),
    ("a = 1\na = 2\n", ":2: is no TOML: Cannot overwrite a value"),
    ('a = 1\nb = """\n', ":3: is no TOML: "),
    ("[host\n", ":1: is no TOML: "),
    ("", ": host: no host is named; add a table such as"),
    ("datta = 1\n", ":1: datta: there is no such key; did you mean 'data'?"),
    ("\n\n[hosts]\n", ":3: hosts: there is no such key; did you mean 'host'?"),
    ("data = 1\n", ":1: data: is a whole number; give a path"),
    ("data = ''\n", ":1: data: is a string; give a path"),
    ("[limits]\n# x\ndepth = '9'\n", ":3: limits.depth: is a string; give a whole number betwe"),
    ("[limits]\ndepth = 9\n", ":2: limits.depth: 9 is out of range; give a whole number between"),
    ("limits.depth = 9\n", ":1: limits.depth: 9 is out of range"),
    ("limits = { depth = 9 }\n", ":1: limits.depth: 9 is out of range"),
    ("[limits]\ndeepth = 9\n", ":2: limits.deepth: there is no such key; did you mean 'depth'?"),
    ("[limits]\n\ndepth = true\n", ":3: limits.depth: is true or false; give a whole number"),
    ("limits = 3\n", ":1: limits: is a whole number; give a table"),
    ("resource_conflict = 'kick'\n", ":1: resource_conflict: 'kick' is not known; use \"replace\""),
    ("[log]\nlevel = 'trace'\n", ':2: log.level: \'trace\' is not known; use "debug", "info"'),
    ("[listen]\naddresses = '*'\n", ":2: listen.addresses: is a string; give a list, each of it"),
    ("[[host]]\nname = 'x'\n", ':1: host: is a list; begin each host like [host."example.org"]'),
    ("host = 3\n", ":1: host: is a whole number; give a table"),
    ("[host.example.org]\n", ":1: host.example.org: there is no such table; put a name with dots"),
    ('[host."a b"]\n', ':1: host."a b": domainpart is neither'),
    ('[host."a.b"]\n[host."A.b"]\n', ':2: host."A.b": the host is there twice; remove one'),
    ('[host."a.b"]\nuser = []\n', ':2: host."a.b".user: there is no such key; did you mean \'us'),
    ('host."a.b" = 1\n', ':1: host."a.b": is a whole number; give a table'),
    (
        "[[component]]\nname = 'x'\n",
        ':1: component: is a list; begin each component like [component."example.org"]',
    ),
    ("component = 3\n", ":1: component: is a whole number; give a table"),
    (
        "[component.example.org]\n",
        ":1: component.example.org: there is no such table; put a name with dots into quotes",
    ),
    ('[component."a b"]\n', ':1: component."a b": domainpart is neither'),
    (
        '[component."a.b"]\n[component."A.b"]\n',
        ':2: component."A.b": the component is there twice',
    ),
    (
        '[component."a.b"]\nsecret = 1\n',
        ':2: component."a.b".secret: is a whole number; give',
    ),
    ('[component."a.b"]\nsecrt = ""\n', ':2: component."a.b".secrt: there is no such key; did you'),
    ("[modules]\nenabled = []\n", ":2: modules.enabled: there is no such key; did you mean 'enab"),
    ("modules = 3\n", ":1: modules: is a whole number; give a table"),
    ("[modules.ping]\nx = 1\n", ":1: modules.ping: there is no such key; use "),
    ("[modules.acme-filter]\n", ":1: modules.acme-filter.words: has to be given; give a list"),
    ("[modules]\nacme-filter = 1\n", ":2: modules.acme-filter: is a whole number; give a table"),
    (
        "[modules.acme-filter]\nwords = []\nmost = 0\n",
        ":3: modules.acme-filter.most: 0 is out of range; give a whole number between 1 and 10",
    ),
    (
        "[modules.acme-filter]\nwords = []\nstrict = true\n",
        ":1: modules.acme-filter: a strict filter needs words; change what is set here",
    ),
    ("[s2s]\nenabel = true\n", ":2: s2s.enabel: there is no such key; did you mean 'enable'?"),
    ("[s2s]\ndomain = 1\n", ":2: s2s.domain: is a whole number; give a table"),
    (
        "[[s2s.domain]]\n",
        ':1: s2s.domain: is a list; begin each domain like [s2s.domain."example.org"]',
    ),
    (
        "[s2s.domain.a.b]\n",
        ":1: s2s.domain.a.b: there is no such table; put a name with dots into quotes: [s2s.",
    ),
    (
        '[s2s.domain."a.b"]\nport = 70000\n',
        ':2: s2s.domain."a.b".port: 70_000 is out of range',
    ),
    ("[storage]\nstor = 'x'\n", ":2: storage.stor: there is no such key; did you mean 'store'?"),
    ("[storage.sqlite]\n", ":1: storage.sqlite: there is no such key"),
    ("[storage.disk]\nsize = 'x'\n", ":2: storage.disk.size: is a string; give a whole number"),
]

# The same behind GOOD, which has four lines.
IMPOSSIBLE = [
    ("anonymous = true\n", ':5: host."example.org".anonymous: a host for guests has no users'),
    ("users = ['ldap:x']\n", ":5: host.\"example.org\".users: there is no user store 'ldap'; foun"),
    ("[storage]\nstore = 'dsk'\n", ":6: storage.store: there is no store 'dsk'; did you mean"),
    ("[listen]\nc2s = 5223\n", ":5: listen.c2s_tls: the same port as c2s; use two ports"),
    (
        '[component."irc.example.org"]\nsecret = ""\n',
        ':5: component."irc.example.org": it has no secret to prove itself by; set secret or',
    ),
    (
        '[component."Irc.example.org"]\nsecret = "a"\nsecret_file = "b"\n',
        ':5: component."irc.example.org".secret: there is a secret_file as well; remove',
    ),
    (
        '[component."example.org"]\nsecret = "hush"\n',
        ':5: component."example.org": this domain is a host; give the component another domain',
    ),
    (
        "[modules]\nenable = ['pong']\n",
        ":6: host.\"example.org\".modules.enable: there is no module 'pong'; did you mean 'ping'?",
    ),
    (
        "[host.'example.org'.modules]\ndisable = ['pong']\n",
        ":6: host.\"example.org\".modules.disable: there is no module 'pong'",
    ),
    (
        "[host.'example.org'.modules]\nenable = ['acme-filter']\n",
        ':5: host."example.org".modules.acme-filter.words: has to be given',
    ),
    (
        "[modules]\nenable = ['ping']\ndisable = ['ping']\n",
        ':7: host."example.org".modules.disable: ping is enabled as well; remove one of them',
    ),
    (
        "[modules.acme-filter]\n[host.'example.org'.modules.acme-filter]\nmost = 3\n",
        ":5: modules.acme-filter.words: has to be given",
    ),
]


class LoadTests(SynchronousTestCase):
    """`load`, with what the test's inventory has."""

    def file(self, text: str | bytes) -> Path:
        path = Path(self.mktemp()).absolute()
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def refused(self, text: str | bytes) -> str:
        path = self.file(text)
        message = str(self.assertRaises(ConfigError, load, path, inventory()))
        self.assertNotIn("\n", message)
        self.assertTrue(message.startswith(str(path)), message)
        return message.removeprefix(str(path))

    def test_refused(self) -> None:
        for text, expected in REFUSED:
            with self.subTest(text=text):
                self.assertEqual(self.refused(text)[: len(expected)], expected)

    def test_impossible(self) -> None:
        for text, expected in IMPOSSIBLE:
            with self.subTest(text=text):
                self.assertEqual(self.refused(GOOD + text)[: len(expected)], expected)

    def test_files_that_cannot_be_read(self) -> None:
        missing = self.assertRaises(ConfigError, load, "/nowhere/x.toml", inventory())
        self.assertEqual(
            str(missing), "/nowhere/x.toml: cannot be read (No such file or directory)"
        )
        self.assertIn("cannot be read (Is a directory)", self.refused_path(Path("/")))
        self.assertEqual(
            self.refused(b"a = 1\nb = '\xff'\n"), ":2: is not UTF-8; save the file as UTF-8"
        )
        self.assertEqual(
            self.refused(b"\xef\xbb\xbfa = 1\n"),
            ":1: begins with a byte order mark (BOM); save it as UTF-8 without",
        )

    def refused_path(self, path: Path) -> str:
        return str(self.assertRaises(ConfigError, load, path, inventory()))

    def test_a_plugin_that_cannot_be_imported(self) -> None:
        broken = ModuleMaker("broken", "acme.Broken", config="no_such_package.Settings")
        path = self.file(GOOD + "[modules.broken]\n")
        error = self.assertRaises(ConfigError, load, path, Inventory.of([broken]))
        self.assertIn("module broken (acme.Broken): no_such_package.Settings cannot", str(error))

    def test_what_is_installed_is_the_default(self) -> None:
        path = self.file(GOOD)
        self.assertEqual(load(str(path)).storage.store, "sqlite")

    def test_two_plugins_of_one_name(self) -> None:
        def twice() -> Inventory:
            raise MakerError("two plugins are called ping: a and b")

        self.patch(__import__("xmppd.service.toml").service.toml, "discover", twice)
        error = self.assertRaises(ConfigError, load, self.file(GOOD))
        self.assertIn("two plugins are called ping", str(error))


class MeaningTests(SynchronousTestCase):
    """What a file says."""

    def load(self, text: str) -> ServerConfig:
        path = Path(self.mktemp()).absolute()
        path.write_text(text)
        self.base = path.parent
        return load(path, inventory())

    def test_little(self) -> None:
        config = self.load(GOOD)
        self.assertEqual(
            config,
            ServerConfig(
                hosts=(HostConfig("example.org"),),
                data=self.base / "var",
                tls=TlsConfig(development=True),
            ),
        )

    def test_components(self) -> None:
        config = self.load(
            GOOD
            + """
            [component."R\u00e4ume.example"]
            secret = "hush"
            [component."irc.example"]
            secret_file = "irc.secret"
            listed = false
            [listen]
            components = 1234
            component_addresses = ["*"]
            """
        )
        self.assertEqual(
            config.components,
            (
                ComponentConfig("xn--rume-loa.example", "hush"),
                ComponentConfig("irc.example", "", self.base / "irc.secret", False),
            ),
        )
        self.assertEqual(config.listen.components, 1234)
        self.assertNotIn("hush", repr(config))

    def test_much(self) -> None:
        config = self.load(
            """
            data = "/var/lib/xmppd"
            control = "run/socket"
            shutdown_seconds = 3
            [host."B\u00fccher.example"]
            certificate = "b.pem"
            key = "/b-key.pem"
            users = ["file:/x", "xmppd"]
            tls_required = false
            [host."guests.example"]
            users = []
            anonymous = true
            [listen]
            addresses = ["127.0.0.1"]
            c2s = 1000
            c2s_tls = 0
            [log]
            format = "json"
            [storage]
            store = "disk"
            disk.size = 7
            [tls]
            development = true
            """
        )
        self.assertEqual(
            config,
            ServerConfig(
                hosts=(
                    HostConfig(
                        "xn--bcher-kva.example",
                        self.base / "b.pem",
                        Path("/b-key.pem"),
                        False,
                        ("file:/x", "xmppd"),
                    ),
                    HostConfig("guests.example", users=(), anonymous=True),
                ),
                data=Path("/var/lib/xmppd"),
                control=self.base / "run/socket",
                shutdown_seconds=3.0,
                listen=ListenConfig(("127.0.0.1",), 1000, 0),
                log=LogConfig("json"),
                storage=StorageConfig("disk", DiskSettings(7)),
                tls=TlsConfig(development=True),
            ),
        )

    def test_a_store_without_a_section_has_its_defaults(self) -> None:
        config = self.load(GOOD + "[storage]\nstore = 'disk'\n")
        self.assertEqual(config.storage, StorageConfig("disk", DiskSettings()))

    def test_modules_of_hosts(self) -> None:
        general = """
            [modules]
            enable = ["acme-filter"]
            disable = ["ping"]
            [modules.acme-filter]
            words = ["a"]
            most = 3
            """
        mine = FilterSettings(("a",), most=3)
        table = [
            ("", ModulesConfig(("acme-filter",), ("ping",), {"acme-filter": mine})),
            (
                "enable = ['ping']\n",
                ModulesConfig(("acme-filter", "ping"), (), {"acme-filter": mine}),
            ),
            (
                "disable = ['acme-filter']\n",
                ModulesConfig((), ("ping", "acme-filter"), {"acme-filter": mine}),
            ),
            (
                "acme-filter.most = 4\n",
                ModulesConfig(
                    ("acme-filter",), ("ping",), {"acme-filter": FilterSettings(("a",), most=4)}
                ),
            ),
        ]
        for own, expected in table:
            with self.subTest(own=own):
                text = f"{GOOD}[host.'example.org'.modules]\n{own}{general}"
                self.assertEqual(self.load(text).hosts[0].modules, expected)
