"""Telling the story: in batches, once, going on where it was interrupted."""

from collections.abc import Iterator
from datetime import UTC, datetime

from api.demo.dice import Step
from api.demo.year import YEAR, story
from commands.command import Answer, Context
from commands.handle import handle_many
from streams.log import Log

_BATCH = 200
_FIRST, _LAST = "demo-0", "demo-last"
ACTOR = "demo"


def play(log: Log, tenant: str) -> Iterator[int]:
    """Tell the year until now where nothing happened yet, or the rest of it where that was interrupted.

    Yields how many of its steps are done.
    """
    ends = _ends(log, tenant) or (datetime.now(UTC) if _empty(log, tenant) else None)
    if ends is None or told(log, tenant) is not None:
        return
    steps = [step for step in story(tenant, ends) if step.at <= ends]
    for first in range(0, len(steps), _BATCH):
        batch = steps[first : first + _BATCH]
        asked = [
            (step.command, _context(tenant, step, number, len(steps)))
            for number, step in enumerate(batch, first)
        ]
        for outcome in handle_many(log, asked):
            if not isinstance(outcome, Answer):
                raise outcome
        yield first + len(asked)


def told(log: Log, tenant: str) -> datetime | None:
    """Return the end of the year that was told; None unless all of it was."""
    return _ends(log, tenant) if log.answered(tenant, [_LAST]) else None


def _ends(log: Log, tenant: str) -> datetime | None:
    """Return the end of the year that was begun to be told, from its first event."""
    begun = log.answered(tenant, [_FIRST]).get(_FIRST)
    if begun is None:
        return None
    [first] = log.read(begun[1].position - 1, 1)
    return first.event.occurred_at + YEAR


def _empty(log: Log, tenant: str) -> bool:
    """Say whether the tenant has nothing but keys, people and settings."""
    with log.connection() as connection:
        row = connection.execute(
            "SELECT NOT EXISTS (SELECT FROM log.events WHERE tenant = %s AND stream !~ '^(tenant|person)-')",
            (tenant,),
        ).fetchone()
    return row == (True,)


def _context(tenant: str, step: Step, number: int, of: int) -> Context:
    name = _LAST if number == of - 1 else f"demo-{number}"
    return Context(tenant=tenant, actor=ACTOR, source=step.source, now=step.at, command_id=name)
