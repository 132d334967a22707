"""Going on: an event every few seconds, as the year foresaw and by people who come now."""

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from api.demo.dice import Dice, Step
from api.demo.enquiries import enquiry_of
from api.demo.people import VISITORS, Crowd
from api.demo.shops import SHOPS, order_of
from api.demo.telling import ACTOR
from api.demo.year import story
from commands.command import Command, Context
from commands.handle import handle
from domain.errors import Refusal
from streams.log import Log

_FIRST = 5_000  # the numbers of orders and enquiries that the year leaves to us
_KNOWN = 200  # people of the year who may come back
_AT_ONCE = 40  # storylines
_PLANNED = 0.07  # of all steps: what the year foresaw goes on for some hours
PAUSE = (2.0, 5.0)
"""Seconds between two events: at least, at most."""


def go_on(
    log: Log, tenant: str, ends: datetime, stop: threading.Event, pause: tuple[float, float] = PAUSE
) -> None:
    """Tell what happens now, each step once, until told to stop.

    What a rule refuses, because people changed things meanwhile, is left out; anything else that goes wrong is
    raised, and whoever starts this again has it go on with the next step.
    """
    last = _last(log, tenant)
    for number, step in enumerate(steps(tenant, ends)):
        if number <= last:
            continue
        if stop.wait(Dice("pause", number).seconds(*pause)):
            return
        now = datetime.now(UTC)
        context = Context(
            tenant=tenant, actor=ACTOR, source=step.source, now=now, command_id=f"demo-live-{number:09}"
        )
        try:
            handle(log, moved(step, now), context)
        except Refusal:
            continue


def steps(tenant: str, ends: datetime) -> Iterator[Step]:
    """Yield what happens after `ends`, for ever and always the same: planned steps, and storylines that begin."""
    planned = deque(step for step in story(tenant, ends) if step.at > ends)
    running: list[deque[Step]] = []
    crowd, visitors = Crowd(known=_KNOWN), Crowd(first=VISITORS, known=_KNOWN)
    begun = 0
    while True:
        dice = Dice("live", begun, len(planned), sum(map(len, running)))
        if planned and dice.happens(_PLANNED):
            yield planned.popleft()
            continue
        if not running or (len(running) < _AT_ONCE and dice.happens(0.4)):
            begun += 1
            running.append(deque(_storyline(tenant, begun, crowd, visitors, ends)))
            storyline = running[-1]
        else:
            storyline = dice.one_of(running)
        yield storyline.popleft()
        running = [one for one in running if one]


def _storyline(tenant: str, number: int, crowd: Crowd, visitors: Crowd, at: datetime) -> Iterator[Step]:
    dice = Dice("storyline", number)
    if dice.happens(0.55):
        shop, who = dice.one_of(SHOPS), crowd.who(dice, new=0.4)
        found = order_of(dice, shop, _FIRST + number, who.account(shop.accounts), at)
    else:
        found = enquiry_of(dice, tenant, f"{_FIRST + number}", visitors.who(dice, new=0.6), at)
    return iter(sorted(found, key=lambda step: step.at))


def moved(step: Step, now: datetime) -> Command:
    """Return what is asked, as of now instead of when it was planned."""
    dates: dict[str, Any] = {}
    if getattr(step.command, "occurred_at", None) is not None:
        dates["occurred_at"] = now
    due_on = getattr(step.command, "due_on", None)
    if due_on is not None:
        dates["due_on"] = due_on + timedelta(days=(now - step.at).days)
    return replace(step.command, **dates)


def _last(log: Log, tenant: str) -> int:
    """Return the number of the last step that was told, -1 if none was."""
    with log.connection() as connection:
        row = connection.execute(
            "SELECT max(right(command_id, 9)::int) FROM log.commands "
            "WHERE tenant = %s AND command_id ~ '^demo-live-[0-9]{9}$'",
            (tenant,),
        ).fetchone()
    return -1 if row is None or row[0] is None else int(row[0])
