"""Checkpoints: how far each read model is, and who may move it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

import psycopg

from projections.definition import ReadModel
from projections.quiet import collecting_seldom

CHANNEL = "backstory_model"
"""Told the new position whenever a checkpoint moves."""


class CheckpointMoved(Exception):
    """Another worker has moved a checkpoint that this projector holds; nothing of this batch was written."""


class Disturbed(Exception):
    """Rows were written beside the projector (a swap, a retry) since it read them: it reads them again."""


class Place(NamedTuple):
    """Where a read model is: the position of its rows, and its epoch (see model.checkpoints)."""

    position: int
    epoch: int


def take_up(connection: psycopg.Connection, models: Sequence[ReadModel]) -> dict[str, Place]:
    """Return where each model is that this code can continue, and leave a sign of life."""
    rows = connection.execute(
        "UPDATE model.checkpoints SET heartbeat_at = clock_timestamp() WHERE state = 'following' "
        "RETURNING name, version, position, epoch"
    ).fetchall()
    ours = {(model.name, model.version) for model in models}
    return {
        name: Place(position, epoch) for name, version, position, epoch in rows if (name, version) in ours
    }


def move(connection: psycopg.Connection, places: Mapping[str, Place], reached: int, worker: str) -> None:
    """Move these models' checkpoints from where they were to `reached`, and tell those who wait.

    The rows stay locked until the transaction ends: a swap of tables waits for it. Raises Disturbed or CheckpointMoved.
    """
    names = list(places)
    moved = connection.execute(
        "UPDATE model.checkpoints c SET position = %s, heartbeat_at = clock_timestamp(), worker = %s "
        "FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS m (name, position, epoch) "
        "WHERE c.name = m.name AND c.position = m.position AND c.epoch = m.epoch AND c.state = 'following' "
        "RETURNING c.name",
        (reached, worker, names, [p.position for p in places.values()], [p.epoch for p in places.values()]),
    )
    if left := set(names) - {name for (name,) in moved.fetchall()}:
        _explain(connection, {name: places[name] for name in left})
    connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(reached)))


def _explain(connection: psycopg.Connection, places: Mapping[str, Place]) -> NoReturn:
    rows = connection.execute(
        "SELECT name, position FROM model.checkpoints WHERE name = ANY(%s)", (list(places),)
    ).fetchall()
    elsewhere = sorted(name for name, position in rows if position != places[name].position)
    if elsewhere:
        raise CheckpointMoved(f"another worker has moved the checkpoint of {', '.join(elsewhere)}")
    raise Disturbed(f"rows of {', '.join(places)} were written beside the projector")


@contextmanager
def projecting(conninfo: str) -> Iterator[psycopg.Connection]:
    """Lend a connection of the application's role, set up for folding: every look-up goes through a key."""
    with collecting_seldom(), psycopg.connect(conninfo, autocommit=True) as connection:
        for setting in (
            "ROLE backstory_app",
            "TIME ZONE 'UTC'",
            "synchronous_commit = off",  # a lost batch is folded again: its checkpoint is lost with it
            "enable_hashjoin = off",
            "enable_mergejoin = off",
            "enable_seqscan = off",
        ):
            connection.execute(f"SET {setting}".encode())
        yield connection
