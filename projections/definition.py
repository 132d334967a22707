"""What a read model is: tables, a key and a fold. Nothing else is written by its author."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from domain.event import Event
from domain.ids import id_of
from streams.records import Recorded

S = TypeVar("S", bound=msgspec.Struct)
Row = tuple[Any, ...]
Part = tuple[tuple[Any, ...], tuple[Any, ...]]
"""What a state adds to one row of a sum: its key, its numbers."""
Evolve = Callable[[S | None, Recorded], S | None]


@dataclass(frozen=True, kw_only=True)
class Fold(Generic[S]):
    """A table with one row a key, folded from the events of one stream.

    `evolve` maps each event class to a pure function (state or None, recorded) -> state or None, which never changes
    the state it is given; None means: no row. `row` shows a state as the values of `columns`, in their order. The
    state itself is kept beside them as JSON, so that the fold goes on where it stopped. `keyed` gives the key of a
    unit (see ReadModel.unit). Runtime columns: tenant, `key`, position (the last event that touched the row),
    held_since (the poison event it waits behind), state.
    """

    name: str
    key: str
    columns: Mapping[str, str]
    state: type[S]
    evolve: Mapping[type[Event], Evolve[S]]
    row: Callable[[S], Row]
    keyed: Callable[[str], str] = id_of
    indexes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Journal:
    """A table that is only added to: `row` gives the values of `columns` for an event, or None to be silent.

    Its key is (tenant, position).
    """

    name: str
    columns: Mapping[str, str]
    row: Callable[[Recorded], Row | None]
    indexes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Sum(Generic[S]):
    """Totals over the rows of the model's fold, kept by the difference that each change of a row makes.

    `parts` gives what a state adds: (values of `key`, numbers in the order of `numbers`). A row that nothing adds to
    any more is gone; how many parts make a row is counted in `parts`.
    """

    name: str
    key: Mapping[str, str]
    numbers: Mapping[str, str]
    parts: Callable[[S], Iterable[Part]]
    indexes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReadModel:
    """Tables that are always consistent with each other: one version, one checkpoint, one transaction.

    It follows streams of these `kinds` (None: of all). `unit` names what is folded, held and corrected as a whole:
    the stream, or a part of it as "stream/part".
    """

    name: str
    version: int
    kinds: tuple[str, ...] | None
    fold: Fold[Any] | None = None
    journal: Journal | None = None
    sums: tuple[Sum[Any], ...] = ()
    unit: Callable[[Recorded], str] | None = None
    shown_as: tuple[str, ...] = field(default=())

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of its tables."""
        parts: list[Fold[Any] | Journal | Sum[Any] | None] = [self.fold, self.journal, *self.sums]
        return tuple(part.name for part in parts if part is not None)

    def unit_of(self, recorded: Recorded) -> str:
        """Return the unit that an event belongs to."""
        return recorded.stream if self.unit is None else self.unit(recorded)

    def follows(self, kind: str) -> bool:
        """Say whether streams of this kind matter to it."""
        return self.kinds is None or kind in self.kinds


class TwoOwners(Exception):
    """A table, or a name to ask for it by, belongs to two read models."""


class UnknownReadModel(Exception):
    """There is no read model or table of this name."""


@dataclass(frozen=True)
class Models:
    """A set of read models in which every table has one owner. Raises TwoOwners otherwise."""

    models: tuple[ReadModel, ...]

    def __post_init__(self) -> None:
        owner: dict[Hashable, str] = {}
        for model in self.models:
            for name in {*model.tables, model.name, *model.shown_as}:
                if owner.setdefault(name, model.name) != model.name:
                    raise TwoOwners(f"{name} belongs to {owner[name]} and {model.name}")

    def named(self, names: Iterable[str]) -> tuple[ReadModel, ...]:
        """Return the models that these names (of models, tables or views) belong to, each once.

        Raises UnknownReadModel.
        """
        owners = {n: m for m in self.models for n in (*m.tables, *m.shown_as, m.name)}
        found: dict[str, ReadModel] = {}
        for name in names:
            if name not in owners:
                raise UnknownReadModel(f"no read model {name!r}; there are {', '.join(sorted(owners))}")
            found[owners[name].name] = owners[name]
        return tuple(found.values())
