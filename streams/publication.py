"""How far the log is published to Kafka, as the relay notes it."""

from streams.log import Log
from streams.waiting import until_reached


def published(log: Log) -> int | None:
    """Return the position up to which every in-sync replica has every event; None before the first relay."""
    with log.connection() as connection:
        row = connection.execute("SELECT position FROM log.published").fetchone()
    return None if row is None else int(row[0])


def wait_published(log: Log, position: int, timeout: float) -> bool:
    """Wait until the log is published up to a position; False when `timeout` seconds pass first."""
    return until_reached(lambda: published(log) or 0, position, timeout)
