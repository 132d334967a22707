"""Recording what services publish to Kafka: what a record says becomes a command, once for its source and id."""

import sys
from collections.abc import Sequence
from http import HTTPStatus

import msgspec
import psycopg

from api.cli.tracebacks import write_traceback
from api.http.errors import TABLE, Problem, malformed, problem_of
from api.intake import cloudevents, reading, schemas
from api.intake.cloudevents import CloudEvent
from commands.command import Answer, Command, Context
from commands.handle import handle_many
from streams.kafka.intake import NotNow
from streams.kafka.published import Published
from streams.kafka.rejected import Rejection
from streams.log import Log

ACTOR = "intake"
"""How the log names who asked: whoever may write to the topic."""

_OF_A_RECORD = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)
"""What PostgreSQL says of one record; everything else it says of itself."""


class Taker:
    """Records what services publish for some tenants, the first of which is meant where a record names none.

    The same record taken again is recorded once. What is wrong with one record stops no other.
    """

    def __init__(self, log: Log, tenants: Sequence[str]) -> None:
        self._log = log
        self._tenants = tenants

    def __call__(self, records: Sequence[Published]) -> list[Rejection | None]:
        """Record these, in their order; say of each why it cannot be. Raises NotNow where the fault is elsewhere."""
        return [
            None if isinstance(outcome, Answer) else _rejection(outcome) for outcome in self.take(records)
        ]

    def take(self, records: Sequence[Published]) -> list[Answer | Problem]:
        """Record these, in their order; answer or refuse each. Raises NotNow."""
        try:
            return self._together(records)
        except NotNow:
            raise
        except Exception as cause:  # noqa: BLE001 - told, and no reason to stop the records behind it
            if _is_away(cause):
                raise NotNow(_reason(cause)) from None
            if len(records) > 1:
                return [outcome for record in records for outcome in self.take([record])]
            sys.stderr.write(f"intake: {records[0].place}: rejected for a fault of our own\n")
            write_traceback(cause, sys.stderr)
            title = "Something went wrong here that is not the fault of the record."
            return [Problem(500, "internal", title)]

    def _together(self, records: Sequence[Published]) -> list[Answer | Problem]:
        outcomes: dict[int, Answer | Problem] = {}
        asked: dict[str, list[tuple[int, tuple[Command, Context]]]] = {}
        for number, record in enumerate(records):
            try:
                command, context = self._asked(record)
                asked.setdefault(context.tenant, []).append((number, (command, context)))
            except Problem as problem:
                outcomes[number] = problem
        for of_one in asked.values():
            found = handle_many(self._log, [pair for _, pair in of_one])
            for (number, _), outcome in zip(of_one, found, strict=True):
                outcomes[number] = outcome if isinstance(outcome, Answer) else _refused(outcome)
        return [outcomes[number] for number in range(len(records))]

    def _asked(self, record: Published) -> tuple[Command, Context]:
        event = cloudevents.read_event(reading.told(record.headers, record.value))
        tenant = self._tenant(event)
        asked = cloudevents.command_of(self._log, event, tenant=tenant, actor=ACTOR, source=event.source)
        schemas.check(event.type, event.data)
        return asked

    def _tenant(self, event: CloudEvent) -> str:
        named = (event.model_extra or {}).get("tenant", self._tenants[0])
        if named not in self._tenants:
            raise malformed(
                [{"loc": ("body", "tenant"), "msg": "a tenant that this intake takes records for"}]
            )
        return str(named)


def _refused(error: Exception) -> Problem:
    problem = problem_of(error)
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        raise NotNow(problem.code)
    return problem


def _rejection(problem: Problem) -> Rejection:
    return Rejection(problem.code, msgspec.json.encode(problem.document()))


def _is_away(error: Exception) -> bool:
    """Say whether what records need is away, rather than one of them wrong."""
    if isinstance(error, psycopg.Error):
        return not isinstance(error, _OF_A_RECORD)
    return isinstance(error, tuple(TABLE)) and problem_of(error).status == HTTPStatus.SERVICE_UNAVAILABLE


def _reason(error: Exception) -> str:
    return problem_of(error).code if isinstance(error, tuple(TABLE)) else type(error).__name__
