"""GET /live: the feed for a visitor, as far as their role may read."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated

import psycopg
from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse
from psycopg_pool import PoolTimeout

from api.http.auth import Caller
from api.http.errors import RETRY_AFTER, Problem
from api.http.head import get_only
from api.http.policy import READ_BY
from api.http.streaming import Bounded
from api.live.feed import Feed, FeedUnavailable
from api.live.stream import stream
from api.pages.visit import Visit, visitor

router = APIRouter()
HEARD_BY = {**READ_BY, "pipeline": "pipelines:read"}
"""The action that one must be allowed to hear of a kind of record; of other kinds nobody hears."""
_POSITION = re.compile(r"[0-9]{1,18}")
_NOWHERE = 2**62  # no event is there, so everything may have changed
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}


class LiveResponse(Bounded, EventSourceResponse):
    """A stream of server-sent events."""


@router.get(get_only("/live"))
async def live(
    request: Request,
    visit: Annotated[Visit, visitor("deals:read")],
    after: Annotated[int | None, Query(ge=0, le=_NOWHERE)] = None,
) -> Response:
    """Tell, until the visitor goes or is signed out, which records change; what is missed since `after` first.

    A browser that comes back says by Last-Event-ID where it was. Raises Problem 503 while the database is away.
    """
    feed: Feed = request.app.state.live
    if told := request.headers.get("last-event-id"):
        after = int(told) if _POSITION.fullmatch(told) else _NOWHERE
    try:
        subscription = feed.subscribe(visit.caller.tenant, kinds_of(visit.caller), after)
    except FeedUnavailable as cause:
        raise Problem(503, "live-unavailable", str(cause), RETRY_AFTER) from cause

    async def allowed() -> bool:
        try:
            now = await run_in_threadpool(request.app.state.sessions.find, visit.secret, noting=False)
        except (psycopg.OperationalError, PoolTimeout):
            return True  # without the database every stream ends by itself
        return now is not None and kinds_of(now) == subscription.kinds

    return LiveResponse(stream(feed, subscription, allowed), headers=_HEADERS)


def kinds_of(caller: Caller) -> frozenset[str]:
    """Return the kinds of records that a caller may hear of."""
    return frozenset(kind for kind, action in HEARD_BY.items() if caller.may(action))


@asynccontextmanager
async def feeding(app: FastAPI, conninfo: str) -> AsyncIterator[None]:
    """Run the feed while the application runs."""
    app.state.live = feed = Feed(conninfo)
    task = asyncio.create_task(feed.run(), name="live")
    try:
        yield
    finally:
        feed.close()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
