"""Group commit: concurrent appends of one process travel to PostgreSQL in one statement and one commit.

One thread gathers what the others ask. While PostgreSQL works on a batch, the threads of the batch before are
told their outcome and ask anew, so that neither side waits for the other.
"""

import queue
import threading
from collections.abc import Sequence

from psycopg_pool import ConnectionPool

from streams.errors import LogClosed, LogRefusal
from streams.flight import Flight
from streams.records import Appended
from streams.ticket import Course, Ticket, compatible

_MOST_IN_A_BATCH = 128
_MOST_IN_ONE_OF_MANY = 2_000


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
                raise LogClosed
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
        """Commit many requests, decided one after the other, in the caller's thread; each is answered or refused.

        One that was decided on what a refused one would have written is refused too.
        """
        with self._mutex:
            if self._closing:
                raise LogClosed
        waiting = list(tickets)
        flight, course = Flight(self._pool), Course()
        try:
            while waiting:
                batch, later = compatible(waiting, _MOST_IN_ONE_OF_MANY)
                flight.begin(batch)
                waiting = course.settle(batch, flight.settle(batch) + later)
        finally:
            flight.land()
        return [ticket.outcome for ticket in tickets if ticket.outcome is not None]

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
