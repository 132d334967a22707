"""Waiting until read models have passed a position: people always see their own change."""

from collections.abc import Sequence

from projections.definition import Models
from projections.models import ALL
from streams.log import Log
from streams.waiting import until_reached


def wait(log: Log, position: int, timeout: float, names: Sequence[str] = (), models: Models = ALL) -> bool:
    """Wait until these read models (no names: all) have passed a position; False when `timeout` seconds pass first.

    Raises UnknownReadModel.
    """
    owners = [model.name for model in (models.named(names) if names else models.models)]
    return until_reached(lambda: _reached(log, owners), position, timeout)


def _reached(log: Log, owners: Sequence[str]) -> int:
    with log.connection() as connection:
        row = connection.execute(
            "SELECT count(DISTINCT name), min(position) FROM model.places WHERE name = ANY(%s)", (owners,)
        ).fetchone()
    return row[1] if row and row[0] == len(owners) else -1
