"""How the dataclass of a configuration section says which values its fields may have.

A section is a frozen dataclass; its fields' types are what the configuration file is checked
against: `bool`, `int`, `float`, `str`, `Path`, `tuple[X, ...]`, `Literal[...]`, `X | None`. A field
without a default has to be given. What the type cannot say stands in its annotation::

    @dataclass(frozen=True, slots=True)
    class PingSettings:
        after: Annotated[int, Between(10, 3600)] = 300

What fits each field but not together is refused by a `ValueError` from `__post_init__`, whose text
is shown to the operator.
"""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True)
class Between:
    """A number from `least` to `most`, both included."""

    least: float
    most: float

    def allows(self, value: float) -> bool:
        """Tell whether the value is in the range."""
        return self.least <= value <= self.most

    def __str__(self) -> str:
        return f"between {self.least:_} and {self.most:_}"


Port = Annotated[int, Between(0, 65_535)]
"""A TCP port; 0 for none."""

Count = Annotated[int, Between(1, 1_000_000_000)]
"""How many of something there may be."""

Seconds = Annotated[float, Between(0.1, 31_536_000)]
"""A time, at most a year."""
