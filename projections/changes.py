"""What a batch changes in the tables of one read model."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from projections.definition import Part, ReadModel, Row
from streams.records import Recorded

Unit = tuple[str, str]
"""(tenant, unit): what is folded, held and corrected as a whole. Also (tenant, key): a row."""

Kept = tuple[Any, int]
"""A row as it is kept: its state and position."""

FOR_EVER = 2**62
"""After every position."""

History = Callable[[str, str], list[Recorded]]
"""Returns every event of (tenant, stream) up to the end of the batch."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A poison event: its unit waits behind it. `error` names the failure and its place in the code, no values."""

    position: int
    stream: str
    type: str
    error: str


class Shown(NamedTuple):
    """A row as it will be: its state, position and what it waits behind, shown as `values` and `parts` of sums."""

    state: Any
    position: int
    held_since: int | None = None
    values: Row = ()
    parts: tuple[list[Part], ...] = ()


@dataclass(slots=True)
class Changes:
    """What a batch changes in the tables of one read model.

    Rows of the fold: (tenant, key, position, held_since, *values, state as JSON). `after` has each row touched as
    the next batch will meet it.
    """

    inserted: list[Row] = field(default_factory=list)
    updated: list[Row] = field(default_factory=list)
    deleted: list[tuple[str, str]] = field(default_factory=list)
    entries: list[Row] = field(default_factory=list)
    retracted: list[tuple[str, list[int]]] = field(default_factory=list)
    sums: list[dict[tuple[str, ...], list[Any]]] = field(default_factory=list)
    held: dict[Unit, Hold] = field(default_factory=dict)
    released: list[Unit] = field(default_factory=list)
    after: dict[Unit, Kept | None] = field(default_factory=dict)

    def replace(self, model: ReadModel, row: Unit, before: Kept | None, after: Shown) -> None:
        """Note how a row of the model's fold changes, and what that adds to its sums."""
        tenant, key = row
        if before is not None:
            for total, sums in zip(model.sums, self.sums, strict=True):
                for part in total.parts(before[0]):
                    _subtract(sums, tenant, part)
        if after.state is None:
            self.after[row] = None
            if before is not None:
                self.deleted.append(row)
            return
        self.after[row] = (after.state, after.position)
        written = (
            tenant,
            key,
            after.position,
            after.held_since,
            *after.values,
            _encode(after.state).decode(),
        )
        (self.inserted if before is None else self.updated).append(written)
        for sums, parts in zip(self.sums, after.parts, strict=True):
            for part in parts:
                _add(sums, tenant, part)


def _add(sums: dict[tuple[str, ...], list[Any]], tenant: str, part: Part) -> None:
    key, numbers = (tenant, *part[0]), part[1]
    kept = sums.get(key)
    if kept is None:
        sums[key] = [*numbers, 1]
        return
    for index, number in enumerate(numbers):
        kept[index] += number
    kept[-1] += 1


def _subtract(sums: dict[tuple[str, ...], list[Any]], tenant: str, part: Part) -> None:
    key, numbers = (tenant, *part[0]), part[1]
    kept = sums.setdefault(key, [0] * (len(numbers) + 1))
    for index, number in enumerate(numbers):
        kept[index] -= number
    kept[-1] -= 1


_encode = msgspec.json.Encoder(order="deterministic").encode  # the state is compared as text
