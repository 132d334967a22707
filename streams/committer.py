"""Group commit: concurrent appends of one process travel to PostgreSQL in one statement and one commit.

One thread gathers what the others ask. While PostgreSQL works on a batch, the threads of the batch before are
told their outcome and ask anew, so that neither side waits for the other.
"""

import queue
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import msgspec
import psycopg
from psycopg import errors as pg
from psycopg_pool import ConnectionPool, PoolTimeout

from streams.errors import ClaimTaken, CommandReused, LogClosed, LogRefusal, OutcomeUnknown, WrongExpectedVersion
from streams.records import Appended
from streams.ticket import Ticket, compatible, payload

_MOST_IN_A_BATCH = 128
_MOST_IN_ONE_OF_MANY = 2_000
_PATIENCE = 60.0  # seconds a request may wait for a database that does not answer
_APPEND = "SELECT log.append(%s::jsonb)::text"


class Committer:
    """Takes tickets from many threads and commits them in batches, in one background thread."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._tickets: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self._mutex = threading.Lock()
        self._closing = False
        self._thread: threading.Thread | None = None

    def append(self, ticket: Ticket) -> Appended:
        """Commit one request together with its neighbours; return its place or raise why it was refused."""
        ticket.done.acquire()
        with self._mutex:
            if self._closing:
                raise LogClosed()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
                self._thread.start()
            self._tickets.put(ticket)
        ticket.done.acquire()
        if isinstance(ticket.outcome, Appended):
            return ticket.outcome
        if ticket.outcome is not None:
            raise ticket.outcome
        raise RuntimeError("the batch of this append failed") from ticket.error

    def append_all(self, tickets: Sequence[Ticket]) -> list[Appended | LogRefusal]:
        """Commit many requests in the caller's thread; each is answered or refused by itself."""
        with self._mutex:
            if self._closing:
                raise LogClosed()
        outcomes: list[Appended | LogRefusal] = []
        waiting = list(tickets)
        flight = Flight(self._pool)
        try:
            while waiting:
                batch, later = compatible(waiting, _MOST_IN_ONE_OF_MANY)
                flight.begin(batch)
                waiting = flight.settle(batch) + later
        finally:
            flight.land()
        for ticket in tickets:
            if ticket.outcome is None:
                raise RuntimeError("an append was never settled") from ticket.error
            outcomes.append(ticket.outcome)
        return outcomes

    def close(self) -> None:
        """Commit what was asked, then stop; what is asked from now on is refused."""
        with self._mutex:
            self._closing = True
            self._tickets.put(None)
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        flight = Flight(self._pool)
        waiting: list[Ticket] = []
        settled: list[Ticket] = []
        more = True
        while more or waiting:
            more = more and self._gather(waiting, wait=not settled)
            batch, waiting = compatible(waiting, _MOST_IN_A_BATCH)
            try:
                flight.begin(batch)
                _tell(settled)
                waiting = flight.settle(batch) + waiting
            except BaseException as cause:  # noqa: BLE001 - every waiting thread is told, none waits for ever
                flight.land()
                for ticket in batch:
                    ticket.error = cause
            settled = [ticket for ticket in batch if ticket.outcome or ticket.error]
        _tell(settled)
        flight.land()

    def _gather(self, waiting: list[Ticket], *, wait: bool) -> bool:
        """Collect the tickets at hand, at least one if it may `wait`. False says that no more will come."""
        try:
            while len(waiting) < _MOST_IN_A_BATCH:
                ticket = self._tickets.get(block=wait and not waiting)
                if ticket is None:
                    return False
                waiting.append(ticket)
        except queue.Empty:
            pass
        return True


def _tell(settled: list[Ticket]) -> None:
    for ticket in settled:
        ticket.done.release()
    settled.clear()


class Flight:
    """A connection on which one batch at a time is under way, renewed when it breaks."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._held = ExitStack()
        self._connection: psycopg.Connection | None = None
        self._pipeline: psycopg.Pipeline | None = None
        self._cursor: psycopg.Cursor | None = None
        self._trouble: float | None = None  # since when nothing could be settled

    def begin(self, batch: list[Ticket]) -> None:
        """Send a batch off, without waiting for the answer; tickets of a lost connection are looked up first."""
        self._cursor = None
        try:
            connection, pipeline = self._ready()
            lost = [ticket for ticket in batch if ticket.lost]
            _find(connection, lost)
            sent = [ticket for ticket in batch if ticket.outcome is None]
            if sent:
                self._cursor = connection.execute(_APPEND, (payload(sent),), prepare=True)
                pipeline.sync()
        except (psycopg.OperationalError, PoolTimeout) as cause:
            self._broken(batch, cause)

    def settle(self, batch: list[Ticket]) -> list[Ticket]:
        """Wait for the answer and give each ticket its outcome; return those that must be sent again."""
        sent = [ticket for ticket in batch if ticket.outcome is None]
        try:
            if self._cursor is not None:
                row = self._cursor.fetchone()
                self._read(sent, msgspec.json.decode(row[0]) if row else {})
                self._trouble = None
        except pg.UniqueViolation:
            pass  # another process was faster since the checks: check again
        except psycopg.OperationalError as cause:
            self._broken(sent, cause)
        return [ticket for ticket in sent if ticket.outcome is None]

    def land(self) -> None:
        """Give the connection back."""
        self._cursor = self._connection = self._pipeline = None
        held, self._held = self._held, ExitStack()
        try:
            held.close()
        except psycopg.OperationalError:
            return  # it is broken already; the pool drops it

    def _ready(self) -> tuple[psycopg.Connection, psycopg.Pipeline]:
        if self._connection is None or self._pipeline is None:
            self._connection = self._held.enter_context(self._pool.connection())
            self._pipeline = self._held.enter_context(self._connection.pipeline())
        return self._connection, self._pipeline

    def _broken(self, batch: list[Ticket], cause: Exception) -> None:
        self.land()
        now = time.monotonic()
        self._trouble = self._trouble or now
        for ticket in batch:
            ticket.lost = True
            if now - self._trouble > _PATIENCE:
                ticket.outcome = OutcomeUnknown(waited_seconds=_PATIENCE)
                ticket.outcome.__cause__ = cause

    def _read(self, sent: list[Ticket], verdict: dict[str, Any]) -> None:
        if "refused" not in verdict:
            position = verdict["position"]
            for ticket in sent:
                position += ticket.events
                ticket.recorded_at(position)
            return
        by_number = {ticket.number: ticket for ticket in sent}
        refused = [(by_number[refusal["r"]], refusal) for refusal in verdict["refused"]]
        # a ticket of a lost connection may be refused by itself, committed since it was looked up
        _find(self._ready()[0], [ticket for ticket, _ in refused if ticket.lost])
        for ticket, refusal in refused:
            ticket.outcome = ticket.outcome or _refusal(ticket, refusal)


def _find(connection: psycopg.Connection, lost: list[Ticket]) -> None:
    """Find which requests with an unknown outcome are in the log after all, by their first event's own id."""
    for ticket in lost:
        if ticket.proof is None:
            continue
        row = connection.execute(
            "SELECT position FROM log.events WHERE tenant = %s AND stream = %s AND version = %s AND event_id = %s",
            ticket.proof,
        ).fetchone()
        if row is not None:
            ticket.recorded_at(row[0] + ticket.events - 1)


def _refusal(ticket: Ticket, refusal: dict[str, Any]) -> Appended | LogRefusal:
    match refusal["reason"]:
        case "command" if refusal["fingerprint"] == ticket.fingerprint:
            answer = refusal["answer"]
            return Appended(
                position=refusal["position"],
                version=answer["version"],
                events=refusal["events"],
                answer=answer["answer"],
                repeated=True,
            )
        case "command":
            return CommandReused(command_id=ticket.command_id)
        case "version":
            return WrongExpectedVersion(
                stream=refusal["stream"], expected=refusal["expected"], current=refusal["current"]
            )
        case _:
            return ClaimTaken(kind=refusal["kind"], holder=refusal["holder"])
