"""What the tests of server and service share: makers and an inventory of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from xmppd.api.settings import Between, Seconds
from xmppd.makers import MechanismMaker, ModuleMaker, StoreMaker
from xmppd.server.inventory import Inventory

HERE = "tests.server.makers"


@dataclass(frozen=True, slots=True)
class FilterSettings:
    """A section with a field of each kind."""

    words: tuple[str, ...]
    level: Literal["low", "high"] = "low"
    most: Annotated[int, Between(1, 10)] = 5
    every: Seconds = 1.0
    file: Path | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        if self.strict and not self.words:
            raise ValueError("a strict filter needs words")


@dataclass(frozen=True, slots=True)
class DiskSettings:
    """The section of a store."""

    size: int = 1


DISCO = ModuleMaker("disco", "acme.Disco", default=True)
PING = ModuleMaker("ping", "acme.Ping", default=True)
FILTER = ModuleMaker("acme-filter", "acme.Filter", config=f"{HERE}.FilterSettings")
SCRAM = MechanismMaker("SCRAM", "acme.Scram", default=True)
DIGEST = MechanismMaker("DIGEST-MD5", "acme.Digest")
EXTERNAL = MechanismMaker("EXTERNAL", "acme.External", default=True)
ANONYMOUS = MechanismMaker("ANONYMOUS", "acme.Anonymous")
MEMORY = StoreMaker("memory", "acme.memory")
DISK = StoreMaker("disk", "acme.disk", config=f"{HERE}.DiskSettings")
SQLITE = StoreMaker("sqlite", "acme.sqlite")

MAKERS = (DISCO, PING, FILTER, SCRAM, DIGEST, EXTERNAL, ANONYMOUS, MEMORY, DISK, SQLITE)


def inventory() -> Inventory:
    """Everything above, and two kinds of user stores."""
    return Inventory.of(MAKERS, ("xmppd", "file"))
