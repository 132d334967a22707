"""Connections that must get on: a request's head arrives within seconds, or its connection is closed."""

import asyncio
from typing import ClassVar

import h11
import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.http.errors import MEDIA_TYPE, Problem


class Punctual(H11Protocol):
    """uvicorn's protocol, but a head that has not arrived after `patience` seconds is a 408 and the end.

    uvicorn itself has patience only between requests. What is no HTTP, or has a head of more than 64 KB, is told as
    every other no.
    """

    patience: ClassVar[float] = 10.0
    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a head."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Go on with the request; once its head is there, nothing is overdue."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._expect()
        else:
            self._expect_nothing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._expect_nothing()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words for it
        """Answer what is no HTTP."""
        self._end(Problem(400, "malformed", "This is not HTTP, or its head is too large."))

    def _expect(self) -> None:
        if self._overdue is None:
            self._overdue = self.loop.call_later(self.patience, self._give_up)

    def _expect_nothing(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _give_up(self) -> None:
        """Close a connection on which nothing came; answer where something had begun."""
        self._overdue = None
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            return
        if self.conn.trailing_data[0]:
            self._end(Problem(408, "request-timeout", "The request took too long to arrive."))
        elif self.timeout_keep_alive_task is None:
            self.transport.close()

    def _end(self, problem: Problem) -> None:
        """Answer, if nothing was answered yet, and close."""
        self._expect_nothing()
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            body = msgspec.json.encode(problem.document())
            headers = [
                ("Content-Type", MEDIA_TYPE),
                ("Content-Length", str(len(body))),
                ("Connection", "close"),
            ]
            for event in (
                h11.Response(status_code=problem.status, headers=headers),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
