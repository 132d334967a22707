"""Connections that wait for an answer no longer than they are told to."""

from psycopg import Connection, OperationalError
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

_LOOKS = 0.1  # seconds between two looks whether the process is asked to stop, as psycopg has it


class Bounded(Connection[TupleRow]):
    """A connection that is closed when a server that stands still has not answered for `patience` seconds.

    None waits for ever. What was asked raises OperationalError then; whether it was done is not known.
    """

    patience: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = _LOOKS, timeout: float | None = None) -> RV:
        """Do something on the connection. Raises what psycopg raises."""
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:  # there is no answer to it yet
                self.pgconn.finish()
            raise
