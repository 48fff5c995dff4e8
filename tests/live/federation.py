"""Servers of three makes that speak with each other, and people on them.

Each serves one domain (`HERE` is ours) and is found by the DNS of an `Internet`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.live.clients import ClientCase, SlixmppClient
from tests.live.conversation import Person
from tests.live.harness import Server, free_ports
from tests.live.internet import Internet, keep
from tests.live.other_servers import Ejabberd, Prosody
from tests.live.test_durability import require
from tests.net.pki import Issued

HERE = Server.HOST
PROSODY = "montague.example"
EJABBERD = "verona.example"

_NO_EXTERNAL = """
local function without(features)
    features:remove_children("mechanisms", "urn:ietf:params:xml:ns:xmpp-sasl")
end
module:hook("s2s-stream-features", function(event) without(event.features) end, -1000)
module:hook_tag("http://etherx.jabber.org/streams", "features", function(session, features)
    if session.direction == "outgoing" then without(features) end
end, 1000)
"""


class FederatedServer(Server):
    """Ours.

    `s2s` are settings of that table, `tables` further ones; `issued` is what certifies it, `ca`
    whom it believes; `direct` is whether others find it by direct TLS only, `published` whether
    they find it at all.
    """

    def __init__(
        self,
        folder: Path,
        internet: Internet,
        s2s: str = "",
        tables: str = "",
        issued: Issued | None = None,
        ca: Path | None = None,
        direct: bool = False,
        published: bool = True,
        tls: str = "",
        host: str = HERE,
    ) -> None:
        self.HOST = host
        chain, key = keep(folder, issued or internet.valid(host))
        ports = free_ports(internet.address, 4)
        self.server_port = ports[2]
        super().__init__(
            folder,
            tls=f'certificate = "{chain}"\nkey = "{key}"\n{tls}',
            ports=(ports[0], ports[1]),
            address=internet.address,
            listen=f"s2s = {ports[2]}\ns2s_tls = {ports[3] if direct else 0}",
            tables=f'[dns]\nservers = ["{internet.address}:{internet.port}"]\n'
            f"[s2s]\nallow_private_addresses = true\n{s2s}\n{tables}\n",
        )
        self.ca = internet.ca
        self.variables["SSL_CERT_FILE"] = str(ca or internet.ca)
        if published:
            internet.serve(host, ports[2], ports[3] if direct else 0)


class FederatedProsody(Prosody):
    """Prosody, with `modules` on and `settings` in its configuration; others as for ours.

    `secure_auth` is whether others need a certificate that it believes. The module `no_external`
    has it neither offer nor use EXTERNAL.
    """

    def __init__(
        self,
        folder: Path,
        internet: Internet,
        modules: Sequence[str] = ("dialback",),
        settings: str = "",
        issued: Issued | None = None,
        ca: Path | None = None,
        direct: bool = False,
        secure_auth: bool = True,
        more: Mapping[str, Issued] | None = None,
        log: str = "debug",
        host: str = PROSODY,
    ) -> None:
        unbound = any(Path("/usr/lib").glob("*/lua/5.*/lunbound.so"))
        require(unbound, "lua-unbound, by which Prosody asks another DNS server,")
        self.host = host
        self._internet = internet
        self._modules = modules
        self._settings = settings
        self._more = more or {}
        self._level = log
        self._secure_auth = "true" if secure_auth else "false"
        self._issued = issued or internet.valid(host)
        self._ca = ca or internet.ca
        self._direct = direct
        super().__init__(folder)

    def configure(self) -> None:
        """Write the configuration."""
        self.data.mkdir()
        chain, key = keep(self.folder, self._issued)
        internet = self._internet
        port, direct = free_ports(internet.address, 2)
        self.server_port = port
        for host in (self.host, *self._more):
            internet.serve(host, port, direct if self._direct else 0)
        (self.folder / "mod_no_external.lua").write_text(_NO_EXTERNAL)
        modules = ("roster", "saslauth", "tls", "disco", "ping", "version", *self._modules)
        (self.folder / "prosody.cfg.lua").write_text(
            f"""
            data_path = "{self.data}"
            plugin_paths = {{ "{self.folder}" }}
            pidfile = "{self.folder}/pid"
            interfaces = {{ "{self.address}" }}
            c2s_ports = {{ {self.port} }}
            c2s_direct_tls_ports = {{}}
            s2s_interfaces = {{ "{internet.address}" }}
            s2s_direct_tls_interfaces = {{ "{internet.address}" }}
            s2s_ports = {{ {port} }}
            s2s_direct_tls_ports = {{ {direct if self._direct else ""} }}
            modules_enabled = {{ {", ".join(f'"{each}"' for each in modules)} }}
            c2s_require_encryption = false
            authentication = "internal_hashed"
            s2s_secure_auth = {self._secure_auth}
            ssl = {{ certificate = "{chain}"; key = "{key}"; cafile = "{self._ca}" }}
            unbound = {{
                resolvconf = false; hoststxt = false;
                forward = {{ "{internet.address}@{internet.port}" }};
                options = {{ ["do-not-query-localhost:"] = "no" }};
            }}
            log = {{ {self._level} = "*console" }}
            {self._settings}
            VirtualHost "{self.host}"
            {"".join(self._host(host, issued) for host, issued in self._more.items())}
            """
        )

    def _host(self, host: str, issued: Issued) -> str:
        (self.folder / host).mkdir()
        chain, key = keep(self.folder / host, issued)
        return f"""
            VirtualHost "{host}"
                ssl = {{ certificate = "{chain}"; key = "{key}"; cafile = "{self._ca}" }}
        """


class FederatedEjabberd(Ejabberd):
    """ejabberd, with `modules` and `settings` in its configuration."""

    def __init__(
        self,
        folder: Path,
        internet: Internet,
        modules: Sequence[str] = ("mod_s2s_dialback",),
        settings: str = "",
        issued: Issued | None = None,
        ca: Path | None = None,
        direct: bool = False,
    ) -> None:
        self.host = EJABBERD
        self._internet = internet
        self._modules = modules
        self._settings = settings
        self._issued = issued or internet.valid(EJABBERD)
        self._ca = ca or internet.ca
        self._direct = direct
        super().__init__(folder)

    def configure(self) -> None:
        """Write the configuration."""
        for name in ("spool", "logs", "conf"):
            (self.folder / name).mkdir()
        chain, key = keep(self.folder, self._issued)
        (self.folder / "both.pem").write_bytes(chain.read_bytes() + key.read_bytes())
        internet = self._internet
        port, direct = free_ports(internet.address, 2)
        (self._distribution,) = free_ports("127.0.0.1", 1)
        internet.serve(self.host, port, direct if self._direct else 0)
        octets = internet.address.replace(".", ",")
        (self.folder / "conf" / "ejabberdctl.cfg").touch()
        (self.folder / "conf" / "inetrc").write_text(
            '{lookup, ["file", "dns"]}.\n{resolv_conf, ""}.\n{hosts_file, ""}.\n'
            f"{{nameserver, {{{octets}}}, {internet.port}}}.\n"
            '{host, {127,0,0,1}, ["localhost"]}.\n'
        )
        modules = ("mod_disco", "mod_ping", "mod_roster", "mod_version", *self._modules)
        (self.folder / "conf" / "ejabberd.yml").write_text(
            f"""
hosts: [{self.host}]
loglevel: debug
auth_password_format: scram
certfiles: ["{self.folder / "both.pem"}"]
ca_file: "{self._ca}"
s2s_use_starttls: required
listen:
  - {{port: {self.port}, ip: "{self.address}", module: ejabberd_c2s, starttls: false}}
  - {{port: {port}, ip: "{internet.address}", module: ejabberd_s2s_in}}
  - {{port: {direct}, ip: "{internet.address}", module: ejabberd_s2s_in, tls: true}}
modules:
{chr(10).join(f"  {each}: {{}}" for each in modules)}
{self._settings}
"""
        )


class FederationCase(ClientCase):
    """A test with an internet of its own."""

    def setUp(self) -> None:
        folder = self.folder()
        folder.chmod(0o755)
        self.internet = Internet(folder)
        self.addCleanup(self.internet.stop)

    def here(self, **how: Any) -> FederatedServer:
        """Return our server, not started; `how` as for `FederatedServer`."""
        return FederatedServer(self.folder(), self.internet, **how)

    def prosody(self, **how: Any) -> FederatedProsody:
        """Return a Prosody, not started; `how` as for `FederatedProsody`."""
        return FederatedProsody(self._readable_folder(), self.internet, **how)

    def ejabberd(self, **how: Any) -> FederatedEjabberd:
        """Return an ejabberd, not started; `how` as for `FederatedEjabberd`."""
        return FederatedEjabberd(self._readable_folder(), self.internet, **how)

    def _readable_folder(self) -> Path:
        folder = self.folder()
        folder.chmod(0o755)
        return folder

    def run_all(self, here: FederatedServer, *others: Prosody | Ejabberd) -> None:
        """Start the DNS and the servers, and let each have one user: juliet here, romeo there."""
        self.internet.start()
        self.started(here)
        here.add("juliet")
        for other in others:
            self.addCleanup(other.stop)
            if isinstance(other, FederatedProsody):
                other.add("romeo", other.host, "romeo")
            other.start()
            if isinstance(other, FederatedEjabberd):
                other.add("romeo", other.host, "romeo")

    def juliet(self, here: FederatedServer) -> Person:
        """Return a client on our server, without presence; it leaves all answers to the test."""
        return self._person("juliet", here, here.ca)

    def romeo(self, there: FederatedProsody | FederatedEjabberd, host: str = "") -> Person:
        """Return a client on another server, as `juliet` is on ours."""
        return self._person("romeo", there, host=host)

    def _person(self, name: str, server: Any, ca: Path | None = None, host: str = "") -> Person:
        jid = f"{name}@{host or server.host}/somewhere"

        def log_in() -> SlixmppClient:
            client = SlixmppClient(Path(self.mktemp()), name)
            self.addCleanup(client.end)
            client.ask(
                "connect",
                jid=jid,
                password=name,
                address=server.address,
                port=server.port,
                ca=str(ca or ""),
                starttls=ca is not None,
                direct=False,
                mechanism="",
                tls="",
                plaintext=ca is None,
                quiet=True,
            )
            client.expect("session", jid=jid)
            return client

        return Person(jid, log_in)

    def explained(self, here: FederatedServer, domain: str) -> list[tuple[str, bool, str]]:
        """Return the steps of the way to a domain, whether each worked, and what is said of it."""
        told = self.ctl_json(here, "s2s", "explain", domain)
        return [(each["step"], each["ok"], each["text"]) for each in told]

    def assert_streams(self, here: FederatedServer, *expected: tuple[str, str]) -> None:
        """Hold the direction and the proof of each stream that our server has."""
        rows = self.ctl_json(here, "s2s", "list")
        self.assertEqual([(row["direction"], row["proof"]) for row in rows], list(expected), rows)
        for row in rows:
            self.assertEqual((row["tls"], row["queued"], row["trouble"]), (True, 0, ""), row)
