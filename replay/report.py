"""What a rebuild tells while it runs and when it is done."""

from collections.abc import Callable
from dataclasses import dataclass, field

from replay.comparing import Difference


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rebuild is: events done of `total`, per second, and the seconds left (None while unknown)."""

    name: str
    step: str
    done: int
    total: int
    rate: float
    eta: float | None


Tell = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild of one read model found, and whether its tables were swapped in."""

    name: str
    tables: tuple[str, ...]
    through: int
    rows: int
    events: int
    differing: int
    differences: tuple[Difference, ...]
    swapped: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """What a rebuild did. `swapped` is False where rows differ and nobody approved: the builds are kept for that."""

    models: tuple[Rebuilt, ...] = field(default=())

    @property
    def swapped(self) -> bool:
        """Whether every model was swapped in."""
        return all(model.swapped for model in self.models)
