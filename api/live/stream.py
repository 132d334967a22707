"""One stream to one browser, in the format of server-sent events."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
from fastapi.sse import format_sse_event

from api.live.feed import Feed
from api.live.subscription import Subscription

HEARTBEAT = 5.0
"""Seconds between two signs of life, which also say how far the read models are."""
CHECK = 2.0
"""Seconds between two looks whether the visitor is still signed in."""
_RETRY = 500  # milliseconds after which a browser connects again


async def stream(
    feed: Feed, subscription: Subscription, allowed: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    """Yield messages until the subscription ends or the visitor is no longer `allowed`; then say why.

    `changed`: position, records (kind and id; null: everything may have changed). `beat`: position and seconds behind.
    `ended`: why. The id of a message is the position to resume from.
    """
    try:
        yield format_sse_event(event="beat", data_str=_beat(feed), retry=_RETRY)
        checked = beaten = time.monotonic()
        while subscription.ended is None:
            if time.monotonic() - checked >= CHECK:
                if not await allowed():
                    subscription.end("signed-out")
                    continue
                checked = time.monotonic()
            if news := subscription.take():
                yield format_sse_event(event="changed", data_str=_json(news._asdict()), id=str(news.position))
            elif time.monotonic() - beaten >= HEARTBEAT:
                beaten = time.monotonic()
                yield format_sse_event(event="beat", data_str=_beat(feed), id=str(subscription.position))
            await subscription.wait(CHECK)
        yield format_sse_event(event="ended", data_str=_json({"why": subscription.ended}))
    finally:
        feed.leave(subscription)


def _beat(feed: Feed) -> str:
    return _json({"position": feed.position, "behind": round(feed.behind, 1)})


def _json(document: object) -> str:
    return msgspec.json.encode(document).decode()
