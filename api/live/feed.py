"""The feed of one process: one connection that listens, as many browsers as there are."""

import asyncio
import sys
from collections.abc import Callable
from collections.abc import Set as AbstractSet

import psycopg

from api.live.recent import Changed, Recent, changed
from api.live.subscription import Subscription
from projections.checkpoints import CHANNEL

BEAT = 2.0
"""Seconds between two looks when no read model moves."""
KEPT = 10_000
"""Changes that are kept for those who were away."""
NAME = "backstory-live"
"""How the database knows the connection that listens."""
STREAMS = 1_000
"""Streams that one process serves at once."""

_MOST = 5_000  # changes told one by one between two looks
_PAUSES = (0.2, 0.5, 1.0, 2.0)  # seconds before connecting again
_WHERE = """
SELECT m.position, h.position, coalesce(extract(epoch FROM clock_timestamp() - (
    SELECT e.recorded_at FROM log.events e WHERE e.position = m.everywhere + 1)), 0)::float8
FROM (SELECT coalesce(min(p.position) FILTER (WHERE c.state = 'following'), 0) AS position,
             coalesce(min(p.position), 0) AS everywhere
      FROM model.places p JOIN model.checkpoints c ON c.name = p.name) AS m, log.head AS h
"""
_CHANGES = (
    "SELECT position, tenant, stream FROM log.events WHERE position > %s AND position <= %s "
    "ORDER BY position LIMIT %s"
)


class FeedUnavailable(Exception):
    """The live feed cannot be joined at the moment."""


class Feed:
    """Tells subscriptions what changed, when every read model shows it. Runs in one event loop.

    `position` is how far the read models are that follow the log, `behind` for how many seconds the oldest event has
    waited to be shown by all, also by those that wait to be rebuilt.
    """

    def __init__(
        self, conninfo: str, tell: Callable[[str], object] = lambda line: sys.stderr.write(f"{line}\n")
    ) -> None:
        self._conninfo = conninfo
        self._tell = tell
        self._recent: Recent | None = None
        self.subscriptions: set[Subscription] = set()
        self._closed = False
        self._head = 0
        self.position = 0
        self.behind = 0.0

    async def run(self) -> None:
        """Follow the read models until cancelled. Without the database every stream ends, and it tries again."""
        self.loop = asyncio.get_running_loop()
        failures = 0
        while not self._closed:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo, autocommit=True, application_name=NAME
                ) as connection:
                    await self._begin(connection)
                    failures = 0
                    await self._follow(connection)
            except psycopg.Error as cause:
                self._tell(f"live: {type(cause).__name__}, connects again")
            finally:
                self._recent = None
                self._end("away")
            await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
            failures += 1

    def subscribe(self, tenant: str, kinds: AbstractSet[str], after: int | None) -> Subscription:
        """Join the feed after a position (None: now). Raises FeedUnavailable."""
        recent = self._recent
        if recent is None or not self.available:
            raise FeedUnavailable("The live feed cannot be joined at the moment; try again.")
        made = Subscription(tenant, kinds, self.position if after is None else min(after, self.position))
        missed = None if after is not None and after > self._head else recent.since(made.position)
        if missed is None:
            made.position = self.position
            made.overtaken()
        else:
            made.offer(missed, self.position)
        self.subscriptions.add(made)
        return made

    def leave(self, subscription: Subscription) -> None:
        """Take a subscription out."""
        self.subscriptions.discard(subscription)

    def close(self) -> None:
        """End every stream, for good: the process stops."""
        self._closed = True
        self._end("stopping")

    @property
    def available(self) -> bool:
        """Whether it can be joined."""
        return self._recent is not None and not self._closed and self.streams < STREAMS

    @property
    def streams(self) -> int:
        """How many browsers listen."""
        return len(self.subscriptions)

    def _end(self, why: str) -> None:
        for subscription in self.subscriptions:
            subscription.end(why)

    async def _begin(self, connection: psycopg.AsyncConnection) -> None:
        await connection.execute("SET ROLE backstory_app")
        await connection.execute(f"LISTEN {CHANNEL}".encode())
        self.position, self._head, self.behind = await _where(connection)
        floor = max(0, self.position - KEPT)
        self._recent = Recent(floor, KEPT)
        self._recent.add(await _changes(connection, floor, self.position, KEPT))

    async def _follow(self, connection: psycopg.AsyncConnection) -> None:
        while not self._closed:
            async for _ in connection.notifies(timeout=BEAT, stop_after=1):
                pass
            await self._look(connection)

    async def _look(self, connection: psycopg.AsyncConnection) -> None:
        reached, self._head, self.behind = await _where(connection)
        if reached <= self.position or self._recent is None:
            return
        many = reached - self.position > _MOST
        changes = None if many else await _changes(connection, self.position, reached, _MOST)
        if changes is None:
            self._recent.forget(reached)
        else:
            self._recent.add(changes)
        self.position = reached
        for subscription in self.subscriptions:
            subscription.offer(changes, reached)


async def _where(connection: psycopg.AsyncConnection) -> tuple[int, int, float]:
    row = await (await connection.execute(_WHERE)).fetchone()
    return row or (0, 0, 0.0)


async def _changes(connection: psycopg.AsyncConnection, after: int, until: int, most: int) -> list[Changed]:
    rows = await (await connection.execute(_CHANGES, (after, until, most))).fetchall()
    return [changed(*row) for row in rows]
