"""How far what is shown has come: the position of the read models, the head of the log, and what is missing."""

from dataclasses import dataclass

import psycopg

_STALE = 5.0  # seconds behind after which a page says so
_FRESHNESS = """
SELECT coalesce(min(position), 0), coalesce(max(head), 0), coalesce(max(lag_seconds), 0)::float8 FROM read.projections
"""


@dataclass(frozen=True, slots=True)
class Freshness:
    """The position that every read model has passed, the newest event's, and for how long that one waits."""

    position: int
    head: int
    seconds: float

    @property
    def behind(self) -> int:
        """How many events are recorded and not shown yet."""
        return max(self.head - self.position, 0)

    @property
    def stale(self) -> bool:
        """Say whether people should know that they see the past."""
        return self.behind > 0 and self.seconds > _STALE


def freshness(connection: psycopg.Connection) -> Freshness:
    """Return how far what this transaction sees has come."""
    row = connection.execute(_FRESHNESS).fetchone()
    return Freshness(*row) if row else Freshness(0, 0, 0.0)
