"""Facts about any stream: withdrawing what was recorded by mistake, and erasing a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from domain.event import Event, stored


@stored("events-withdrawn.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class EventsWithdrawn(Event):
    """Events of this stream, named by version, count as never having happened, for a reason."""

    versions: tuple[int, ...]
    reason: str
    batch: str | None = None


@stored("personal-data-erased.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDataErased(Event):
    """The keys of this stream's personal fields were destroyed; who the person was is gone for ever."""

    reason: str


E = TypeVar("E", bound=Event)


def effective(events: Sequence[tuple[int, Event]]) -> list[tuple[int, Event]]:
    """Return a stream's (version, event) pairs without those that a later event withdraws."""
    withdrawn = {v for _, event in events if isinstance(event, EventsWithdrawn) for v in event.versions}
    return [pair for pair in events if pair[0] not in withdrawn] if withdrawn else list(events)
