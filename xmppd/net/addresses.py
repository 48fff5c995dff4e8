"""Which IP addresses a name in the public DNS may lead to (RFC 6890 and the registries it began).

Whoever owns a name decides what it leads to. Without these rules a stranger could have the server
connect to services of its own machine or network. Addresses for documentation are no danger and
not among them.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_REFUSED = tuple(
    (ip_network(network), kind)
    for kind, networks in {
        "an address of this machine": ("127.0.0.0/8", "::1/128"),
        "an unspecified address": ("0.0.0.0/8", "::/128"),
        "a private address": (
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",  # shared by providers' customers (RFC 6598)
            "192.0.0.0/24",
            "198.18.0.0/15",  # for benchmarks, and in use for tunnels
            "fc00::/7",
            "fec0::/10",  # site-local, before RFC 3879
            "64:ff9b:1::/48",  # translation within a site (RFC 8215)
        ),
        "a link-local address": ("169.254.0.0/16", "fe80::/10"),
        "a multicast address": ("224.0.0.0/4", "ff00::/8"),
        "a reserved address": ("240.0.0.0/4", "100::/64"),
    }.items()
    for network in networks
)

_WRAPPED = tuple(
    (ip_network(network), shift)
    for network, shift in {
        "::ffff:0:0/96": 0,  # IPv4-mapped (RFC 4291 section 2.5.5.2)
        "::/96": 0,  # IPv4-compatible (section 2.5.5.1)
        "::ffff:0:0:0/96": 0,  # IPv4-translated (RFC 7915)
        "64:ff9b::/96": 0,  # NAT64 (RFC 6052 section 2.1)
        "2002::/16": 80,  # 6to4 (RFC 3056 section 2)
        "2001::/32": 64,  # Teredo: the relay's server (RFC 4380 section 4)
    }.items()
)
"""IPv6 networks whose addresses hold an IPv4 address, and how many bits are to its right."""

_TEREDO = ip_network("2001::/32")


def refused(address: str) -> str:
    """Return what is wrong with an IP address as the place of a public server, "" if nothing is.

    Examples are "a private address", "a multicast address"; text that is no IP address is "not an
    IP address". An IPv6 address that stands for an IPv4 address is judged as that, too.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return "not an IP address"
    for each in (ip, *_inside(ip)):
        for network, kind in _REFUSED:
            if each in network:
                return kind
    return ""


def _inside(ip: IPv4Address | IPv6Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that packets to that IPv6 address may be for."""
    for network, shift in _WRAPPED:
        if ip in network:
            yield IPv4Address(int(ip) >> shift & 0xFFFFFFFF)
    if ip in _TEREDO:  # the client behind it, with all bits turned (RFC 4380 section 4)
        yield IPv4Address(~int(ip) & 0xFFFFFFFF)
