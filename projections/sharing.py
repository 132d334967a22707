"""Sharing partitions: projectors that run at the same time divide them evenly, by locks that end with them."""

from collections.abc import Sequence

import psycopg

_PRESENT = 0x70726F6A  # "proj"
_PARTITION = 0x70617274  # "part"
_OTHERS = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND objsubid = 1 "
    "AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Share:
    """The partitions that one connection holds, out of so many; PostgreSQL takes them back when it ends."""

    def __init__(self, connection: psycopg.Connection, partitions: int) -> None:
        self._connection = connection
        self._partitions = partitions
        self.held: list[int] = []
        self._part = partitions

    def join(self) -> None:
        """Count as one of those who share from now on."""
        self._connection.execute("SELECT pg_advisory_lock_shared(%s)", (_PRESENT,))

    def take(self, assigned: Sequence[int] | None = None) -> bool:
        """Hold an even part, or what is `assigned` as soon as others give it back; say whether anything changed."""
        if assigned is None:
            self._part = self._even()
            free: Sequence[int] = range(self._partitions)
            more = self.held[self._part :]
        else:
            self._part = len(assigned)
            free = assigned
            more = [partition for partition in self.held if partition not in assigned]
        for partition in more:
            self._connection.execute("SELECT pg_advisory_unlock(%s, %s)", (_PARTITION, partition))
            self.held.remove(partition)
        return self._lock(free, self._part - len(self.held)) or bool(more)

    def changed(self, assigned: Sequence[int] | None = None) -> bool:
        """Say whether what to hold is another than when partitions were taken."""
        if assigned is not None:
            return len(assigned) != self._part or not set(self.held) <= set(assigned)
        return self._even() != self._part

    def take_free(self) -> bool:
        """Take every partition that nobody holds; say whether there was one."""
        return self._lock(range(self._partitions), self._partitions - len(self.held))

    def _lock(self, free: Sequence[int], most: int) -> bool:
        rows = self._connection.execute(
            "SELECT n FROM unnest(%s::integer[]) AS n WHERE n <> ALL(%s::integer[]) "
            "AND pg_try_advisory_lock(%s, n) LIMIT %s",  # the limit ends the scan: no more locks are tried
            (list(free), self.held, _PARTITION, most),
        ).fetchall()
        self.held += [partition for (partition,) in rows]
        return bool(rows)

    def _even(self) -> int:
        row = self._connection.execute(_OTHERS, (_PRESENT,)).fetchone()
        return -(-self._partitions // max(1, row[0] if row else 1))
