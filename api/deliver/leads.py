"""New leads: each is given what its tenant has defined, in seconds and once."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import psycopg

from api.deliver.following import Told, because_of, take_in, untaken
from commands.batches import of_import
from commands.command import HandleLead
from commands.handle import handle
from domain.errors import Refusal
from domain.event import stored_as
from domain.ids import id_of
from domain.lead import LeadCaptured
from streams.log import Log

_FRESH = timedelta(days=1)
_JOB, _CAPTURED = "leads", stored_as(LeadCaptured).name


class Leads:
    """Handles leads that were captured since it was first run. `tell` is given a line for people where a rule says no.

    Several may run: one at a time works, and what one was killed at the next does, none of it twice.
    """

    def __init__(self, log: Log, tell: Callable[[str], object]) -> None:
        self._log = log
        self._tell = tell

    def look(self) -> bool:
        """Handle the next leads; return whether there are more."""
        return take_in(self._log, _JOB, _CAPTURED, self._take, from_head=True)

    def _take(self, _connection: psycopg.Connection[Any], told: Sequence[Told]) -> None:
        for captured in told:
            if is_fresh(captured):
                self._handle(captured)

    def _handle(self, captured: Told) -> None:
        correlation_id = captured.correlation_id or captured.event_id
        context = because_of(captured.event_id, captured.tenant, "handle", correlation_id)
        try:
            handle(self._log, HandleLead(lead_id=id_of(captured.stream)), context)
        except Refusal as refusal:
            self._tell(f"the lead at position {captured.position} is left: {type(refusal).__name__}")


def waiting(connection: psycopg.Connection[Any], since: timedelta) -> int:
    """Return how many leads were captured so long ago and are not looked at yet."""
    return untaken(connection, _JOB, _CAPTURED, since)


def is_fresh(captured: Told) -> bool:
    """Say whether a lead is news: no import's, and told within a day."""
    return not of_import(captured.correlation_id) and captured.recorded_at - captured.occurred_at <= _FRESH
