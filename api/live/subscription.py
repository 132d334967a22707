"""One browser's place in the feed: what it has yet to be told, never more than it can take in."""

import asyncio
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import NamedTuple

from api.live.recent import Changed

MOST = 500
"""Records told one by one; more than that at once and a page had better be loaded anew."""


class News(NamedTuple):
    """What is told in one message: the records that changed up to a position, or (None) that everything may have."""

    position: int
    records: list[tuple[str, str]] | None


class Subscription:
    """What one browser may see and has yet to be told. A slow one gets the same records once, or `None` for all."""

    def __init__(self, tenant: str, kinds: AbstractSet[str], position: int) -> None:
        self.tenant = tenant
        self.kinds = kinds
        self.position = position
        self.ended: str | None = None
        self._pending: dict[tuple[str, str], None] = {}
        self._all = False
        self._wake = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many records it has yet to be told."""
        return len(self._pending)

    def offer(self, changes: Iterable[Changed] | None, reached: int) -> None:
        """Note changes up to a position, those of this tenant that may be seen; None: too many to name."""
        if reached <= self.position:
            return
        if changes is None:
            self._overflow()
        else:
            for change in changes:
                if (
                    change.tenant == self.tenant
                    and change.kind in self.kinds
                    and change.position > self.position
                ):
                    self._pending[change.kind, change.ident] = None
        if len(self._pending) > MOST:
            self._overflow()
        self.position = reached
        if self._pending or self._all:
            self._wake.set()

    def overtaken(self) -> None:
        """Note that what this browser missed is not known any more."""
        self._overflow()
        self._wake.set()

    def take(self) -> News | None:
        """Return what is to be told now, None for nothing."""
        if not (self._pending or self._all):
            return None
        news = News(self.position, None if self._all else list(self._pending))
        self._pending, self._all = {}, False
        self._wake.clear()
        return news

    def end(self, why: str) -> None:
        """End it: the browser is told why and hears no more."""
        self.ended = self.ended or why
        self._wake.set()

    async def wait(self, seconds: float) -> None:
        """Wait until there is something to tell, or so many seconds have passed."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    def _overflow(self) -> None:
        self._pending.clear()
        self._all = True
