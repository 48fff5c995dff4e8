"""Whose certificates are believed: the system's authorities, or those that an operator names."""

from pathlib import Path

from tests.net.pki import Issued, Order, authority, issue
from tests.s2s.world import CAPULET, MONTAGUE, WorldCase, certificate, service
from xmppd.net.certificates import CertificateError
from xmppd.net.roots import Roots
from xmppd.server.assemble import Server
from xmppd.server.config import RemoteConfig, ServersConfig
from xmppd.server.servers import read_authorities

PRIVATE = "private"


def private(*hosts: str) -> Issued:
    """Return a certificate of an authority that the system does not know."""
    return issue(Order(hosts=hosts), authority(PRIVATE))


class AuthorityTests(WorldCase):
    """`s2s.ca` and the `ca` of single domains."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def file(self, *believed: Issued) -> Path:
        path = self.folder / "authorities.pem"
        path.write_bytes(b"".join(each.pem for each in believed))
        return path

    def believes(self, server: Server, issued: Issued) -> bool:
        """Tell whether a certificate proves Montague to a server."""
        return service(server).around.judge(issued.chain_der, MONTAGUE).valid

    def test_instead_of_the_system(self) -> None:
        path = self.file(authority(PRIVATE))
        public = self.folder / "public.pem"
        public.write_bytes(authority().pem)
        other = RemoteConfig("other.example", ca=public)
        server = self.world.server(CAPULET, ca=path, domains=(other,))
        self.assertTrue(self.believes(server, private(MONTAGUE)))
        self.assertFalse(self.believes(server, certificate(MONTAGUE)))
        around = service(server).around
        self.assertIsNot(around.roots_of["other.example"], around.roots)

    def test_the_system_is_not_asked(self) -> None:
        def fails() -> Roots:
            raise CertificateError("there is no list")

        self.patch(Roots, "of_system", staticmethod(fails))
        server = self.world.server(CAPULET, ca=self.file(authority(PRIVATE)))
        self.assertTrue(self.believes(server, private(MONTAGUE)))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_a_reload(self) -> None:
        """The file is read again; one that cannot be read changes nothing."""
        path = self.file(authority(PRIVATE))
        server = self.world.server(CAPULET, ca=path)
        path.unlink()
        error: CertificateError = self.assertRaises(CertificateError, server.load_certificates)
        self.assertTrue(str(error).startswith(f"s2s.ca: {path}: cannot be read"), error)
        self.assertTrue(self.believes(server, private(MONTAGUE)))
        self.file(authority())
        server.load_certificates()
        self.assertFalse(self.believes(server, private(MONTAGUE)))
        self.assertTrue(self.believes(server, certificate(MONTAGUE)))

    def test_what_cannot_be_read(self) -> None:
        empty = self.file()
        for config, setting in (
            (ServersConfig(ca=empty), "s2s.ca"),
            (
                ServersConfig(domains=(RemoteConfig(MONTAGUE, ca=empty),)),
                f's2s.domain."{MONTAGUE}".ca',
            ),
        ):
            error: CertificateError = self.assertRaises(CertificateError, read_authorities, config)
            self.assertTrue(str(error).startswith(f"{setting}: {empty}: holds no certificate"))
