"""One batch into the tables of one read model: load what it touches, fold, write, remember what is held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import psycopg
from psycopg import errors as pg

from domain.record import EventsWithdrawn
from projections.changes import Changes, History, Hold, Kept, Unit
from projections.definition import ReadModel
from projections.folding import Folding, stream_of_unit
from projections.store import Store
from streams.records import Recorded

UNWRITABLE = (psycopg.DataError, pg.ProgramLimitExceeded)
"""What PostgreSQL raises for a value it cannot keep: that unit is poison, the rest is not."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a model's folds must leave out: units held behind an event, and events that a person let it skip."""

    held: Mapping[Unit, int] = field(default_factory=dict)
    skipped: frozenset[int] = frozenset()


_NOTHING = Waiting()


def waiting(
    connection: psycopg.Connection, models: Sequence[ReadModel], suffix: str = ""
) -> dict[str, Waiting]:
    """Return by model what its tables wait for, in one query; a model not named waits for nothing."""
    rows = connection.execute(
        "SELECT model, tenant, unit, position FROM model.held WHERE model = ANY(%s) AND suffix = %s "
        "UNION ALL SELECT model, tenant, NULL, position FROM model.skipped WHERE model = ANY(%s)",
        (names := [model.name for model in models], suffix, names),
    ).fetchall()
    found: dict[str, Waiting] = {}
    for name in {row[0] for row in rows}:
        held = {(tenant, unit): position for model, tenant, unit, position in rows if model == name and unit}
        skipped = frozenset(position for model, _, unit, position in rows if model == name and unit is None)
        found[name] = Waiting(held, skipped)
    return found


class Applier:
    """Applies batches to the tables of a model, live or those of a rebuild; part of the caller's transaction."""

    def __init__(self, model: ReadModel, suffix: str = "") -> None:
        self.model = model
        self.suffix = suffix
        self._store = Store(model, suffix)

    def fold(
        self,
        connection: psycopg.Connection,
        groups: Mapping[Unit, Sequence[Recorded]],
        history: History,
        left: Waiting = _NOTHING,
        newer: Mapping[Unit, Kept | None] = MappingProxyType({}),
    ) -> Changes:
        """Fold these groups onto the rows they touch; nothing is written. `newer` has rows not yet committed."""
        groups = self._with_parts(groups, history)
        existing = self._existing(groups)
        loaded = self._store.load(
            connection, [key for key in existing if key not in newer] if newer else existing
        )
        loaded.update({key: row for key in existing if (row := newer.get(key)) is not None})
        return Folding(self.model, left.skipped).batch(groups, loaded, left.held, history)

    def write(self, connection: psycopg.Connection, changes: Changes) -> None:
        """Write what a fold changed. Raises one of UNWRITABLE when a row cannot be kept."""
        self._store.write(connection, changes)
        self._remember(connection, changes)

    def apply(
        self,
        connection: psycopg.Connection,
        groups: Mapping[Unit, Sequence[Recorded]],
        history: History,
        left: Waiting = _NOTHING,
    ) -> None:
        """Fold these groups onto the rows they touch and write them. Raises as `write`."""
        self.write(connection, self.fold(connection, groups, history, left))

    def apply_carefully(
        self,
        connection: psycopg.Connection,
        groups: Mapping[Unit, Sequence[Recorded]],
        history: History,
        left: Waiting = _NOTHING,
    ) -> None:
        """As `apply`, each unit by itself, so that one whose row cannot be written is held alone."""
        for name, events in self._with_parts(groups, history).items():
            try:
                with connection.transaction():
                    self.apply(connection, {name: events}, history, left)
            except UNWRITABLE:
                self._apply_one_by_one(connection, name, events, history)

    def refold(self, connection: psycopg.Connection, tenant: str, unit: str, history: History) -> Hold | None:
        """Fold one unit anew from its stream; return what holds it now, None when it is whole."""
        left = waiting(connection, [self.model], self.suffix).get(self.model.name, _NOTHING)
        keys = [(tenant, self.model.fold.keyed(unit))] if self.model.fold else []
        loaded = self._store.load(connection, keys)
        changes = Changes(sums=[{} for _ in self.model.sums])
        before = loaded.get(keys[0]) if keys else None
        past = history(tenant, stream_of_unit(unit))
        Folding(self.model, left.skipped).refold(changes, (tenant, unit), before, past)
        self._store.write(connection, changes)
        self._remember(connection, changes)
        return changes.held.get((tenant, unit))

    def _apply_one_by_one(
        self, connection: psycopg.Connection, name: Unit, events: Sequence[Recorded], history: History
    ) -> None:
        for recorded in events:
            left = waiting(connection, [self.model], self.suffix).get(self.model.name, _NOTHING)
            try:
                with connection.transaction():
                    self.apply(connection, {name: [recorded]}, history, left)
            except UNWRITABLE as cause:
                error = f"{type(cause).__name__} while its row was written"
                self._hold(connection, name, Hold(recorded.position, recorded.stream, recorded.type, error))
                return

    def _with_parts(
        self, groups: Mapping[Unit, Sequence[Recorded]], history: History
    ) -> Mapping[Unit, Sequence[Recorded]]:
        """Where a stream has several units, let a withdrawal in it concern each of them."""
        if self.model.unit is None:
            return groups
        every = dict(groups)
        for (tenant, _), events in groups.items():
            for recorded in events:
                if type(recorded.event) is EventsWithdrawn:
                    for unit in {self.model.unit_of(past) for past in history(tenant, recorded.stream)}:
                        mine = [*every.get((tenant, unit), ()), recorded]
                        every[tenant, unit] = list(dict.fromkeys(mine))
        return every

    def _existing(self, groups: Mapping[Unit, Sequence[Recorded]]) -> list[tuple[str, str]]:
        """Return the (tenant, key) of rows that may exist: not those of streams that begin in this batch."""
        fold = self.model.fold
        if fold is None:
            return []
        whole = self.model.unit is None
        return [
            (tenant, fold.keyed(unit))
            for (tenant, unit), events in groups.items()
            if not (whole and events[0].version == 1)
        ]

    def _remember(self, connection: psycopg.Connection, changes: Changes) -> None:
        if changes.released:
            tenants, units = zip(*changes.released, strict=True)
            connection.execute(
                "DELETE FROM model.held h USING unnest(%s::text[], %s::text[]) AS r (tenant, unit) "
                "WHERE h.model = %s AND h.suffix = %s AND h.tenant = r.tenant AND h.unit = r.unit",
                (list(tenants), list(units), self.model.name, self.suffix),
            )
        for name, hold in changes.held.items():
            self._remember_hold(connection, name, hold)

    def _hold(self, connection: psycopg.Connection, name: Unit, hold: Hold) -> None:
        self._remember_hold(connection, name, hold)
        if self.model.fold is not None:
            self._store.mark_held(connection, name[0], self.model.fold.keyed(name[1]), hold.position)

    def _remember_hold(self, connection: psycopg.Connection, name: Unit, hold: Hold) -> None:
        connection.execute(
            "INSERT INTO model.held (model, suffix, tenant, unit, stream, position, type, error) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (model, suffix, tenant, unit) DO UPDATE "
            "SET position = excluded.position, type = excluded.type, error = excluded.error",
            (self.model.name, self.suffix, *name, hold.stream, hold.position, hold.type, hold.error),
        )
