"""What counts as one place to connect from, where connections are counted (RFC 6120 13.12)."""

from ipaddress import IPv6Address, IPv6Network


def network_of(address: str) -> str:
    """Return the network of an IP address: an IPv4 address itself, an IPv6 /64.

    What is no IP address, such as the name of a socket, stands for itself.
    """
    if ":" not in address:
        return address
    try:
        ip = IPv6Address(address)
    except ValueError:
        return address
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(IPv6Network((int(ip) >> 64 << 64, 64)))
