"""What a plugin file declares: modules, mechanisms, stores, clusters; code is named by string.

A distribution brings a file `twisted/plugins/acme_xmppd.py` (and no `__init__.py` beside it) with
one line for each thing it adds::

    filter = ModuleMaker("acme-filter", "acme.filter.Filter", config="acme.filter.Settings")

Reading such a line imports nothing; the code is imported when a configuration wants it. Names are
lower-case words joined by hyphens; those of other distributions begin with the distribution's name.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, cast, get_args

from twisted.internet.interfaces import IReactorTime
from twisted.plugin import IPlugin
from twisted.python.reflect import namedAny
from zope.interface import Attribute, Interface, implementer

from xmppd.api.auth import ICredentialsFactory
from xmppd.api.storage import Storage
from xmppd.sasl.exchange import Mechanism

Completeness = Literal["complete", "partial", "planned", "deprecated", "removed", "wontfix"]
"""How much of a XEP is there, in the words of the DOAP vocabulary for XEPs (XEP-0453)."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MECHANISM = re.compile(r"[A-Z0-9_-]{1,20}")  # RFC 4422 section 3.1
_CODE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


class MakerError(ValueError):
    """A declaration is wrong, or its code cannot be had; one plain sentence for the operator."""


class IMaker(Interface):
    """Declares something that a configuration can name."""

    kind: str = Attribute('what it is to people: "module"')
    name: str = Attribute("the name used in configurations")
    code: str = Attribute('where the code is: "acme.filter.Filter"')


class IModuleMaker(IMaker):
    """Declares a module."""


class IMechanismMaker(IMaker):
    """Declares a SASL mechanism."""


class IStoreMaker(IMaker):
    """Declares a storage back end."""


class IClusterMaker(IMaker):
    """Declares a way in which nodes know of each other's sessions."""


@dataclass(frozen=True, slots=True)
class Xep:
    """A XEP which a module implements: its number and version, and how far.

    `note` tells in a few words what is left out, or what is special.
    """

    number: str
    version: str
    completeness: Completeness = "complete"
    note: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d{4}", self.number) or not re.fullmatch(
            r"\d+(\.\d+)*", self.version
        ):
            raise MakerError(f'a XEP is named like "0199", its version like "2.0.1": {self}')
        if self.completeness not in get_args(Completeness):
            raise MakerError(f"completeness is one of {', '.join(get_args(Completeness))}: {self}")


@dataclass(frozen=True, slots=True)
class Maker:
    """What all declarations share; the code is imported by `load`, never before."""

    kind: ClassVar[str] = "plugin"
    names: ClassVar[re.Pattern[str]] = _NAME

    name: str
    code: str

    def __post_init__(self) -> None:
        if not self.names.fullmatch(self.name):
            raise MakerError(f"{self.name!r} cannot be the name of a {self.kind}")
        if not _CODE.fullmatch(self.code):
            raise MakerError(
                f'{self.kind} {self.name}: {self.code!r} is not like "acme.filter.Filter"'
            )

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.code})"

    def load(self) -> Callable[..., Any]:
        """Import the code and return it. Raises `MakerError`."""
        code = self._import(self.code)
        if not callable(code):
            raise MakerError(f"{self}: the code is nothing that can be called")
        return cast(Callable[..., Any], code)

    def _import(self, name: str) -> object:
        try:
            found: object = namedAny(name)  # type: ignore[no-untyped-call]  # untyped in Twisted
        except Exception as error:
            # Importing runs other people's code: whatever it raises is the reason we give.
            why = f"{type(error).__name__}: {error}"
            raise MakerError(f"{self}: {name} cannot be imported ({why})") from error
        return found


@dataclass(frozen=True, slots=True)
class ConfiguredMaker(Maker):
    """A declaration of something that may have a configuration section of its own.

    `config` names the section's frozen dataclass (see `xmppd.api.settings`); "" for none.
    """

    config: str = ""

    def settings_type(self) -> type | None:
        """Import and return the section's dataclass, None if there is none. Raises `MakerError`."""
        if not self.config:
            return None
        found = self._import(self.config)
        if not isinstance(found, type) or not is_dataclass(found):
            raise MakerError(f"{self}: {self.config} is no dataclass")
        return found


@implementer(IPlugin, IModuleMaker)
@dataclass(frozen=True, slots=True)
class ModuleMaker(ConfiguredMaker):
    """Declares a module: its code is called with an `IHost`, and its settings if it has `config`.

    - `xeps`: what it implements; the lists of supported XEPs are made from that.
    - `default`: whether it is on where the configuration does not say.
    """

    kind: ClassVar[str] = "module"

    xeps: tuple[Xep, ...] = ()
    default: bool = False


@implementer(IPlugin, IMechanismMaker)
@dataclass(frozen=True, slots=True)
class MechanismMaker(Maker):
    """Declares a SASL mechanism; its code, called with `arguments`, returns a `Mechanism`.

    - `credentials`: names what makes twisted.cred credentials of its facts (`ICredentialsFactory`):
      a class, or a function decorated with `zope.interface.implementer`. The mechanism is offered
      on hosts where a checker takes such credentials. "" for mechanisms whose facts xmppd knows.
    - `weak_in_clear`: whether it shows the password to whoever listens. It is then not offered
      without TLS unless the configuration says so, and its code gets `allow_clear=True`.
    - `xeps`: as for modules.
    - `default`: whether it is on where the configuration does not say.
    """

    kind: ClassVar[str] = "mechanism"
    names: ClassVar[re.Pattern[str]] = _MECHANISM

    credentials: str = ""
    arguments: tuple[object, ...] = ()
    weak_in_clear: bool = False
    xeps: tuple[Xep, ...] = ()
    default: bool = False

    def make(self, *, allow_clear: bool = False) -> Mechanism:
        """Import the code and make the mechanism. Raises `MakerError`."""
        options = {"allow_clear": True} if allow_clear and self.weak_in_clear else {}
        mechanism: Mechanism = self.load()(*self.arguments, **options)
        if mechanism.name != self.name:
            raise MakerError(f"{self}: the code makes a mechanism named {mechanism.name}")
        return mechanism

    def credentials_factory(self) -> ICredentialsFactory | None:
        """Import and return what makes the credentials; None if xmppd does. Raises `MakerError`."""
        if not self.credentials:
            return None
        return cast(ICredentialsFactory, self._import(self.credentials))


@dataclass(frozen=True, slots=True)
class StoreContext:
    """What a back end is made from.

    - `data`: the server's data directory; `settings`: the section it was configured with, or None.
    - `clock`: the reactor's time; `to_reactor(f, *args)`: calls `f` on the reactor's thread.
    - `new_id`: returns an unpredictable id.
    """

    data: Path
    settings: Any
    clock: IReactorTime
    to_reactor: Callable[..., object]
    new_id: Callable[[], str]


@implementer(IPlugin, IStoreMaker)
@dataclass(frozen=True, slots=True)
class StoreMaker(ConfiguredMaker):
    """Declares a storage back end: its code is called with a `StoreContext`."""

    kind: ClassVar[str] = "store"

    def make(self, context: StoreContext) -> Storage:
        """Import the code and make the storage; nothing is opened yet. Raises `MakerError`."""
        storage: Storage = self.load()(context)
        return storage


@implementer(IPlugin, IClusterMaker)
@dataclass(frozen=True, slots=True)
class ClusterMaker(ConfiguredMaker):
    """Declares a cluster: its code, called with the node's name, returns an `ICluster`."""

    kind: ClassVar[str] = "cluster"
