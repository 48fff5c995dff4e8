"""DNS messages as tests write them."""

from collections.abc import Sequence
from typing import Any

from twisted.names import dns

NAME = "example.net"

Payload = dns.Record_A | dns.Record_AAAA | dns.Record_SRV | dns.Record_CNAME | dns.Record_SOA


def a(address: str) -> dns.Record_A:
    return dns.Record_A(address)


def aaaa(address: str) -> dns.Record_AAAA:
    return dns.Record_AAAA(address)


def srv(priority: int, weight: int, port: int, target: str) -> dns.Record_SRV:
    return dns.Record_SRV(priority, weight, port, target.encode("latin-1"))


def cname(target: str) -> dns.Record_CNAME:
    return dns.Record_CNAME(target.encode("latin-1"))


def soa(minimum: int) -> dns.Record_SOA:
    return dns.Record_SOA(b"ns", b"root", minimum=minimum)


def record(name: str, payload: Any, ttl: int = 300, cls: int = dns.IN) -> dns.RRHeader:
    return dns.RRHeader(name.encode("latin-1"), payload.TYPE, cls, ttl, payload)


def answer(
    *records: dns.RRHeader, code: int = dns.OK, authority: Sequence[dns.RRHeader] = ()
) -> dns.Message:
    """Make an answer that nobody has asked for yet."""
    message = dns.Message(answer=1, rCode=code, maxSize=65535)
    message.answers = list(records)
    message.authority = list(authority)
    return message
