"""Poison events: what is held, trying it again, and letting it go by for a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from domain.tenant import OPERATIONS, EventSkipped
from projections.applying import Applier
from projections.checkpoints import positions, projecting, replacing
from projections.definition import Models
from projections.models import ALL
from projections.operations import leave
from streams.log import Log
from streams.reading import read_stream
from streams.records import Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A unit of a read model that waits behind the event at `position`; `error` names the failure, no values."""

    model: str
    tenant: str
    unit: str
    stream: str
    position: int
    type: str
    error: str
    held_at: datetime


def held(conninfo: str, tenant: str | None = None) -> list[Held]:
    """Return what is held in the live read models, of one tenant or all, oldest event first."""
    with projecting(conninfo) as connection:
        rows = connection.execute(
            "SELECT model, tenant, unit, stream, position, type, error, held_at FROM model.held "
            "WHERE suffix = '' AND (tenant = %s OR %s::text IS NULL) ORDER BY position, model",
            (tenant, tenant),
        ).fetchall()
    names = ("model", "tenant", "unit", "stream", "position", "type", "error", "held_at")
    return [Held(**dict(zip(names, row, strict=True))) for row in rows]


def retry(log: Log, conninfo: str, one: Held, models: Models = ALL) -> bool:
    """Fold a held unit anew from its stream; say whether it is whole again. What still fails stays held."""
    with projecting(conninfo) as connection, connection.transaction():
        return _refold(log, connection, one, models)


def skip(  # noqa: PLR0913 - who skips what, and why
    log: Log, conninfo: str, one: Held, *, reason: str, actor: str, models: Models = ALL
) -> bool:
    """Let the read model pass over the event that holds this unit, now and in every rebuild; then as `retry`.

    Leaves an EventSkipped in the tenant's operations, which a restored log goes by.
    """
    skipped = EventSkipped(
        occurred_at=datetime.now(UTC), name=one.model, position=one.position, reason=reason
    )
    leave(log, one.tenant, [skipped], actor=actor)
    with projecting(conninfo) as connection, connection.transaction():
        connection.execute("SET LOCAL synchronous_commit = on")  # a person's word is not folded again
        _pass_over(connection, one.tenant, skipped, actor)
        return _refold(log, connection, one, models)


def skip_as_told(log: Log) -> None:
    """Let the read models pass over every event that the log says they shall: for a log that was restored."""
    with projecting(log.conninfo) as connection:
        tenants = connection.execute(
            "SELECT DISTINCT tenant FROM log.events WHERE stream = %s", (OPERATIONS,)
        ).fetchall()
        for (tenant,) in tenants:
            for recorded in log.stream(tenant, OPERATIONS):
                if isinstance(recorded.event, EventSkipped):
                    _pass_over(connection, tenant, recorded.event, recorded.actor)


def _pass_over(connection: psycopg.Connection, tenant: str, skipped: EventSkipped, actor: str) -> None:
    connection.execute(
        "INSERT INTO model.skipped (model, tenant, position, reason, actor) VALUES (%s, %s, %s, %s, %s) "
        "ON CONFLICT (model, position) DO NOTHING",
        (skipped.name, tenant, skipped.position, skipped.reason, actor),
    )


def refold(
    log: Log,
    connection: psycopg.Connection,
    model: str,
    units: Sequence[tuple[str, str]],
    models: Models = ALL,
) -> list[tuple[str, str]]:
    """Fold these (tenant, unit) of a live model anew, up to its checkpoint; return those that are held now.

    Part of the caller's transaction; the projector waits for its end.
    """
    (found,) = models.named([model])
    replacing(connection, found.name)
    reached = positions(connection, found.name)

    def history(tenant: str, stream: str) -> list[Recorded]:
        return read_stream(log, tenant, stream, reached)

    applier = Applier(found)
    return [unit for unit in units if applier.refold(connection, *unit, history) is not None]


def _refold(log: Log, connection: psycopg.Connection, one: Held, models: Models) -> bool:
    return not refold(log, connection, one.model, [(one.tenant, one.unit)], models)
