"""A request on its way into the log, encoded once by the thread that asks."""

import threading
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from streams.errors import LogRefusal, WrongExpectedVersion
from streams.keyring import NewKey
from streams.records import Appended

SUSPECT = 3  # failed tries
Stream = tuple[str, str]  # tenant and stream
ClaimKey = tuple[str, str, str]  # tenant, kind and digest
_EFFECTS = ("claims", "releases", "reopen", "tracking")
"""The parts of a ticket that are kept beside its events, for a log restored from them."""


class Place(NamedTuple):
    """What a ticket does to a stream: the version it expects, the version it leaves, the check as JSON.

    One that only relies on the stream leaves the version that it expects.
    """

    expected: int
    version: int
    check: bytes

    @property
    def writes(self) -> bool:
        """Whether it adds events to the stream."""
        return self.version > self.expected


@dataclass(slots=True, eq=False, kw_only=True)
class Ticket:
    """An encoded request: JSON rows by list, what no other in its batch may change (`alone`), and its outcome.

    `held` are the claims it looked up, with their holder and the check as JSON; `holders` who holds the claims that it
    takes or gives back once it is recorded; `sealed` the checks of the keys that seal its fields, by subject and, of
    the `new_keys` that it records, by what is stored of them: two for one subject are two. `solitary`: it must be a
    batch by itself.
    `proof` is (tenant, stream, version, event id) of its first event: found in the log, the request is recorded.
    `lost` says that a connection broke while the log was answering it. `tries` counts how often its batch failed.
    """

    number: int
    version: int
    answer: Mapping[str, Any]
    parts: dict[str, bytes] = field(default_factory=dict)
    streams: dict[Stream, Place] = field(default_factory=dict)
    alone: set[Hashable] = field(default_factory=set)
    holders: Mapping[ClaimKey, str | None] = field(default_factory=dict)
    held: dict[ClaimKey, tuple[str | None, bytes]] = field(default_factory=dict)
    sealed: dict[tuple[Stream, bytes | None], bytes] = field(default_factory=dict)
    new_keys: dict[Stream, NewKey] = field(default_factory=dict)
    solitary: bool = False
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
    def travels_alone(self) -> bool:
        """Whether it must be a batch by itself, also so that one bad request is no other's failure."""
        return self.solitary or self.tries >= SUSPECT

    def writes(self) -> Iterator[tuple[Stream, int]]:
        """Yield every (stream, version) that it writes."""
        for stream, place in self.streams.items():
            yield from ((stream, version) for version in range(place.expected + 1, place.version + 1))

    def add(self, name: str, rows: bytes) -> None:
        """Add JSON rows, joined by commas, to one of the batch's lists."""
        before = self.parts.get(name)
        self.parts[name] = rows if before is None else b"%s,%s" % (before, rows)

    def recorded_at(self, position: int) -> None:
        """Note that the request is in the log, its last event at this position."""
        self.outcome = Appended(
            position=position, version=self.version, events=self.events, answer=self.answer
        )


class _Batch:
    """What the tickets of a batch change, and what those set aside, which come after it, read and change."""

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []
        self._versions: dict[Stream, int] = {}
        self._holders: dict[ClaimKey, str | None] = {}
        self._alone: set[Hashable] = set()
        self._changed_later: set[Hashable] = set()
        self._read_later: set[Hashable] = set()

    def fits(self, ticket: Ticket) -> bool:
        """Say whether a ticket, coming after all that were added or set aside, may be of this batch."""
        if self.tickets and (ticket.travels_alone or self.tickets[0].travels_alone):
            return False
        for stream, place in ticket.streams.items():
            if stream in self._changed_later or (place.writes and stream in self._read_later):
                return False
            if self._versions.get(stream, place.expected) != place.expected:
                return False
        for key, (holder, _) in ticket.held.items():
            if key in self._changed_later or self._holders.get(key, holder) != holder:
                return False
        alone = ticket.alone
        return not (alone & self._alone or alone & self._changed_later or alone & self._read_later)

    def add(self, ticket: Ticket) -> None:
        """Take a ticket into the batch: those after it see what it changes."""
        self.tickets.append(ticket)
        for stream, place in ticket.streams.items():
            self._versions[stream] = place.version
        self._holders.update(ticket.holders)
        self._alone |= ticket.alone

    def set_aside(self, ticket: Ticket) -> None:
        """Note a ticket of a later batch: nothing that comes after it may overtake it."""
        for stream, place in ticket.streams.items():
            (self._changed_later if place.writes else self._read_later).add(stream)
        self._read_later.update(ticket.held)
        self._changed_later |= ticket.alone


def compatible(waiting: Sequence[Ticket], most: int) -> tuple[list[Ticket], list[Ticket]]:
    """Split off the next batch, in order of arrival, and return it and the rest.

    In a batch no two tickets have the same claim or command, and two are on one stream only where the second was
    decided on what the first writes. What a ticket relies on is what the batch before it leaves.
    """
    batch = _Batch()
    later: list[Ticket] = []
    for ticket in waiting:
        if len(batch.tickets) < most and batch.fits(ticket):
            batch.add(ticket)
        else:
            later.append(ticket)
            batch.set_aside(ticket)
    return batch.tickets, later


class Course:
    """How requests that were decided one after the other have fared: what they wrote, and what they would have."""

    def __init__(self) -> None:
        self._written: set[tuple[Stream, int]] = set()
        self._unwritten: set[tuple[Stream, int]] = set()

    def settle(self, settled: Sequence[Ticket], waiting: Sequence[Ticket]) -> list[Ticket]:
        """Refuse what was decided on events that were not recorded after all; return the others that wait.

        The log may hold other events at the same versions, so that its own check would not notice.
        """
        for ticket in settled:
            if isinstance(ticket.outcome, Appended) and not ticket.outcome.repeated:
                self._written.update(ticket.writes())
            elif ticket.outcome is not None:
                self._unwritten.update(ticket.writes())
        return [ticket for ticket in waiting if not self._unwritten or self._stands(ticket)]

    def _stands(self, ticket: Ticket) -> bool:
        baseless = self._unwritten - self._written
        for (tenant, stream), place in ticket.streams.items():
            if ((tenant, stream), place.expected) in baseless:
                ticket.outcome = WrongExpectedVersion(
                    stream=stream, expected=place.expected, current=place.expected - 1
                )
                self._unwritten.update(ticket.writes())
                return False
        return True


def payload(batch: Sequence[Ticket]) -> bytes:
    """Return what log.append takes: the rows of every ticket, one check for everything that several rely on."""
    parts: dict[str, list[bytes]] = {}
    seen: set[Hashable] = set()
    before = 0

    def check(part: str, what: Hashable, row: bytes) -> None:
        if what not in seen:
            seen.add(what)
            parts.setdefault(part, []).append(row)

    for ticket in batch:
        for stream, place in ticket.streams.items():
            check("expected" if place.writes else "relied", stream, place.check)
        for key, (_, row) in ticket.held.items():
            check("held", key, row)
        seen.update(ticket.holders)
        for whose, row in ticket.sealed.items():
            check("keys" if whose[1] else "sealed", whose, row)
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
