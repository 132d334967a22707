"""Latest-wins registers: how facts that arrive in any order end in one value."""

from datetime import UTC, datetime
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Stamp = tuple[int, int, str]
"""The order of two facts about one field: microseconds since 1970, the source's own sequence, a tie-break."""


def stamp(occurred_at: datetime, sequence: int = 0, tie: str = "") -> Stamp:
    """Return the place of a fact among others of its field, from what the fact says and never from arrival."""
    since = occurred_at - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds, sequence, tie)


class Register(NamedTuple, Generic[T]):
    """A value and the stamp of the fact that gave it."""

    value: T
    stamp: Stamp = (-(2**62), 0, "")

    def offer(self, value: T, at: Stamp) -> "Register[T]":
        """Return the newer of this value and the offered one; ties are settled by the stamp alone."""
        return Register(value, at) if at > self.stamp else self
