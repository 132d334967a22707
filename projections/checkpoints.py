"""Checkpoints: how far each read model is in each partition of the log, and who may move it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import psycopg

from projections.definition import ReadModel
from projections.quiet import collecting_seldom
from streams.sessions import end_with_the_machine

CHANNEL = "backstory_model"
"""Told the new position whenever a checkpoint moves; other partitions may be further behind."""

_ROWS = 0x726F7773  # "rows"


class CheckpointMoved(Exception):
    """Another worker has moved a checkpoint that this projector holds; nothing of this batch was written."""


class Disturbed(Exception):
    """Rows were written beside the projector (a swap, a retry) since it read them: it reads them again."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where a batch takes these read models in these partitions: from `after`, where all of them are, to `reached`."""

    names: Sequence[str]
    partitions: Sequence[int]
    after: int
    reached: int


@dataclass(frozen=True, slots=True)
class Places:
    """Where read models are: positions by (model, partition), and the epoch of each (see model.checkpoints)."""

    positions: dict[tuple[str, int], int]
    epochs: Mapping[str, int]

    @property
    def lowest(self) -> int:
        """How far the furthest behind is; beyond every position where there is none."""
        return min(self.positions.values(), default=2**62)

    def taken(self, step: Step) -> None:
        """Note that a step is under way."""
        self.positions.update({(name, n): step.reached for name in step.names for n in step.partitions})


def take_up(
    connection: psycopg.Connection, models: Sequence[ReadModel], partitions: Collection[int], worker: str
) -> Places:
    """Return where each model is that this code can continue, and leave a sign of life."""
    known = connection.execute(
        "SELECT name, version, epoch FROM model.checkpoints WHERE state = 'following'"
    ).fetchall()
    ours = {(model.name, model.version) for model in models}
    epochs = {name: epoch for name, version, epoch in known if (name, version) in ours}
    rows = connection.execute(
        "UPDATE model.places SET heartbeat_at = clock_timestamp(), worker = %s "
        "WHERE name = ANY(%s) AND partition = ANY(%s) RETURNING name, partition, position",
        (worker, list(epochs), list(partitions)),
    ).fetchall()
    return Places({(name, partition): position for name, partition, position in rows}, epochs)


def move(connection: psycopg.Connection, step: Step, epochs: Mapping[str, int], worker: str) -> None:
    """Move checkpoints by a step, if they are where it begins, and tell those who wait.

    Until the transaction ends nobody else replaces rows of a read model. Raises Disturbed or CheckpointMoved.
    """
    connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (_ROWS,))
    names, partitions = list(step.names), list(step.partitions)
    moved = connection.execute(
        "UPDATE model.places p SET position = %s, heartbeat_at = clock_timestamp(), worker = %s "
        "WHERE p.name = ANY(%s) AND p.partition = ANY(%s) AND p.position = %s AND EXISTS (SELECT "
        "FROM unnest(%s::text[], %s::bigint[]) AS m (name, epoch) JOIN model.checkpoints c USING (name, epoch) "
        "WHERE c.name = p.name AND c.state = 'following') RETURNING p.name, p.partition",
        (step.reached, worker, names, partitions, step.after, names, [epochs[name] for name in names]),
    ).fetchall()
    if left := {(name, n) for name in names for n in partitions} - set(moved):
        _explain(connection, step, left)
    connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(step.reached)))


def _explain(connection: psycopg.Connection, step: Step, left: AbstractSet[tuple[str, int]]) -> NoReturn:
    rows = connection.execute(
        "SELECT name, partition FROM model.places WHERE position <> %s", (step.after,)
    ).fetchall()
    if elsewhere := sorted({name for name, _ in left & set(rows)}):
        raise CheckpointMoved(f"another worker has moved the checkpoint of {', '.join(elsewhere)}")
    raise Disturbed(f"rows of {', '.join(step.names)} were written beside the projector")


def replacing(connection: psycopg.Connection, name: str) -> None:
    """Keep every projector from writing until the transaction ends; those of this model then read its rows again."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ROWS,))
    connection.execute("UPDATE model.checkpoints SET epoch = epoch + 1 WHERE name = %s", (name,))


def positions(connection: psycopg.Connection, name: str) -> list[int]:
    """Return how far a model is, by partition; empty for one that was never prepared."""
    rows = connection.execute(
        "SELECT position FROM model.places WHERE name = %s ORDER BY partition", (name,)
    ).fetchall()
    return [position for (position,) in rows]


@contextmanager
def projecting(conninfo: str) -> Iterator[psycopg.Connection]:
    """Lend a connection of the application's role, set up for folding: every look-up goes through a key."""
    with collecting_seldom(), psycopg.connect(conninfo, autocommit=True) as connection:
        end_with_the_machine(connection)
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
