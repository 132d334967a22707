"""How a build is cut: ranges of streams, each folded by itself, in any order, by any worker."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg

from projections.definition import ReadModel

_NEXT = "\x01"  # a name followed by this is the next one in order of bytes
_SAMPLE = 2_000  # rows looked at to find where to cut


@dataclass(frozen=True, slots=True)
class Range:
    """Streams of a tenant after `after` and before `below`, by their names' bytes."""

    tenant: str
    after: str
    below: str


def tenants(connection: psycopg.Connection) -> list[str]:
    """Return every tenant of the log, by one index look-up each."""
    rows = connection.execute(
        "WITH RECURSIVE t AS ((SELECT tenant FROM log.events ORDER BY tenant LIMIT 1) UNION ALL "
        "SELECT (SELECT e.tenant FROM log.events e WHERE e.tenant > t.tenant ORDER BY e.tenant LIMIT 1) "
        "FROM t WHERE t.tenant IS NOT NULL) SELECT tenant FROM t WHERE tenant IS NOT NULL"
    ).fetchall()
    return [tenant for (tenant,) in rows]


def cut(connection: psycopg.Connection, model: ReadModel, through: int, pieces: int) -> list[Range]:
    """Return ranges that together hold every stream a model follows, about `pieces` of like size in each."""
    kinds: Sequence[tuple[str, str]] = (
        [("", "\U0010ffff")] if model.kinds is None else [(f"{kind}-", f"{kind}.") for kind in model.kinds]
    )
    return [
        piece
        for tenant in tenants(connection)
        for after, below in kinds
        for piece in _pieces(
            tenant, after, below, _cuts(connection, Range(tenant, after, below), through, pieces)
        )
    ]


def _cuts(connection: psycopg.Connection, whole: Range, through: int, pieces: int) -> list[str]:
    """Return the streams to cut a range at: those at equal steps of a sample of the log's positions."""
    step = max(1, through // _SAMPLE)
    rows = connection.execute(
        "SELECT e.stream FROM generate_series(1::bigint, %s::bigint, %s::bigint) AS p (position) "
        "JOIN log.events e USING (position) WHERE e.tenant = %s AND e.stream > %s AND e.stream < %s ORDER BY e.stream",
        (through, step, whole.tenant, whole.after, whole.below),
    ).fetchall()
    sample = [stream for (stream,) in rows]
    if len(sample) < pieces * 4:
        return []
    return sorted({sample[len(sample) * n // pieces] for n in range(1, pieces)})


def _pieces(tenant: str, after: str, below: str, cuts: Sequence[str]) -> Iterator[Range]:
    for cut_at in cuts:
        yield Range(tenant, after, cut_at + _NEXT)  # the stream at the cut belongs to the piece it ends
        after = cut_at
    yield Range(tenant, after, below)
