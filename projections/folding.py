"""Folding a batch in memory: from events and the rows they meet to the changes they make. No I/O of its own."""

import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.record import EventsWithdrawn, effective
from projections.changes import FOR_EVER, Changes, History, Hold, Kept, Shown, Unit
from projections.definition import ReadModel, Row
from streams.records import Recorded, Unreadable


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


def stream_of_unit(unit: str) -> str:
    """Return the stream of a unit: all of it, or what comes before its part."""
    return unit.partition("/")[0]


@dataclass(frozen=True, slots=True)
class _Folded:
    """What became of one unit's events."""

    row: Shown
    entries: list[Row]
    hold: Hold | None = None


class Folding:
    """Folds batches of one read model; events at the positions `skipped` are passed over."""

    def __init__(self, model: ReadModel, skipped: frozenset[int] = frozenset()) -> None:
        self._model = model
        self._skipped = skipped
        self._evolve = model.fold.evolve if model.fold else {}
        self._entry = model.journal.row if model.journal else None
        self._steps = {**self._evolve, Unreadable: _interrupt, EventsWithdrawn: _interrupt}

    def batch(
        self,
        groups: Mapping[Unit, Sequence[Recorded]],
        loaded: Mapping[Unit, Kept],
        held: Mapping[Unit, int],
        history: History,
    ) -> Changes:
        """Fold every unit of a batch and collect what it changes. `loaded` has the rows that exist.

        Units in `held` wait, unless one of their events was withdrawn: then they are folded anew.
        """
        changes = Changes(sums=[{} for _ in self._model.sums])
        for name, events in groups.items():
            row = self._row_of(name)
            before = loaded.get(row)
            if name not in held and self._smoothly(row, events, before, changes):
                continue
            if any(type(recorded.event) is EventsWithdrawn for recorded in events):
                self.refold(changes, name, before, history(name[0], events[0].stream), events[0].position)
            elif name not in held:
                self._settle(changes, name, before, self._fold(events, before))
        return changes

    def refold(
        self,
        changes: Changes,
        name: Unit,
        before: Kept | None,
        past: Sequence[Recorded],
        written: int = FOR_EVER,
    ) -> None:
        """Fold one unit anew from its stream's history: its row, its entries and its parts of sums are replaced.

        Entries of events before the position `written` had been written and are retracted first.
        """
        tenant, unit = name
        standing = {version for version, _ in effective([(r.version, r.event) for r in past])}
        ours = [recorded for recorded in past if self._model.unit_of(recorded) == unit]
        folded = self._fold([recorded for recorded in ours if recorded.version in standing], None)
        end = folded.hold.position if folded.hold else FOR_EVER
        withdrawals = [r.position for r in past if type(r.event) is EventsWithdrawn and r.position < end]
        row = folded.row._replace(position=max([folded.row.position, *withdrawals]))
        self._settle(changes, name, before, _Folded(row, folded.entries, folded.hold))
        if retracted := [recorded.position for recorded in ours if recorded.position < written]:
            changes.retracted.append((tenant, retracted))
        changes.released.append(name)

    def _row_of(self, name: Unit) -> Unit:
        fold = self._model.fold
        return name if fold is None else (name[0], fold.keyed(name[1]))

    def _smoothly(self, row: Unit, events: Sequence[Recorded], before: Kept | None, changes: Changes) -> bool:
        """Fold a unit where nothing goes wrong, as nearly all do; False leaves it, and `changes`, as they were."""
        model, steps, entry_of = self._model, self._steps, self._entry
        if self._skipped and any(recorded.position in self._skipped for recorded in events):
            return False
        state, position = before or (None, 0)
        entries: list[Row] = []
        try:
            for recorded in events:
                step = steps.get(type(recorded.event))
                if step is not None:
                    state = step(state, recorded)
                    position = recorded.position
                if entry_of is not None and (entry := entry_of(recorded)) is not None:
                    entries.append((recorded.tenant, recorded.position, *entry))
            shown = self._shown(state, position)
        except Exception:  # noqa: BLE001 - the careful way finds it again and says which event it is
            return False
        if entries:
            changes.entries += entries
        if model.fold is not None and (before is None or position != before[1]):
            changes.replace(model, row, before, shown)
        return True

    def _fold(self, events: Sequence[Recorded], before: Kept | None) -> _Folded:
        """Fold a unit event by event, each shown; stop before the first that cannot be."""
        row = self._shown(*(before or (None, 0)))
        entries: list[Row] = []
        for recorded in events:
            if recorded.position in self._skipped:
                continue
            event = recorded.event
            if type(event) is Unreadable:
                return _Folded(row, entries, _hold(recorded, event.why))
            try:
                entry = None if self._entry is None else self._entry(recorded)
                step = self._evolve.get(type(event))
                if step is not None:
                    row = self._shown(step(row.state, recorded), recorded.position)
            except Exception as cause:  # noqa: BLE001 - whatever a fold raises holds this unit alone, and is shown
                return _Folded(row, entries, _hold(recorded, _told(cause)))
            if entry is not None:
                entries.append((recorded.tenant, recorded.position, *entry))
        return _Folded(row, entries)

    def _shown(self, state: object, position: int) -> Shown:
        fold = self._model.fold
        if state is None or fold is None:
            return Shown(None, position)
        sums = self._model.sums
        parts = tuple([list(total.parts(state)) for total in sums]) if sums else ()
        return Shown(state, position, None, fold.row(state), parts)

    def _settle(self, changes: Changes, name: Unit, before: Kept | None, folded: _Folded) -> None:
        changes.entries += folded.entries
        if folded.hold is not None:
            changes.held[name] = folded.hold
        if self._model.fold is not None:
            held_since = folded.hold.position if folded.hold else None
            changes.replace(
                self._model, self._row_of(name), before, folded.row._replace(held_since=held_since)
            )


class _Interrupted(Exception):
    """This event is not simply folded."""


def _interrupt(_state: object, _recorded: Recorded) -> None:
    raise _Interrupted


def _hold(recorded: Recorded, error: str) -> Hold:
    return Hold(recorded.position, recorded.stream, recorded.type, error)


def _told(cause: Exception) -> str:
    """Say where and how a fold failed without any value, which could be personal."""
    frame = traceback.extract_tb(cause.__traceback__)[-1]
    return f"{type(cause).__name__} in {frame.name}, {frame.filename.rpartition('/')[2]}:{frame.lineno}"
