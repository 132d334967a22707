"""What changed of late, kept in memory so that whoever was away for a moment misses nothing."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from domain.ids import id_of, kind_of


class Changed(NamedTuple):
    """An event of the log, as far as the feed knows it: where it is, whose it is, which record it touched."""

    position: int
    tenant: str
    kind: str
    ident: str


def changed(position: int, tenant: str, stream: str) -> Changed:
    """Return what an event of a stream changes."""
    return Changed(position, tenant, kind_of(stream), id_of(stream))


class Recent:
    """The last changes without a gap: everything above `floor`."""

    def __init__(self, floor: int, most: int) -> None:
        self.floor = floor
        self._most = most
        self._changes: deque[Changed] = deque()

    def add(self, changes: Iterable[Changed]) -> None:
        """Add what comes next in the log."""
        self._changes.extend(changes)
        while len(self._changes) > self._most:
            self.floor = self._changes.popleft().position

    def forget(self, floor: int) -> None:
        """Begin anew after a position, because there was too much before it."""
        self._changes.clear()
        self.floor = floor

    def since(self, position: int) -> list[Changed] | None:
        """Return every change after a position; None where they go back too far to be known."""
        if position < self.floor:
            return None
        changes = list(self._changes)
        return changes[bisect_right(changes, position, key=_position) :]


def _position(change: Changed) -> int:
    return change.position
