"""A request on its way into the log, encoded once by the thread that asks."""

import threading
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from streams.errors import LogRefusal
from streams.records import Appended

SUSPECT = 3  # failed tries
Stream = tuple[str, str]  # tenant and stream
_EFFECTS = ("claims", "releases", "reopen", "tracking")
"""The parts of a ticket that are kept beside its events, for a log restored from them."""


class Place(NamedTuple):
    """What a ticket does to a stream: the version it expects, the version it leaves, the check as JSON."""

    expected: int
    version: int
    check: bytes


@dataclass(slots=True, eq=False, kw_only=True)
class Ticket:
    """An encoded request: JSON rows by list, what no other in its batch may touch (`alone`), and its outcome.

    `proof` is (tenant, stream, version, event id) of its first event: found in the log, the request is recorded.
    `lost` says that a connection broke while the log was answering it. `tries` counts how often its batch failed.
    """

    number: int
    version: int
    answer: Mapping[str, Any]
    parts: dict[str, bytes] = field(default_factory=dict)
    streams: dict[Stream, Place] = field(default_factory=dict)
    alone: set[Hashable] = field(default_factory=set)
    events: int = 0
    proof: tuple[str, str, int, str] | None = None
    command: bytes | None = None
    command_id: str | None = None
    fingerprint: str | None = None
    outcome: Appended | LogRefusal | None = None
    error: BaseException | None = None
    lost: bool = False
    tries: int = 0
    done: threading.Lock = field(default_factory=threading.Lock)

    @property
    def suspect(self) -> bool:
        """Whether it must travel alone, so that one bad request is no other's failure."""
        return self.tries >= SUSPECT

    def add(self, name: str, rows: bytes) -> None:
        """Add JSON rows, joined by commas, to one of the batch's lists."""
        before = self.parts.get(name)
        self.parts[name] = rows if before is None else b"%s,%s" % (before, rows)

    def recorded_at(self, position: int) -> None:
        """Note that the request is in the log, its last event at this position."""
        self.outcome = Appended(
            position=position, version=self.version, events=self.events, answer=self.answer
        )


def compatible(waiting: Sequence[Ticket], most: int) -> tuple[list[Ticket], list[Ticket]]:
    """Split off the next batch, in order of arrival, and return it and the rest.

    In a batch no two tickets have the same claim or command, and two are on one stream only where the second was
    decided on what the first writes.
    """
    batch: list[Ticket] = []
    later: list[Ticket] = []
    touched: set[Hashable] = set()
    versions: dict[Hashable, int] = {}
    for ticket in waiting:
        by_itself = bool(batch) and (ticket.suspect or batch[0].suspect)
        if len(batch) < most and not by_itself and _fits(ticket, touched, versions):
            batch.append(ticket)
            for name, place in ticket.streams.items():
                versions[name] = place.version
        else:
            later.append(ticket)
            touched.update(ticket.streams)
        touched |= ticket.alone
    return batch, later


def _fits(ticket: Ticket, touched: set[Hashable], versions: dict[Hashable, int]) -> bool:
    for name, place in ticket.streams.items():
        if name in touched or versions.get(name, place.expected) != place.expected:
            return False
    return touched.isdisjoint(ticket.alone)


def payload(batch: Sequence[Ticket]) -> bytes:
    """Return what log.append takes: the rows of every ticket, one check for every stream."""
    parts: dict[str, list[bytes]] = {}
    seen: set[Stream] = set()
    before = 0
    for ticket in batch:
        for name, place in ticket.streams.items():
            if name not in seen:
                seen.add(name)
                parts.setdefault("expected", []).append(place.check)
        for part, rows in ticket.parts.items():
            parts.setdefault(part, []).append(rows)
        before += ticket.events
        if ticket.events and (noted := [part for part in _EFFECTS if part in ticket.parts]):
            effect = b",".join(b'"%s":[%s]' % (part.encode(), ticket.parts[part]) for part in noted)
            parts.setdefault("effects", []).append(b"[%d,{%s}]" % (before, effect))
        if ticket.command is not None:
            parts.setdefault("commands", []).append(b"%s,%d]" % (ticket.command[:-1], before))
    lists = (b'"%s":[%s]' % (name.encode(), b",".join(rows)) for name, rows in parts.items())
    return b"{%s}" % b",".join(lists)
