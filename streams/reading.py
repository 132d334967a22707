"""Reading events for folds: lean columns, unreadable ones as Unreadable."""

from collections.abc import Collection, Sequence

from streams.log import LEAN_COLUMNS, Log
from streams.records import Recorded


def read_events(
    log: Log, after: int, until: int, partitions: Collection[int] | None = None
) -> list[Recorded]:
    """Return every event of these partitions (None: all) above `after` and not above `until`, in log order."""
    some = "" if partitions is None else "AND partition = ANY(%(partitions)s) "
    with log.connection() as connection:
        rows = connection.execute(
            f"SELECT {LEAN_COLUMNS} FROM log.events WHERE position > %(after)s AND position <= %(until)s {some}"
            "ORDER BY position",
            {"after": after, "until": until, "partitions": list(partitions or ())},
        ).fetchall()
    return list(log.decode(rows, strict=False))


def read_stream(log: Log, tenant: str, stream: str, until: Sequence[int]) -> list[Recorded]:
    """Return the events of one stream, in its order, up to the position that `until` gives its partition."""
    return read_streams(log, tenant, [stream], until)[stream]


def read_streams(
    log: Log, tenant: str, streams: Sequence[str], until: Sequence[int]
) -> dict[str, list[Recorded]]:
    """Return the events of streams, each in its order, up to the position that `until` gives its partition."""
    with log.connection() as connection:
        rows = connection.execute(
            f"SELECT {LEAN_COLUMNS} FROM log.events WHERE tenant = %s AND stream = ANY(%s) "
            "AND position <= (%s::bigint[])[partition + 1] ORDER BY version",
            (tenant, list(streams), list(until)),
        ).fetchall()
    found: dict[str, list[Recorded]] = {stream: [] for stream in streams}
    for recorded in log.decode(rows, strict=False):
        found[recorded.stream].append(recorded)
    return found
