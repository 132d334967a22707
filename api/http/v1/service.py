"""What every request needs, and the few questions all of them ask."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec
from fastapi import Response

from api.http.auth import Keys
from api.http.errors import RETRY_AFTER, Problem
from api.http.v1.read_pool import ReadPool
from api.http.v1.together import Together
from domain.ids import kind_of
from projections.waiting import wait
from streams.log import Log
from streams.publication import wait_published

_MOST_KNOWN = 100_000
_WAITING = 20  # requests that may wait at once: the others go on being answered


@dataclass(frozen=True, slots=True)
class Service:
    """What every request needs."""

    log: Log
    commands: Together
    reads: ReadPool
    keys: Keys
    patience: float
    waiting: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(_WAITING))
    known: set[tuple[str, str]] = field(default_factory=set)

    def knows(self, tenant: str, stream: str) -> bool:
        """Say whether a stream of a tenant was found before; one that exists once exists for ever."""
        return (tenant, stream) in self.known

    def exists(self, tenant: str, stream: str) -> bool:
        """Say whether a tenant has a stream."""
        if self.knows(tenant, stream):
            return True
        if not exists(self.log, tenant, stream):
            return False
        if len(self.known) >= _MOST_KNOWN:
            self.known.clear()
        self.known.add((tenant, stream))
        return True

    def passed(self, position: int) -> bool:
        """Wait, within bounds, until every read model has passed a position; say whether they have."""
        return self._within_bounds(wait, position)

    def published(self, position: int) -> bool:
        """Wait, within bounds, until the log is published up to a position; say whether it is."""
        return self._within_bounds(wait_published, position)

    def _within_bounds(self, wait_for: Callable[[Log, int, float], bool], position: int) -> bool:
        if wait_for(self.log, position, 0):
            return True
        if not self.waiting.acquire(blocking=False):
            return False
        try:
            return wait_for(self.log, position, self.patience)
        finally:
            self.waiting.release()


def exists(log: Log, tenant: str, stream: str) -> bool:
    """Say whether a tenant has a stream."""
    with log.connection() as connection:
        found = connection.execute(
            "SELECT FROM log.events WHERE tenant = %s AND stream = %s LIMIT 1", (tenant, stream)
        )
        return found.fetchone() is not None


def check_references(log: Log, tenant: str, refers: Mapping[str, str | None]) -> None:
    """Raise Problem 422 where a tenant has none of the streams that something refers to, by field."""
    for field_name, stream in refers.items():
        if stream is not None and not exists(log, tenant, stream):
            title = f"There is no such {kind_of(stream)}."
            raise Problem(422, "reference-unknown", title, field=field_name)


def json_response(document: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON answer: decimals as texts, times in UTC."""
    return Response(msgspec.json.encode(document), status, headers, "application/json")


def after_passed(service: Service, after: int | None) -> None:
    """Wait until the read models have passed a position.

    Raises Problem 503 where that takes too long, 400 for a position that no event has.
    """
    if after is None or wait(service.log, after, 0):
        return
    if after > service.log.head():
        raise Problem(400, "position-unknown", "No event has this position yet.", after=after)
    if not service.passed(after):
        title = "The read models have not come that far yet; ask again."
        raise Problem(503, "not-yet-projected", title, RETRY_AFTER, after=after)
