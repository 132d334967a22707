"""The line: one batch is read while another is folded and a third is written."""

import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg

from projections.applying import UNWRITABLE, Applier, Waiting, waiting
from projections.changes import Changes, History, Unit
from projections.checkpoints import Disturbed, Place, move, take_up
from projections.definition import ReadModel
from projections.folding import grouped
from projections.reading import read_events, read_stream
from streams.log import Log
from streams.records import Recorded

_LEADER = 0x70726F6A  # "proj"
_FEWEST = 1_000  # events in a batch


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
    events: "Future[list[Recorded]]"


@dataclass(frozen=True, slots=True)
class _Batch:
    """A folded batch: where its models stood, where it brings them, what it changes."""

    models: Sequence[ReadModel]
    places: Mapping[str, Place]
    reached: int
    events: Sequence[Recorded]
    groups: Mapping[str, Mapping[Unit, Sequence[Recorded]]]
    changes: Mapping[str, Changes] = field(default_factory=dict)

    @property
    def simple(self) -> bool:
        """Whether the next batch may be folded before this one is committed."""
        return not any(changes.held or changes.released for changes in self.changes.values())


class Line:
    """Reading, folding and writing at the same time, each its own batch."""

    def __init__(self, log: Log, models: Sequence[ReadModel], most: int, hands: Hands) -> None:
        self._log = log
        self._models = models
        self._most = most
        self._limit = min(_FEWEST, most)
        self._appliers = {model.name: Applier(model) for model in models}
        self._worker = f"{socket.gethostname()}:{os.getpid()}"
        self._writing, self._loading, self._reader, self._writer = hands
        self._places: dict[str, Place] = {}
        self._behind: tuple[_Batch, Future[None]] | None = None

    def lead(self) -> bool:
        """Try to become the one projector that moves checkpoints; it is so until the connection ends."""
        row = self._writing.execute("SELECT pg_try_advisory_lock(%s)", (_LEADER,)).fetchone()
        return row == (True,)

    def lowest(self) -> int:
        """Return how far the furthest behind of the models is."""
        row = self._loading.execute(
            "SELECT min(position) FROM model.checkpoints WHERE state = 'following' AND name = ANY(%s)",
            ([model.name for model in self._models],),
        ).fetchone()
        return 2**62 if row is None or row[0] is None else int(row[0])

    def follow(self, until: int | None, stop: threading.Event) -> int:
        """Apply batch after batch up to `until`, or until the log has no more; return how far every model is."""
        while True:
            self._behind = None
            self._places = take_up(self._writing, self._models)
            try:
                self._follow(until, stop)
                self._settle()
                return min((place.position for place in self._places.values()), default=2**62)
            except Disturbed:
                continue

    def _follow(self, until: int | None, stop: threading.Event) -> None:
        ahead: _Ahead | None = None
        while self._places and not stop.is_set():
            after, ceiling, models = self._next(until)
            if ahead is None or ahead.after != after or ahead.until > ceiling:
                ahead = self._read(after, ceiling)
            batch, began = ahead, time.monotonic()
            events = batch.events.result()
            if not events:
                return
            reached = events[-1].position
            ahead = self._read(reached, ceiling) if reached == batch.until and reached < ceiling else None
            self._take(models, events, reached)
            self._adapt(len(events), time.monotonic() - began)

    def _next(self, until: int | None) -> tuple[int, int, list[ReadModel]]:
        """Return where the models that are furthest behind stand, how far they may go together, and which they are."""
        positions = {name: place.position for name, place in self._places.items()}
        lowest = min(positions.values())
        models = [model for model in self._models if positions.get(model.name) == lowest]
        others = [position for position in positions.values() if position > lowest]
        return lowest, min([*others, *([] if until is None else [until])], default=2**62), models

    def _read(self, after: int, ceiling: int) -> _Ahead:
        until = min(after + self._limit, ceiling)
        return _Ahead(after, until, self._reader.submit(read_events, self._log, after, until))

    def _take(self, models: Sequence[ReadModel], events: Sequence[Recorded], reached: int) -> None:
        """Fold a batch while its predecessor is written, then let it be written."""
        groups = {model.name: grouped(model, events) for model in models}
        places = {model.name: self._places[model.name] for model in models}
        batch = _Batch(models, places, reached, events, groups, self._fold(models, groups, reached))
        if not self._settle():
            batch = _Batch(models, places, reached, events, groups, self._fold(models, groups, reached))
        self._behind = (batch, self._writer.submit(self._write, batch))
        self._places.update({name: Place(reached, place.epoch) for name, place in places.items()})
        if not batch.simple:
            self._settle()

    def _fold(
        self,
        models: Sequence[ReadModel],
        groups: Mapping[str, Mapping[Unit, Sequence[Recorded]]],
        reached: int,
    ) -> dict[str, Changes]:
        left = waiting(self._loading, models)
        newer = self._behind[0].changes if self._behind else {}
        return {
            model.name: self._appliers[model.name].fold(
                self._loading,
                groups[model.name],
                self._history(reached),
                left.get(model.name, Waiting()),
                newer[model.name].after if model.name in newer else {},
            )
            for model in models
            if groups[model.name]
        }

    def _history(self, reached: int) -> History:
        def history(tenant: str, stream: str) -> list[Recorded]:
            return read_stream(self._log, tenant, stream, reached)

        return history

    def _write(self, batch: _Batch) -> None:
        with self._writing.transaction():
            move(self._writing, batch.places, batch.reached, self._worker)
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
            move(self._writing, batch.places, batch.reached, self._worker)
            left = waiting(self._writing, batch.models)
            for model in batch.models:
                self._appliers[model.name].apply_carefully(
                    self._writing,
                    batch.groups[model.name],
                    self._history(batch.reached),
                    left.get(model.name, Waiting()),
                )

    def _adapt(self, events: int, seconds: float) -> None:
        """Grow batches while they are full and quick, shrink them when they take long."""
        limit = self._limit
        if seconds > 1.0:
            self._limit = max(min(_FEWEST, self._most), limit // 2)
        elif events >= limit:
            self._limit = min(self._most, limit * 2)
