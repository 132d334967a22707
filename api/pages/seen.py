"""Two people at one record: what stands now, what the visitor saw of it, and what others have changed meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, TypeVar

from fastapi import Query

from api.pages.visit import Visit
from commands.desk import folded
from domain.errors import InvalidValue

S = TypeVar("S")
V = TypeVar("V")
Position = Annotated[int | None, Query(ge=0, le=2**62)]
"""A position of the log that an address tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Generic[S]):
    """A record as it stands `now`, and as it was `then`, when the visitor looked."""

    now: S
    version: int
    position: int
    changed_at: datetime
    then: S
    then_version: int


def seen_of(
    visit: Visit, stream: str, *, position: int | None = None, version: int | None = None
) -> Seen[S] | None:
    """Return a record now and as it was at the position, or the version, that the visitor saw (neither: now).

    None where the tenant has no such record.
    """
    events = visit.service.log.stream(visit.caller.tenant, stream) if "\x00" not in stream else []
    if not events:
        return None
    until = [
        event
        for event in events
        if (position is None or event.position <= position) and (version is None or event.version <= version)
    ]
    now, then = folded(stream, events), folded(stream, until)
    return Seen(
        now=now.state,
        version=now.version,
        position=events[-1].position,
        changed_at=events[-1].recorded_at,
        then=then.state,
        then_version=then.version,
    )


def position_of(text: str) -> int | None:
    """Return the position that a form tells; None where it tells none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None  # noqa: PLR2004 - a bigint


def version_seen(visit: Visit, name: str) -> int | None:
    """Return the version that the visitor saw, as the form tells it. Raises InvalidValue for what is none."""
    told = visit.form.get(name)
    if told is None:
        return None
    if not (told.isascii() and told.isdigit() and len(told) < 10):  # noqa: PLR2004 - as versions are
        raise InvalidValue(field=name, rule="a version")
    return int(told)


def settled(
    yours: Mapping[str, V], now: Mapping[str, V], then: Mapping[str, V]
) -> tuple[dict[str, V], list[str]]:
    """Return what the fields come to, and the names of those that others have changed to something else than you.

    What you left as you saw it stays as it is now.
    """
    come_to = {name: now[name] if value == then[name] else value for name, value in yours.items()}
    return come_to, [name for name in yours if now[name] != then[name] and come_to[name] != now[name]]
