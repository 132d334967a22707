"""The demo: a made-up story told through the same commands as everybody's."""

from collections.abc import Iterator

from api.story import Step, story
from commands.command import Answer, Context
from commands.handle import handle_many
from streams.log import Log

_BATCH = 25
_LAST = "demo-last"


def play(log: Log, tenant: str) -> Iterator[int]:
    """Tell the story where nothing happened yet, or go on with it where that was interrupted.

    Yields how many of its steps are done.
    """
    if not (_empty(log, tenant) or _interrupted(log, tenant)):
        return
    steps = sorted(story(tenant), key=lambda step: step.at)
    for first in range(0, len(steps), _BATCH):
        asked = [
            (step.command, _context(tenant, step, first + n, len(steps)))
            for n, step in enumerate(steps[first : first + _BATCH])
        ]
        for outcome in handle_many(log, asked):
            if not isinstance(outcome, Answer):
                raise outcome
        yield first + len(asked)


def _empty(log: Log, tenant: str) -> bool:
    """Say whether the tenant has nothing but keys and settings."""
    with log.connection() as connection:
        row = connection.execute(
            "SELECT NOT EXISTS (SELECT FROM log.events WHERE tenant = %s AND stream NOT LIKE 'tenant-%%')",
            (tenant,),
        ).fetchone()
    return row == (True,)


def _interrupted(log: Log, tenant: str) -> bool:
    return set(log.answered(tenant, ["demo-0", _LAST])) == {"demo-0"}


def _context(tenant: str, step: Step, number: int, of: int) -> Context:
    name = _LAST if number == of - 1 else f"demo-{number}"
    return Context(tenant=tenant, actor="demo", source=step.source, now=step.at, command_id=name)
