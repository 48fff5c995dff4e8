"""Which DNS servers to ask: those of the system (resolv.conf(5)), or those somebody has named."""

import re
from ipaddress import ip_address
from pathlib import Path

from twisted.logger import Logger

from xmppd.net.dns_client import Server

PORT = 53
MOST = 3
"""How many servers of the system are asked, as by the system itself."""

RESOLV_CONF = Path("/etc/resolv.conf")


_SERVER = re.compile(r"(?:(?P<ipv4>[0-9.]+)|\[(?P<ipv6>[^]]*)\])(?::(?P<port>[0-9]{1,5}))?")
_LOCAL: tuple[Server, ...] = (("127.0.0.1", PORT),)


def server(text: str) -> Server:
    """Read "192.0.2.53", "192.0.2.53:5353", "2001:db8::53" or "[2001:db8::53]:5353".

    Raises ValueError.
    """
    match = _SERVER.fullmatch(text)
    if match is None:
        return str(ip_address(text)), PORT
    port = int(match["port"] or PORT)
    if not 0 < port < 65536:
        raise ValueError(f"not a port: {port}")
    return str(ip_address(match["ipv6"] or match["ipv4"])), port


def parse(text: str) -> tuple[Server, ...]:
    """Return the servers that a resolv.conf names, or the one of this machine if it names none."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            try:
                found.append((str(ip_address(words[1])), PORT))
            except ValueError:
                continue  # as the system does
    return tuple(found[:MOST]) or _LOCAL


class SystemServers:
    """The servers in a resolv.conf, read anew whenever it has changed."""

    _log = Logger()

    def __init__(self, path: Path = RESOLV_CONF) -> None:
        self._path = path
        self._version: tuple[int, int, int] | None = None
        self._servers = _LOCAL

    def __call__(self) -> tuple[Server, ...]:
        """Return the servers in the order in which to ask them; the last known on trouble."""
        try:
            status = self._path.stat()
            version = status.st_mtime_ns, status.st_ino, status.st_size
            if version != self._version:
                self._servers = parse(self._path.read_text("utf-8", "replace"))
                self._version = version
        except OSError as trouble:
            self._log.debug("{path} cannot be read: {trouble}", path=self._path, trouble=trouble)
        return self._servers
