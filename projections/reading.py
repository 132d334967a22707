"""Reading events for folds: lean columns, unreadable ones as Unreadable."""

from streams.log import LEAN_COLUMNS, Log
from streams.records import Recorded


def read_events(log: Log, after: int, until: int) -> list[Recorded]:
    """Return every event with a position above `after` and not above `until`, in log order."""
    with log.connection() as connection:
        rows = connection.execute(
            f"SELECT {LEAN_COLUMNS} FROM log.events WHERE position > %s AND position <= %s ORDER BY position",
            (after, until),
        ).fetchall()
    return list(log.decode(rows, strict=False))


def read_stream(log: Log, tenant: str, stream: str, until: int) -> list[Recorded]:
    """Return the events of one stream up to a position, in stream order."""
    with log.connection() as connection:
        rows = connection.execute(
            f"SELECT {LEAN_COLUMNS} FROM log.events WHERE tenant = %s AND stream = %s AND position <= %s "
            "ORDER BY version",
            (tenant, stream, until),
        ).fetchall()
    return list(log.decode(rows, strict=False))
