"""Ways to log in: a SASL mechanism and the credentials made of what it finds out (RFC 6120 6.3.3).

The shipped mechanisms are known here; those of others come with a factory of their own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from twisted.cred.credentials import Anonymous as AnonymousCredentials
from twisted.cred.credentials import ICredentials
from zope.interface import Interface, implementedBy

from xmppd.api.host import IWorkers
from xmppd.auth.credentials import (
    CertificateCredentials,
    DigestMd5Credentials,
    PlainCredentials,
    ScramCredentials,
)
from xmppd.sasl import scram
from xmppd.sasl.anonymous import Anonymous
from xmppd.sasl.digest_md5 import DigestMd5
from xmppd.sasl.exchange import Mechanism
from xmppd.sasl.external import External
from xmppd.sasl.plain import Plain
from xmppd.sasl.scram import Scram

CredentialsFactory = Callable[[Any], object]
"""Makes credentials of the facts of one mechanism (see `xmppd.api.auth.ICredentialsFactory`)."""

# By perceived strength, as XEP-0438 section 5.1 has it; RFC 6120 6.3.4 wants EXTERNAL first.
# Between them: 1 for other mechanisms with channel binding, 2 for SCRAM, 3 for what we do not know.
_STRENGTH = {"EXTERNAL": 0, "PLAIN": 4, "DIGEST-MD5": 5, "ANONYMOUS": 6}
_SCRAM = {mechanism.name: place for place, mechanism in enumerate(scram.MECHANISMS)}


# zope.interface has no types of its own.
_declared: Callable[[object], Iterable[type[Interface]]] = implementedBy


@dataclass(frozen=True, slots=True)
class Method:
    """A mechanism, what makes its facts into credentials, and the interfaces of those."""

    mechanism: Mechanism
    make: CredentialsFactory
    interfaces: tuple[type[Interface], ...]

    @property
    def name(self) -> str:
        """The mechanism's name."""
        return self.mechanism.name

    def served_by(self, interface: type[Interface]) -> bool:
        """Whether a checker of `interface` takes these credentials."""
        return any(own.isOrExtends(interface) for own in self.interfaces)


def method_for(
    mechanism: Mechanism, workers: IWorkers, factory: CredentialsFactory | None = None
) -> Method:
    """Join a mechanism with its credentials.

    `factory` is needed for mechanisms that are not ours: a class, or a function decorated with
    `zope.interface.implementer`, so that it says what credentials it makes. Raises TypeError for
    one that does not, and if there is none.
    """
    if factory is not None:
        return _method(mechanism, factory, factory)
    match mechanism:
        case Scram():
            make = partial(ScramCredentials, workers=workers)
            return _method(mechanism, make, ScramCredentials)
        case Plain():
            return _method(mechanism, PlainCredentials, PlainCredentials)
        case External():
            return _method(mechanism, CertificateCredentials, CertificateCredentials)
        case DigestMd5():
            return _method(mechanism, DigestMd5Credentials, DigestMd5Credentials)
        case Anonymous():
            return _method(mechanism, lambda facts: AnonymousCredentials(), AnonymousCredentials)
    raise TypeError(f"{mechanism.name} comes without a factory for credentials")


def in_order(methods: Iterable[Method]) -> dict[str, Method]:
    """The methods by name, the strongest first; equals keep their order.

    Raises ValueError for two of one name.
    """
    ordered: dict[str, Method] = {}
    for method in sorted(methods, key=_rank):
        if method.name in ordered:
            raise ValueError(f"two mechanisms are called {method.name}")
        ordered[method.name] = method
    return ordered


def _method(mechanism: Mechanism, make: CredentialsFactory, made: Callable[..., object]) -> Method:
    """Join them; `made` is what declares the interfaces of that which `make` makes."""
    interfaces = tuple(each for each in _declared(made) if each.isOrExtends(ICredentials))
    if not interfaces:
        raise TypeError(f"the factory for {mechanism.name} does not say what credentials it makes")
    return Method(mechanism, make, interfaces)


def _rank(method: Method) -> tuple[int, int]:
    name = method.name
    if name in _STRENGTH:
        strength = _STRENGTH[name]
    elif name.endswith("-PLUS"):
        strength = 1
    else:
        strength = 2 if name.startswith("SCRAM-") else 3
    return strength, _SCRAM.get(name, len(_SCRAM))
