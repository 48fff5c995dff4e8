"""One host of a server, put together: its accounts, its ways to log in, its modules."""

from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.cred.checkers import AllowAnonymousAccess
from twisted.cred.portal import Portal

from xmppd.api.auth import IPasswords
from xmppd.api.cluster import ICluster
from xmppd.api.moments import AccountCreated, AccountDeleted, AccountEnding
from xmppd.api.registrations import Provide, Registration, StreamFeature
from xmppd.api.router import IRouter
from xmppd.api.storage import HostStorage, KeyValue, Storage
from xmppd.auth.accounts import Passwords
from xmppd.auth.checkers import StoreChecker
from xmppd.auth.first_of import FirstOf
from xmppd.auth.keys import KeptSecret, StoredKeys
from xmppd.auth.methods import Method, method_for
from xmppd.auth.passwords import KeyMaker, PasswordVerifier
from xmppd.auth.portal import Authenticator
from xmppd.auth.realm import AccountRealm
from xmppd.auth.throttle import Throttle
from xmppd.c2s.hosts import ClientHost
from xmppd.makers import MakerError, MechanismMaker, ModuleMaker
from xmppd.net.client_certificates import ClientTrust
from xmppd.routing.host import LocalHost
from xmppd.server.collaborators import Collaborators
from xmppd.server.config import OWN_ACCOUNTS, HostConfig, ServerConfig
from xmppd.server.inventory import Inventory
from xmppd.server.users import UserStoreError, make_checkers

ACCOUNTS_FEATURE = "accounts"
"""The name under which a host's own services are installed beside its modules."""

ANONYMOUS = "ANONYMOUS"


class IModule(Protocol):
    """What the code of a `ModuleMaker` makes."""

    def registrations(self) -> Iterable[Registration]:
        """Return what the module hooks."""


class ModuleRefused(MakerError):
    """A module cannot work on a host as it is configured; one plain sentence for the operator.

    `host` and `module` are the names of both, `why` is what the module says about it.
    """

    def __init__(self, host: str, module: str, why: str) -> None:
        super().__init__(f"module {module} cannot be made for {host}: {why}")
        self.host = host
        self.module = module
        self.why = why


@dataclass(frozen=True, slots=True)
class Host:
    """A host that is put together.

    `local` routes for it, `clients` is its side towards clients, `passwords` makes its accounts.
    """

    config: HostConfig
    local: LocalHost
    clients: ClientHost
    passwords: Passwords


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all hosts of a server share."""

    config: ServerConfig
    inventory: Inventory
    outside: Collaborators
    storage: Storage
    router: IRouter
    cluster: ICluster
    throttle: Throttle
    trust: ClientTrust | None


@dataclass(frozen=True, slots=True)
class _Keys:
    """What a host's passwords are made into, and held against."""

    stored: StoredKeys
    maker: KeyMaker
    verifier: PasswordVerifier


class _Lives:
    """Has the features of a host know when its accounts begin and end."""

    def __init__(self, local: LocalHost) -> None:
        self._local = local

    def created(self, localpart: str) -> None:
        self._local.announce(AccountCreated, localpart)

    def ending(self, localpart: str) -> Coroutine[Any, Any, None]:
        self._end_sessions(localpart)
        return self._local.announce_and_wait(AccountEnding, localpart)

    def deleted(self, localpart: str) -> None:
        self._end_sessions(localpart)  # somebody may have logged in meanwhile
        self._local.announce(AccountDeleted, localpart)

    def _end_sessions(self, localpart: str) -> None:
        for session in self._local.accounts_domain.sessions.of(localpart):
            session.close("not-authorized", "this account has been deleted")


def build_host(config: HostConfig, shared: Surroundings) -> Host:
    """Put a host together; its modules are not there yet, nothing is read or opened.

    Raises `MakerError` and `UserStoreError`, one plain sentence each.
    """
    kept = shared.storage.host(config.name)
    local = _local_host(config, shared, kept)
    lives, keys = _Lives(local), _keys(shared, kept)
    passwords = Passwords(
        kept.accounts,
        shared.storage.tickets,
        keys.maker,
        keys.verifier,
        shared.outside.wall,
        lives.created,
        lives.deleted,
        lives.ending,
        sole=config.users == (OWN_ACCOUNTS,),
    )
    realm = AccountRealm(kept.accounts, shared.outside.wall, shared.outside.entropy, lives.created)
    own = StoreChecker(kept.accounts, keys.stored, keys.verifier, keys.maker)
    authenticator = _authenticator(config, shared, _portal(config, realm, own), keys.stored)
    own_accounts = OWN_ACCOUNTS in config.users and not config.anonymous
    local.install(ACCOUNTS_FEATURE, [Provide(IPasswords, passwords)] if own_accounts else [])
    return Host(config, local, _towards_clients(config, shared, local, authenticator), passwords)


def _local_host(config: HostConfig, shared: Surroundings, kept: HostStorage) -> LocalHost:
    outside = shared.outside
    return LocalHost(
        config.name,
        storage=kept,
        tickets=shared.storage.tickets,
        router=shared.router,
        cluster=shared.cluster,
        clock=outside.clock,
        wall=outside.wall,
        entropy=outside.entropy,
        workers=outside.workers,
        anonymous=config.anonymous,
    )


def _keys(shared: Surroundings, kept: HostStorage) -> _Keys:
    outside, iterations = shared.outside, shared.config.sasl.iterations
    secret = KeptSecret(kept.open("scram-secret", KeyValue), outside.entropy)
    stored = StoredKeys(kept.accounts, secret.get, iterations)
    maker = KeyMaker(outside.workers, outside.entropy, iterations)
    return _Keys(stored, maker, PasswordVerifier(stored, outside.workers))


def _authenticator(
    config: HostConfig, shared: Surroundings, portal: Portal, keys: StoredKeys
) -> Authenticator:
    return Authenticator(
        portal,
        _methods(config, shared),
        keys,
        shared.throttle,
        shared.outside.clock,
        too_weak=_refused(config, shared),
        patience=shared.config.sasl.attempt_seconds,
    )


def _towards_clients(
    config: HostConfig, shared: Surroundings, local: LocalHost, authenticator: Authenticator
) -> ClientHost:
    registry = local.registry
    return ClientHost(
        config.name,
        authenticator,
        local.accounts_domain,
        tls_required=shared.config.tls_required(config),
        trust=shared.trust,
        features=lambda: [feature for _, feature in registry.records(StreamFeature)],
        before_login=lambda type, name: registry.before_login.get((type, name)),
    )


def _portal(config: HostConfig, realm: AccountRealm, own: StoreChecker) -> Portal:
    """Return the portal of a host's users: its guests, or the user stores in their order."""
    if config.anonymous:
        return Portal(realm, [AllowAnonymousAccess()])
    try:
        return Portal(realm, [FirstOf(make_checkers(config.users, own))])
    except UserStoreError as error:
        error.host = config.name
        raise


def _methods(config: HostConfig, shared: Surroundings) -> list[Method]:
    """Return the mechanisms the configuration wants on a host."""
    allow_clear = shared.config.sasl.plain_without_tls
    return [
        method_for(
            maker.make(allow_clear=allow_clear),
            shared.outside.workers,
            maker.credentials_factory(),
        )
        for maker in _chosen(config, shared)
    ]


def _refused(config: HostConfig, shared: Surroundings) -> list[str]:
    """Return the mechanisms that are there and switched off."""
    chosen = {maker.name for maker in _chosen(config, shared)}
    return [name for name in shared.inventory.mechanisms if name not in chosen]


def _chosen(config: HostConfig, shared: Surroundings) -> Sequence[MechanismMaker]:
    sasl = shared.config.sasl
    guests = (ANONYMOUS,) if config.anonymous else ()
    return shared.inventory.chosen_mechanisms((*sasl.enable, *guests), sasl.disable)


def install_modules(host: Host, inventory: Inventory) -> None:
    """Make a host's modules, then install them all.

    Raises `ModuleRefused` if one cannot be made, `RegistrationError` if two of them clash.
    """
    wanted = host.config.modules
    makers = inventory.chosen_modules(wanted.enable, wanted.disable)
    modules = {maker: _module(maker, host) for maker in makers}
    host.local.install_all(
        {maker.name: _registrations(maker, module, host) for maker, module in modules.items()}
    )


def _module(maker: ModuleMaker, host: Host) -> IModule:
    code = maker.load()
    settings_type = maker.settings_type()
    try:
        if settings_type is None:
            module: IModule = code(host.local)
        else:
            settings = host.config.modules.sections.get(maker.name)
            module = code(host.local, settings_type() if settings is None else settings)
    except ValueError as error:
        raise ModuleRefused(host.config.name, maker.name, str(error)) from error
    except Exception as error:
        raise _failed(maker, host, error) from error
    return module


def _registrations(maker: ModuleMaker, module: IModule, host: Host) -> tuple[Registration, ...]:
    try:
        return tuple(module.registrations())
    except Exception as error:
        raise _failed(maker, host, error) from error


def _failed(maker: ModuleMaker, host: Host, error: Exception) -> ModuleRefused:
    # Anybody's code: whatever it raises is the reason we give.
    why = f"{maker.code} failed ({type(error).__name__}: {error})"
    return ModuleRefused(host.config.name, maker.name, why)
