"""Latest-wins registers: how facts that arrive in any order end in one value."""

from datetime import UTC, datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_new = tuple.__new__  # half the time of calling the class: folds offer several values an event

Stamp = tuple[int, int, str]
"""The order of two facts about one field: microseconds since 1970, the source's own sequence, a tie-break."""

NEVER: Stamp = (-(2**62), 0, "")
"""Before every fact."""


def stamp(occurred_at: datetime, sequence: int = 0, tie: str = "") -> Stamp:
    """Return the place of a fact among others of its field: from what it says, never from its arrival."""
    since = occurred_at - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds, sequence, tie)


def after(at: datetime, *stamps: Stamp) -> datetime:
    """Return when a request made at `at` takes effect: then, or right after the newest fact it must outdo."""
    newest = max(stamps, default=NEVER)
    if newest == NEVER or stamp(at)[0] > newest[0]:
        return at
    return _EPOCH + timedelta(microseconds=newest[0]) + _TICK


class Register(NamedTuple, Generic[T]):
    """A value and the stamp of the fact that gave it."""

    value: T
    stamp: Stamp = NEVER

    def offer(self, value: T, at: Stamp) -> "Register[T]":
        """Return the newer of this value and the offered one; at equal stamps the content decides."""
        if at > self.stamp or (at == self.stamp and repr(value) > repr(self.value)):
            return _new(Register, (value, at))
        return self

    def join(self, other: "Register[T]") -> "Register[T]":
        """Return the newer of two registers of one field."""
        return self.offer(other.value, other.stamp)
