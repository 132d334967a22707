"""One batch under way to PostgreSQL: sent off, answered, and found again where a connection was lost meanwhile."""

import select
import time
from typing import Any

import msgspec
import psycopg
from psycopg import errors as pg
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg_pool import ConnectionPool, PoolTimeout

from streams.errors import (
    ClaimTaken,
    CommandReused,
    KeyDestroyed,
    KeyTaken,
    LogRefusal,
    OutcomeUnknown,
    Overtaken,
    Unstorable,
    WrongExpectedVersion,
)
from streams.keyring import rotated
from streams.records import Appended
from streams.ticket import SUSPECT, Ticket, payload

_MOST_TRIES = 100
_PATIENCE = 60.0  # seconds a request may wait for a database that does not answer


class Flight:
    """A connection on which one batch at a time is under way, renewed when it breaks.

    psycopg's own execute waits for the answer; its libpq wrapper lets us do something else meanwhile.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._connection: psycopg.Connection | None = None
        self._sent: list[Ticket] = []
        self._trouble: float | None = None  # since when nothing could be settled

    def begin(self, batch: list[Ticket]) -> None:
        """Send a batch off, without waiting for the answer; tickets of a lost connection are looked up first."""
        self._sent = []
        try:
            connection = self._ready()
            _find(connection, [ticket for ticket in batch if ticket.lost])
            pending = [ticket for ticket in batch if ticket.outcome is None]
            if pending:
                connection.pgconn.send_query_prepared(b"append", [payload(pending)])
                while connection.pgconn.flush():
                    _wait(connection, select.POLLOUT)
            self._sent = pending
        except (psycopg.OperationalError, PoolTimeout) as cause:
            self._broken(batch, cause)

    def settle(self, batch: list[Ticket]) -> list[Ticket]:
        """Wait for the answer and give each ticket its outcome; return those that must be sent again."""
        try:
            if self._sent:
                self._read(self._sent, msgspec.json.decode(_answer(self._ready())))
                self._trouble = None
        except psycopg.OperationalError as cause:
            self._broken(self._sent, cause)
        except psycopg.Error as cause:
            self._failed(cause)
        return [ticket for ticket in batch if ticket.outcome is None]

    def land(self) -> None:
        """Give the connection back; one that is still waiting for an answer is closed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            if connection.pgconn.transaction_status != TransactionStatus.IDLE:
                connection.close()
            self._pool.putconn(connection)

    def _ready(self) -> psycopg.Connection:
        if self._connection is None:
            self._connection = connection = self._pool.getconn()
            if not connection.execute("SELECT FROM pg_prepared_statements WHERE name = 'append'").rowcount:
                connection.execute("PREPARE append (jsonb) AS SELECT log.append($1)::text")
        return self._connection

    def _broken(self, batch: list[Ticket], cause: Exception) -> None:
        self.land()
        now = time.monotonic()
        self._trouble = self._trouble or now
        for ticket in batch:
            ticket.lost = True
            if now - self._trouble > _PATIENCE and ticket.outcome is None:
                ticket.outcome = OutcomeUnknown(waited_seconds=_PATIENCE)
                ticket.outcome.__cause__ = cause

    def _failed(self, cause: psycopg.Error) -> None:
        """Have a failed batch sent again, each ticket by itself; one that fails alone has its answer.

        After a unique_violation, another process was faster since the checks: these are made again, together.
        """
        raced = isinstance(cause, pg.UniqueViolation)
        for ticket in self._sent:
            ticket.tries += 1 if raced else SUSPECT
        if len(self._sent) > 1 or (raced and self._sent[0].tries < _MOST_TRIES):
            return
        if not isinstance(cause, psycopg.DataError):
            raise cause
        self._sent[0].outcome = Unstorable(reason=cause.diag.message_primary)

    def _read(self, sent: list[Ticket], verdict: dict[str, Any]) -> None:
        if "refused" not in verdict:
            position = verdict["position"]
            for ticket in sent:
                position += ticket.events
                ticket.recorded_at(position)
            return
        by_number = {ticket.number: ticket for ticket in sent}
        refused = [(by_number[refusal["r"]], refusal) for refusal in verdict["refused"]]
        refused += _alike(sent, verdict["refused"])
        # a ticket of a lost connection may be refused by itself, committed since it was looked up
        _find(self._ready(), [ticket for ticket, _ in refused if ticket.lost])
        for ticket, refusal in refused:
            ticket.outcome = ticket.outcome or _refusal(ticket, refusal)


def _answer(connection: psycopg.Connection) -> bytes:
    """Wait for the commit and return the one row of its statement. Raises what psycopg raises.

    The row comes before the commit, which can still fail: only the end of all results says that it did not.
    """
    pgconn = connection.pgconn
    results = []
    while True:
        while pgconn.is_busy():
            _wait(connection, select.POLLIN)
            pgconn.consume_input()
        if (result := pgconn.get_result()) is None:
            break
        results.append(result)
    for result in results:
        if result.status != ExecStatus.TUPLES_OK:
            raise pg.error_from_result(result)
    if len(results) != 1 or pgconn.transaction_status != TransactionStatus.IDLE:
        raise psycopg.OperationalError("the connection ended before the commit was confirmed")
    return results[0].get_value(0, 0) or b"{}"


def _wait(connection: psycopg.Connection, event: int) -> None:
    poll = select.poll()
    poll.register(connection.pgconn.socket, event)
    poll.poll()


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
        case "rotated":
            return rotated()
        case _:
            return _overtaken(refusal)


def _overtaken(refusal: dict[str, Any]) -> LogRefusal:
    match refusal["reason"]:
        case "version":
            return WrongExpectedVersion(
                stream=refusal["stream"], expected=refusal["expected"], current=refusal["current"]
            )
        case "claim":
            return ClaimTaken(kind=refusal["kind"], holder=refusal["holder"])
        case "sealed":
            return KeyDestroyed(subject=refusal["subject"])
        case "keyed":
            return KeyTaken(subject=refusal["subject"])
        case "held":
            return Overtaken(claim=refusal["kind"])
        case _:
            return Overtaken(customer=refusal["customer"])


def _alike(sent: list[Ticket], refusals: list[dict[str, Any]]) -> list[tuple[Ticket, dict[str, Any]]]:
    """Return what else of a batch expected a version that another's check found to be gone: one check served all."""
    gone = {(no["tenant"], no["stream"]): no for no in refusals if no["reason"] == "version"}
    told = {no["r"] for no in refusals}
    return [
        (ticket, no)
        for ticket in sent
        if gone and ticket.number not in told
        for stream, place in ticket.streams.items()
        if (no := gone.get(stream)) is not None and no["expected"] == place.expected
    ]
