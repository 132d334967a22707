"""Chance that falls the same way every time: each storyline has dice of its own."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple, TypeVar

from commands.command import Command

T = TypeVar("T")
_OPENS, _CLOSES = 8, 17
_FRIDAY = 4


class Step(NamedTuple):
    """Something that happens: when we hear of it, from which system, and what."""

    at: datetime
    source: str
    command: Command


class Dice:
    """Decides what happens in one storyline, named by `seed`: the same name, the same decisions."""

    def __init__(self, *seed: object) -> None:
        self._random = Random("/".join(map(str, seed)))  # noqa: S311 - nothing is kept secret by it

    def happens(self, share: float) -> bool:
        """Say yes in this share of cases."""
        return self._random.random() < share

    def one_of(self, values: Sequence[T]) -> T:
        """Return one of these."""
        return self._random.choice(values)

    def some_of(self, values: Sequence[T], most: int) -> list[T]:
        """Return one to `most` of these, each once."""
        return self._random.sample(values, self.number(1, most))

    def number(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`."""
        return self._random.randint(low, high)

    def count(self, average: float) -> int:
        """Return how often something happens in a day, if that is so often on average."""
        return int(average) + self.happens(average % 1)

    def seconds(self, low: float, high: float) -> float:
        """Return a time between the two."""
        return self._random.uniform(low, high)

    def later(self, at: datetime, low: float, high: float) -> datetime:
        """Return a time so many days later."""
        return at + timedelta(days=self._random.uniform(low, high))

    def at_work(self, at: datetime, low: float, high: float) -> datetime:
        """Return a time so many days later, moved on to when the office is open."""
        later = self.later(at, low, high)
        if not _OPENS <= later.hour < _CLOSES:
            days = 1 if later.hour >= _CLOSES else 0
            later = later.replace(hour=_OPENS) + timedelta(days=days, minutes=self.number(0, 500))
        return later if later.weekday() <= _FRIDAY else later + timedelta(days=7 - later.weekday())
