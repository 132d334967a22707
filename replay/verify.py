"""Verify: a read model equals its history."""

from collections.abc import Sequence

from projections.checkpoints import projecting
from projections.definition import Models, ReadModel
from projections.models import ALL
from replay.building import begin, drop, finish, follow, work
from replay.comparing import Difference, Sides, compare, snapshot
from replay.explaining import explained
from replay.swapping import checkpoint
from streams.log import Log

_SUFFIX = "__check"


def differences(
    log: Log, conninfo: str, names: Sequence[str] = (), *, models: Models = ALL
) -> list[Difference]:
    """Fold these read models (no names: all) afresh and return the rows that differ from the live ones, explained.

    Each is compared at the live tables' own checkpoint, in one snapshot, while the projector goes on. At most 200
    rows of a model are returned. Raises UnknownReadModel.
    """
    chosen = models.named(names) if names else models.models
    return [one for model in chosen for one in _differences(log, conninfo, model)]


def _differences(log: Log, conninfo: str, model: ReadModel) -> list[Difference]:
    with projecting(conninfo) as connection:
        with connection.transaction():
            drop(connection, model, _SUFFIX)
        through = begin(connection, model, _SUFFIX, min(checkpoint(connection, model)), 1)
        try:
            for _ in work(log, connection, model, _SUFFIX, through):
                pass
            finish(connection, model, _SUFFIX, log.partitions)
            with snapshot(conninfo) as live:
                follow(log, connection, model, _SUFFIX, checkpoint(live, model))
                with snapshot(conninfo) as fresh:
                    _, listed = compare(Sides(live, fresh, _SUFFIX), model)
            return explained(connection, model, listed, _SUFFIX)
        finally:
            with connection.transaction():
                drop(connection, model, _SUFFIX)
