"""An internet on this machine: names and certificates by which servers under test find each other.

Everybody asks a DNS server of the test's own; there is one authority whose certificates all
believe, and another one that nobody knows.
"""

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.live.harness import free_ports
from tests.live.processes import PATIENCE, ROOT, Heard, environment
from tests.net.pki import Issued, Order, issue, write

SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH

# COMPAT(ejabberd): it asks the system for the addresses of hosts, not the DNS server it is told of.
_HOST = "localhost"
_DAY = timedelta(days=1)


def _ordered(name: str, *, authority: bool = False, expired: bool = False, **more: object) -> Order:
    now = datetime.now(UTC)
    start, end = (now - 90 * _DAY, now - _DAY) if expired else (now - _DAY, now + 90 * _DAY)
    return Order(
        hosts=() if authority else (name,),
        subject=name,
        authority=authority or None,
        start=start,
        end=end,
        **more,  # type: ignore[arg-type]
    )


class Internet:
    """What servers need to find and to believe each other.

    - `ca`: a file with the authority's certificate, for everybody to read; `other_ca` that of the
      one which has certified nobody.
    - `address`: of everybody; `port`: of the DNS server. Records are added (`serve`) before it is
      started.
    """

    def __init__(self, folder: Path) -> None:
        self.address = "127.0.0.1"
        (self.port,) = free_ports(self.address, 1)
        self._zone = folder / "zone"
        self._records = [f"{_HOST} A {self.address}"]
        for_both = (SERVER, CLIENT)
        self._authority = issue(_ordered("The test's", authority=True, usages=for_both))
        self._stranger = issue(_ordered("Somebody's", authority=True, usages=for_both))
        self.ca, self.other_ca = folder / "authority.pem", folder / "other.pem"
        for file, issued in ((self.ca, self._authority), (self.other_ca, self._stranger)):
            file.write_bytes(issued.pem)
            file.chmod(0o644)
        self._process: subprocess.Popen[str] | None = None

    # Certificates.

    def valid(self, domain: str, usages: Sequence[x509.ObjectIdentifier] = (SERVER,)) -> Issued:
        """Return a certificate that everybody believes."""
        return issue(_ordered(domain, usages=usages), self._authority)

    def expired(self, domain: str) -> Issued:
        """Return one that was good until yesterday."""
        return issue(_ordered(domain, expired=True), self._authority)

    def unknown(self, domain: str) -> Issued:
        """Return one of an authority that nobody believes."""
        return issue(_ordered(domain), self._stranger)

    def self_signed(self, domain: str) -> Issued:
        """Return one that only its owner vouches for."""
        return issue(_ordered(domain))

    # Names.

    def serve(self, domain: str, port: int, direct: int = 0) -> None:
        """Have a domain found at a port of this machine, or else one for direct TLS only."""
        service = "_xmpps-server" if direct else "_xmpp-server"
        self._records.append(f"{service}._tcp.{domain} SRV 0 0 {direct or port} {_HOST}")

    def start(self) -> None:
        """Answer questions from now on."""
        self._zone.write_text("\n".join(self._records))
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.net.dns_server"),
                *(str(self._zone), self.address, str(self.port)),
            ],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        self._heard = Heard(self._process.stdout, str, "the DNS server")
        self._heard.take(lambda line: line == f"{self.address}:{self.port}", "address")

    def stop(self) -> None:
        """Answer no more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._heard.to_the_end()


def keep(folder: Path, issued: Issued) -> tuple[Path, Path]:
    """Put a certificate and its key into a folder; return both paths."""
    return write(folder, issued, "certificate")
