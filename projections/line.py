"""The line: one batch is read while another is folded and a third is written."""

import os
import socket
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import psycopg

from domain.record import EventsWithdrawn
from projections.applying import UNWRITABLE, Applier, Waiting, waiting
from projections.changes import Changes, History, Unit
from projections.checkpoints import Disturbed, Places, Step, move, take_up
from projections.definition import ReadModel
from projections.folding import grouped
from streams.follower import Follower, Read
from streams.log import Log
from streams.reading import read_streams
from streams.records import Recorded

_FEWEST = 1_000  # events in a batch
_STREAMS = 1_000  # read at once where events of them are withdrawn
_LONG = 2.0  # seconds that a batch should not take


class Hands(NamedTuple):
    """What a line works with: a connection to write, one to load rows, a thread to read and one to write."""

    writing: psycopg.Connection
    loading: psycopg.Connection
    reader: ThreadPoolExecutor
    writer: ThreadPoolExecutor


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A batch that is being read while its predecessor is folded."""

    after: int
    until: int
    partitions: Sequence[int]
    read: "Future[Read]"


@dataclass(frozen=True, slots=True)
class _Batch:
    """A folded batch: the step it is, what it changes."""

    models: Sequence[ReadModel]
    step: Step
    groups: Mapping[str, Mapping[Unit, Sequence[Recorded]]]
    history: History
    changes: Mapping[str, Changes]

    @property
    def simple(self) -> bool:
        """Whether the next batch may be folded before this one is committed."""
        return not any(changes.held or changes.released for changes in self.changes.values())


class Line:
    """Reading, folding and writing at the same time, each its own batch, in the partitions that it holds."""

    def __init__(
        self, log: Log, follower: Follower, models: Sequence[ReadModel], most: int, hands: Hands
    ) -> None:
        self._log = log
        self._follower = follower
        self._models = models
        self._most = most
        self._limit = min(_FEWEST, most)
        self._appliers = {model.name: Applier(model) for model in models}
        self._worker = f"{socket.gethostname()}:{os.getpid()}"
        self._writing, self._loading, self._reader, self._writer = hands
        self._places = Places({}, {})
        self._behind: tuple[_Batch, Future[None]] | None = None

    def lowest(self) -> int:
        """Return how far the furthest behind of the models is, in any partition."""
        row = self._loading.execute(
            "SELECT min(p.position) FROM model.places p JOIN model.checkpoints c USING (name) "
            "WHERE c.state = 'following' AND name = ANY(%s)",
            ([model.name for model in self._models],),
        ).fetchone()
        return 2**62 if row is None or row[0] is None else int(row[0])

    def follow(self, partitions: Collection[int], until: int | None, stop: Callable[[], bool]) -> int:
        """Apply batch after batch up to `until`, or until these partitions have no more, or `stop` says so.

        Return how far every model is in all of them.
        """
        while True:
            self._behind = None
            self._places = take_up(self._writing, self._models, partitions, self._worker)
            try:
                self._follow(until, stop)
                self._settle()
            except Disturbed:
                continue
            return self._places.lowest

    def _follow(self, until: int | None, stop: Callable[[], bool]) -> None:
        ahead: _Ahead | None = None
        while self._places.positions and not stop():
            after, ceiling, models, partitions = self._next(until)
            if (
                ahead is None
                or (ahead.after, ahead.partitions) != (after, partitions)
                or ahead.until > ceiling
            ):
                ahead = self._read(after, ceiling, partitions)
            batch, began = ahead, time.monotonic()
            reached, events = batch.read.result()
            if reached == after:
                return
            full = reached == batch.until
            ahead = self._read(reached, ceiling, partitions) if full and reached < ceiling else None
            step = Step([model.name for model in models], partitions, after, reached)
            self._take(models, step, events)
            self._adapt(time.monotonic() - began, full=full)

    def _next(self, until: int | None) -> tuple[int, int, list[ReadModel], Sequence[int]]:
        """Return where the furthest behind stand, how far they may go together, and which models and partitions."""
        positions = self._places.positions
        lowest = self._places.lowest
        behind: dict[str, list[int]] = {}
        for name, partition in sorted(place for place, position in positions.items() if position == lowest):
            behind.setdefault(name, []).append(partition)
        partitions = next(iter(behind.values()))
        models = [model for model in self._models if behind.get(model.name) == partitions]
        others = [position for position in positions.values() if position > lowest]
        return lowest, min([*others, *([] if until is None else [until])], default=2**62), models, partitions

    def _read(self, after: int, ceiling: int, partitions: Sequence[int]) -> _Ahead:
        until = min(after + self._limit * self._log.partitions // len(partitions), ceiling)
        return _Ahead(
            after, until, partitions, self._reader.submit(self._follower.read, after, until, partitions)
        )

    def _take(self, models: Sequence[ReadModel], step: Step, events: Sequence[Recorded]) -> None:
        """Fold a batch while its predecessor is written, then let it be written."""
        groups = {model.name: grouped(model, events) for model in models}
        history = self._history(events, step.reached)
        batch = _Batch(models, step, groups, history, self._fold(models, groups, history))
        if not self._settle():
            batch = _Batch(models, step, groups, history, self._fold(models, groups, history))
        self._behind = (batch, self._writer.submit(self._write, batch))
        self._places.taken(step)
        if not batch.simple:
            self._settle()

    def _fold(
        self,
        models: Sequence[ReadModel],
        groups: Mapping[str, Mapping[Unit, Sequence[Recorded]]],
        history: History,
    ) -> dict[str, Changes]:
        left = waiting(self._loading, models)
        newer = self._behind[0].changes if self._behind else {}
        return {
            model.name: self._appliers[model.name].fold(
                self._loading,
                groups[model.name],
                history,
                left.get(model.name, Waiting()),
                newer[model.name].after if model.name in newer else {},
            )
            for model in models
            if groups[model.name]
        }

    def _history(self, events: Sequence[Recorded], reached: int) -> History:
        """Return what reads streams from which events of a batch are withdrawn, many at once."""
        until = [reached] * self._log.partitions
        known: dict[str, dict[str, list[Recorded]]] = {}

        def history(tenant: str, stream: str) -> list[Recorded]:
            if stream not in known.get(tenant, {}):
                asked = [r.stream for r in events if type(r.event) is EventsWithdrawn and r.tenant == tenant]
                streams = list(dict.fromkeys(asked[asked.index(stream) :]))[:_STREAMS]
                known[tenant] = read_streams(self._log, tenant, streams, until)
            return known[tenant][stream]

        return history

    def _write(self, batch: _Batch) -> None:
        with self._writing.transaction():
            move(self._writing, batch.step, self._places.epochs, self._worker)
            for model in batch.models:
                if model.name in batch.changes:
                    self._appliers[model.name].write(self._writing, batch.changes[model.name])

    def _settle(self) -> bool:
        """Wait for the batch that is being written; False says that rows are not as folded."""
        if self._behind is None:
            return True
        batch, written = self._behind
        self._behind = None
        try:
            written.result()
        except UNWRITABLE:
            self._write_carefully(batch)
            return False
        return True

    def _write_carefully(self, batch: _Batch) -> None:
        """Write a batch of which some row cannot be kept: unit by unit, each folded on what is there."""
        with self._writing.transaction():
            move(self._writing, batch.step, self._places.epochs, self._worker)
            left = waiting(self._writing, batch.models)
            for model in batch.models:
                self._appliers[model.name].apply_carefully(
                    self._writing,
                    batch.groups[model.name],
                    batch.history,
                    left.get(model.name, Waiting()),
                )

    def _adapt(self, seconds: float, *, full: bool) -> None:
        """Grow batches while they are full and quick, shrink them when they take long."""
        limit = self._limit
        if seconds > _LONG:
            self._limit = max(min(_FEWEST, self._most), limit // 2)
        elif full:
            self._limit = min(self._most, limit * 2)
