"""Sharing partitions: projectors that run at the same time divide them evenly, by locks that end with them."""

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

    def take(self) -> bool:
        """Give back what is more than an even part, take what is free up to it; say whether anything changed."""
        self._part = self._even()
        more = self.held[self._part :]
        for partition in more:
            self._connection.execute("SELECT pg_advisory_unlock(%s, %s)", (_PARTITION, partition))
        del self.held[self._part :]
        return self._lock(self._part - len(self.held)) or bool(more)

    def changed(self) -> bool:
        """Say whether others came or went since partitions were taken, so that an even part is another."""
        return self._even() != self._part

    def take_free(self) -> bool:
        """Take every partition that nobody holds; say whether there was one."""
        return self._lock(self._partitions - len(self.held))

    def _lock(self, most: int) -> bool:
        """Take as many more as are free; none that is held, for PostgreSQL would count it twice and keep it."""
        others = [n for n in range(self._partitions) if n not in self.held]
        rows = self._connection.execute(
            "SELECT n FROM unnest(%s::integer[]) AS n "
            "WHERE pg_try_advisory_lock(%s, n) LIMIT %s",  # the limit ends the scan: no more locks are tried
            (others, _PARTITION, most),
        ).fetchall()
        self.held += [partition for (partition,) in rows]
        return bool(rows)

    def _even(self) -> int:
        row = self._connection.execute(_OTHERS, (_PRESENT,)).fetchone()
        return -(-self._partitions // max(1, row[0] if row else 1))
