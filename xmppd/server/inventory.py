"""Everything a configuration can name: the makers found, by kind and name.

Who looks for them is the service (`xmppd.service.plugins`); a program that embeds the server may
hand in any others.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

from xmppd.makers import (
    ClusterMaker,
    Maker,
    MakerError,
    MechanismMaker,
    ModuleMaker,
    StoreMaker,
)

AnyMaker = TypeVar("AnyMaker", bound=Maker)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The makers of each kind by name, in the order they were found: shipped ones first.

    `user_stores` are the kinds of user stores found (twisted.cred.strcred calls them authType);
    `troubles` are sentences about plugin files that could not be read.
    """

    modules: Mapping[str, ModuleMaker]
    mechanisms: Mapping[str, MechanismMaker]
    stores: Mapping[str, StoreMaker]
    clusters: Mapping[str, ClusterMaker]
    user_stores: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        makers: Iterable[object],
        user_stores: Sequence[str] = (),
        troubles: Sequence[str] = (),
    ) -> "Inventory":
        """Sort makers by kind; what is none is passed over.

        Raises `MakerError` if two of a kind have one name.
        """
        found = list(makers)
        return cls(
            _by_name(found, ModuleMaker),
            _by_name(found, MechanismMaker),
            _by_name(found, StoreMaker),
            _by_name(found, ClusterMaker),
            tuple(user_stores),
            tuple(troubles),
        )

    def chosen_modules(self, enable: Sequence[str], disable: Sequence[str]) -> list[ModuleMaker]:
        """Return the default modules and the enabled ones, in that order, without the disabled.

        Raises `MakerError` for a name that is not there.
        """
        for name in (*enable, *disable):
            self._check("module", self.modules, name)
        default = [name for name, maker in self.modules.items() if maker.default]
        names = dict.fromkeys([*default, *enable])
        return [self.modules[name] for name in names if name not in disable]

    def chosen_mechanisms(
        self, enable: Sequence[str], disable: Sequence[str]
    ) -> list[MechanismMaker]:
        """Return the mechanisms so chosen in the order they were found, the strongest first.

        Raises `MakerError` for a name that is not there.
        """
        for name in (*enable, *disable):
            self._check("mechanism", self.mechanisms, name)
        return [
            maker
            for name, maker in self.mechanisms.items()
            if name not in disable and (maker.default or name in enable)
        ]

    def store(self, name: str) -> StoreMaker:
        """Return the store of that name. Raises `MakerError` if there is none."""
        self._check("store", self.stores, name)
        return self.stores[name]

    def check_user_store(self, description: str) -> None:
        """Raise `MakerError` if nothing makes user stores of a strcred string's kind."""
        self._check("user store", self.user_stores, description.partition(":")[0])

    def _check(self, kind: str, there: Collection[str], name: str) -> None:
        if name in there:
            return
        close = get_close_matches(name, there, 1)
        guess = f"did you mean {close[0]!r}? " if close else ""
        reasons = "".join(f"; {trouble}" for trouble in self.troubles)
        found = ", ".join(there) or "none"
        raise MakerError(f"there is no {kind} {name!r}; {guess}found: {found}{reasons}")


def _by_name(makers: Iterable[object], kind: type[AnyMaker]) -> dict[str, AnyMaker]:
    named: dict[str, AnyMaker] = {}
    for maker in makers:
        if not isinstance(maker, kind):
            continue
        other = named.setdefault(maker.name, maker)
        if other is not maker:
            raise MakerError(f"two plugins are called {maker.name}: {other} and {maker}")
    return named
