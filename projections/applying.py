"""One batch into the tables of one read model: load what it touches, fold, write, remember what is held."""

from collections.abc import Mapping, Sequence

import psycopg
from psycopg import errors as pg

from projections.definition import ReadModel
from projections.folding import Changes, History, Hold, Unit, fold_batch, refold_into, stream_of_unit
from projections.store import Store
from streams.records import Recorded

UNWRITABLE = (psycopg.DataError, pg.ProgramLimitExceeded)
"""What PostgreSQL raises for a value it cannot keep: that unit is poison, the rest is not."""


class Applier:
    """Applies batches to the tables of a model, live or those of a rebuild; part of the caller's transaction."""

    def __init__(self, model: ReadModel, suffix: str = "") -> None:
        self.model = model
        self._store = Store(model, suffix)
        self._shadow = bool(suffix)

    def apply(
        self, connection: psycopg.Connection, groups: Mapping[Unit, Sequence[Recorded]], history: History
    ) -> None:
        """Fold these groups onto the rows they touch. Raises one of UNWRITABLE when a row cannot be written."""
        held, skipped = self._waiting(connection)
        loaded = self._store.load(connection, self._existing(groups))
        changes = fold_batch(self.model, groups, loaded, held=held, skipped=skipped, history=history)
        self._store.write(connection, changes)
        self._remember(connection, changes)

    def apply_carefully(
        self, connection: psycopg.Connection, groups: Mapping[Unit, Sequence[Recorded]], history: History
    ) -> None:
        """As `apply`, each unit by itself, so that one whose row cannot be written is held alone."""
        for name, events in groups.items():
            try:
                with connection.transaction():
                    self.apply(connection, {name: events}, history)
            except UNWRITABLE:
                self._apply_one_by_one(connection, name, events, history)

    def refold(self, connection: psycopg.Connection, tenant: str, unit: str, history: History) -> Hold | None:
        """Fold one unit anew from its stream; return what holds it now, None when it is whole."""
        _, skipped = self._waiting(connection)
        keys = [(tenant, self.model.fold.keyed(unit))] if self.model.fold else []
        loaded = self._store.load(connection, keys)
        changes = Changes(sums=[{} for _ in self.model.sums])
        before = loaded.get(keys[0]) if keys else None
        refold_into(
            changes, self.model, (tenant, unit), before, history(tenant, stream_of_unit(unit)), skipped
        )
        self._store.write(connection, changes)
        self._remember(connection, changes)
        return changes.held.get((tenant, unit))

    def _apply_one_by_one(
        self, connection: psycopg.Connection, name: Unit, events: Sequence[Recorded], history: History
    ) -> None:
        for recorded in events:
            try:
                with connection.transaction():
                    self.apply(connection, {name: [recorded]}, history)
            except UNWRITABLE as cause:
                error = f"{type(cause).__name__} while its row was written"
                self._hold(connection, name, Hold(recorded.position, recorded.stream, recorded.type, error))
                return

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

    def _waiting(self, connection: psycopg.Connection) -> tuple[dict[Unit, int], frozenset[int]]:
        held = connection.execute(
            "SELECT tenant, unit, position FROM model.held WHERE model = %s AND shadow = %s",
            (self.model.name, self._shadow),
        ).fetchall()
        skipped = connection.execute(
            "SELECT position FROM model.skipped WHERE model = %s", (self.model.name,)
        ).fetchall()
        return {(tenant, unit): position for tenant, unit, position in held}, frozenset(p for (p,) in skipped)

    def _remember(self, connection: psycopg.Connection, changes: Changes) -> None:
        for tenant, unit in changes.released:
            connection.execute(
                "DELETE FROM model.held WHERE model = %s AND shadow = %s AND tenant = %s AND unit = %s",
                (self.model.name, self._shadow, tenant, unit),
            )
        for name, hold in changes.held.items():
            self._remember_hold(connection, name, hold)

    def _hold(self, connection: psycopg.Connection, name: Unit, hold: Hold) -> None:
        self._remember_hold(connection, name, hold)
        if self.model.fold is not None:
            self._store.mark_held(connection, name[0], self.model.fold.keyed(name[1]), hold.position)

    def _remember_hold(self, connection: psycopg.Connection, name: Unit, hold: Hold) -> None:
        connection.execute(
            "INSERT INTO model.held (model, shadow, tenant, unit, stream, position, type, error) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (model, shadow, tenant, unit) DO UPDATE "
            "SET position = excluded.position, type = excluded.type, error = excluded.error",
            (self.model.name, self._shadow, *name, hold.stream, hold.position, hold.type, hold.error),
        )
