"""Folding a batch in memory: from events and the states they meet to the changes they make. No I/O of its own."""

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import msgspec

from domain.event import Event
from domain.record import EventsWithdrawn, effective
from projections.definition import Evolve, Part, ReadModel, Row
from streams.records import Recorded, Unreadable

Unit = tuple[str, str]
"""(tenant, unit): what is folded, held and corrected as a whole."""

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


@dataclass(frozen=True, slots=True)
class Folded:
    """What became of one unit: its state, shown as `values`, and what it adds to each sum."""

    state: Any
    position: int
    entries: list[Row]
    hold: Hold | None
    values: Row = ()
    parts: tuple[list[Part], ...] = ()


class Shown(NamedTuple):
    """A row as it will be: its state, position and what it waits behind, shown as `values` and `parts` of sums."""

    state: Any
    position: int
    held_since: int | None
    values: Row
    parts: tuple[list[Part], ...]


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


def grouped(model: ReadModel, events: Iterable[Recorded]) -> dict[Unit, list[Recorded]]:
    """Return the events that concern a model by unit, each unit's in stream order."""
    groups: dict[Unit, list[Recorded]] = {}
    kinds, unit = model.kinds, model.unit
    wanted = None if kinds is None else tuple(f"{kind}-" for kind in kinds)
    for recorded in events:
        stream = recorded.stream
        if wanted is not None and not stream.startswith(wanted):
            continue
        name = (recorded.tenant, stream if unit is None else unit(recorded))
        if (group := groups.get(name)) is None:
            groups[name] = [recorded]
        else:
            group.append(recorded)
    return groups


def fold_unit(
    model: ReadModel, events: Sequence[Recorded], state: Any, position: int, skipped: frozenset[int]
) -> Folded:
    """Fold one unit's events onto its state; stop before the first that cannot be folded."""
    evolve = model.fold.evolve if model.fold else {}
    journal = model.journal.row if model.journal else None
    entries: list[Row] = []
    for recorded in events:
        if skipped and recorded.position in skipped:
            continue
        event = recorded.event
        try:
            if type(event) is Unreadable:
                return Folded(state, position, entries, _hold(recorded, event.why))
            entry = None if journal is None else journal(recorded)
            step = evolve.get(type(event))
            if step is not None:
                state = step(state, recorded)
                position = recorded.position
        except Exception as cause:  # noqa: BLE001 - whatever a fold raises holds this unit alone, and is shown
            return Folded(state, position, entries, _hold(recorded, _told(cause)))
        if entry is not None:
            entries.append((recorded.tenant, recorded.position, *entry))
    return Folded(state, position, entries, None)


def _hold(recorded: Recorded, error: str) -> Hold:
    return Hold(recorded.position, recorded.stream, recorded.type, error)


def _told(cause: Exception) -> str:
    """Say where and how a fold failed without any value, which could be personal."""
    frame = traceback.extract_tb(cause.__traceback__)[-1]
    return f"{type(cause).__name__} in {frame.name}, {frame.filename.rpartition('/')[2]}:{frame.lineno}"


def fold_batch(
    model: ReadModel,
    groups: Mapping[Unit, Sequence[Recorded]],
    loaded: Mapping[Unit, Kept],
    *,
    held: Mapping[Unit, int],
    skipped: frozenset[int],
    history: History,
) -> Changes:
    """Fold every unit of a batch and collect what it changes. `loaded` has the rows by (tenant, key) that exist.

    Units in `held` wait, unless one of their events was withdrawn: then they are folded anew.
    """
    changes = Changes(sums=[{} for _ in model.sums])
    keyed = model.fold.keyed if model.fold else None
    fold = partial(_fold_smoothly, model, _steps(model)) if not skipped else None
    for name, events in groups.items():
        before = None if keyed is None else loaded.get((name[0], keyed(name[1])))
        if name not in held and fold is not None and fold(name, events, before, changes):
            continue
        if any(type(recorded.event) is EventsWithdrawn for recorded in events):
            past, first = history(name[0], events[0].stream), events[0].position
            refold_into(changes, model, name, before, past, skipped, before_position=first)
        elif name not in held:
            _settle(model, name, before, _fold_on(model, events, before, skipped), changes)
    return changes


def _steps(model: ReadModel) -> dict[type[Event], Evolve[Any]]:
    """Return the steps of a model's fold; events that interrupt it raise."""
    evolve = model.fold.evolve if model.fold else {}
    return {**evolve, Unreadable: _interrupt, EventsWithdrawn: _interrupt}


class _Interrupted(Exception):
    """This event is not simply folded."""


def _interrupt(_state: object, _recorded: Recorded) -> None:
    raise _Interrupted


def _fold_smoothly(
    model: ReadModel,
    steps: Mapping[type[Event], Evolve[Any]],
    name: Unit,
    events: Sequence[Recorded],
    before: Kept | None,
    changes: Changes,
) -> bool:
    """Fold a unit where nothing goes wrong, as nearly all do; False leaves it, and `changes`, as they were."""
    state, position = before or (None, 0)
    entry_of = model.journal.row if model.journal else None
    entries: list[Row] = []
    try:
        for recorded in events:
            step = steps.get(type(recorded.event))
            if step is not None:
                state = step(state, recorded)
                position = recorded.position
            if entry_of is not None and (entry := entry_of(recorded)) is not None:
                entries.append((recorded.tenant, recorded.position, *entry))
        values = () if state is None or model.fold is None else model.fold.row(state)
        parts = () if state is None else tuple([list(total.parts(state)) for total in model.sums])
    except Exception:  # noqa: BLE001 - the careful way finds it again and says which event it is
        return False
    changes.entries += entries
    if model.fold is not None and (before is None or position != before[1]):
        _change(model, name, before, Shown(state, position, None, values, parts), changes)
    return True


def refold_into(
    changes: Changes,
    model: ReadModel,
    name: Unit,
    before: Kept | None,
    past: Sequence[Recorded],
    skipped: frozenset[int],
    *,
    before_position: int,
) -> None:
    """Fold one unit anew from its stream's history `past`: its row, its entries and its parts of sums are replaced.

    Entries of events before `before_position` had been written and are retracted first.
    """
    tenant, unit = name
    ours = [recorded for recorded in past if model.unit_of(recorded) == unit]
    standing = [recorded for recorded in effective_of(past) if model.unit_of(recorded) == unit]
    folded = _fold_on(model, standing, None, skipped)
    withdrawn = [r.position for r in past if type(r.event) is EventsWithdrawn]
    end = folded.hold.position if folded.hold else FOR_EVER
    position = max([folded.position, *[p for p in withdrawn if p < end]])
    _settle(model, name, before, replace(folded, position=position), changes)
    if written := [recorded.position for recorded in ours if recorded.position < before_position]:
        changes.retracted.append((tenant, written))
    changes.released.append(name)


def effective_of(past: Sequence[Recorded]) -> list[Recorded]:
    """Return a stream's events without those that were withdrawn."""
    standing = {version for version, _ in effective([(r.version, r.event) for r in past])}
    return [recorded for recorded in past if recorded.version in standing]


def stream_of_unit(unit: str) -> str:
    """Return the stream of a unit: all of it, or what comes before its part."""
    return unit.partition("/")[0]


def _fold_on(
    model: ReadModel, events: Sequence[Recorded], before: Kept | None, skipped: frozenset[int]
) -> Folded:
    state, position = before or (None, 0)
    folded = fold_unit(model, events, state, position, skipped)
    try:
        return _shown(model, folded)
    except Exception:  # noqa: BLE001 - found again event by event, which says which one is poison
        return _fold_one_by_one(model, events, state, position, skipped)


def _fold_one_by_one(
    model: ReadModel, events: Sequence[Recorded], state: Any, position: int, skipped: frozenset[int]
) -> Folded:
    entries: list[Row] = []
    shown = _shown(model, Folded(state, position, entries, None))
    for recorded in events:
        folded = fold_unit(model, [recorded], shown.state, shown.position, skipped)
        try:
            if folded.hold is None:
                shown = _shown(model, folded)
                entries += folded.entries
                continue
            hold = folded.hold
        except Exception as cause:  # noqa: BLE001 - whatever a fold raises holds this unit alone, and is shown
            hold = _hold(recorded, _told(cause))
        return Folded(shown.state, shown.position, entries, hold, shown.values, shown.parts)
    return Folded(shown.state, shown.position, entries, None, shown.values, shown.parts)


def _shown(model: ReadModel, folded: Folded) -> Folded:
    if folded.state is None or model.fold is None:
        return folded
    values = model.fold.row(folded.state)
    parts = tuple([list(total.parts(folded.state)) for total in model.sums])
    return Folded(folded.state, folded.position, folded.entries, folded.hold, values, parts)


def _settle(model: ReadModel, name: Unit, before: Kept | None, folded: Folded, changes: Changes) -> None:
    changes.entries += folded.entries
    if folded.hold is not None:
        changes.held[name] = folded.hold
    if model.fold is not None:
        held_since = folded.hold.position if folded.hold else None
        shown = Shown(folded.state, folded.position, held_since, folded.values, folded.parts)
        _change(model, name, before, shown, changes)


def _change(model: ReadModel, name: Unit, before: Kept | None, after: "Shown", changes: Changes) -> None:
    """Note how the row of a unit changes, and what that adds to the sums."""
    assert model.fold is not None  # noqa: S101 - only a fold has rows
    tenant, key = name[0], model.fold.keyed(name[1])
    if before is not None:
        for total, sums in zip(model.sums, changes.sums, strict=True):
            for part in total.parts(before[0]):
                _add(sums, tenant, part, -1)
    if after.state is None:
        if before is not None:
            changes.deleted.append((tenant, key))
        changes.after[tenant, key] = None
        return
    changes.after[tenant, key] = (after.state, after.position)
    row = (tenant, key, after.position, after.held_since, *after.values, _encode(after.state).decode())
    (changes.inserted if before is None else changes.updated).append(row)
    for sums, parts in zip(changes.sums, after.parts, strict=True):
        for part in parts:
            _add(sums, tenant, part, 1)


def _add(sums: dict[tuple[str, ...], list[Any]], tenant: str, part: Part, sign: int) -> None:
    key, numbers = (tenant, *part[0]), part[1]
    kept = sums.get(key)
    if kept is None:
        kept = sums[key] = [0] * (len(numbers) + 1)
    if sign > 0:
        sums[key] = [*[a + b for a, b in zip(kept, numbers, strict=False)], kept[-1] + 1]
    else:
        sums[key] = [*[a - b for a, b in zip(kept, numbers, strict=False)], kept[-1] - 1]


_encode = msgspec.json.Encoder().encode
