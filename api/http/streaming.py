"""Answers that are sent bit by bit, to readers who may stop reading or go away."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress

from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

STALLED = 30.0
"""Seconds a reader may take none of what it is sent, before it is let go."""


class Bounded(StreamingResponse):
    """A stream that does not wait for ever for a reader that has stopped reading."""

    async def stream_response(self, send: Send) -> None:
        """Send the stream; end it when the reader takes nothing for too long."""

        async def sent(message: Message) -> None:
            await asyncio.wait_for(send(message), STALLED)

        with suppress(TimeoutError):
            await super().stream_response(sent)


class Holding(Bounded):
    """A stream that gives back what it `holds` however it ends: sent, broken off or never begun."""

    def __init__(
        self, content: Iterable[bytes], headers: Mapping[str, str], media_type: str, holds: ExitStack
    ) -> None:
        super().__init__(content, 200, headers, media_type)
        self._holds = holds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await run_in_threadpool(self._holds.close)
