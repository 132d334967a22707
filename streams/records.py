"""What goes into the log and what comes out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from domain.event import Event


class Recorded(msgspec.Struct, frozen=True):
    """One event as the log holds it; `position` is its place in the log, `version` its place in its stream."""

    position: int
    tenant: str
    stream: str
    version: int
    type: str
    customer_id: str | None
    recorded_at: datetime
    actor: str
    source: str
    event: Event
    event_id: str = ""
    partition: int = 0
    command_id: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable(Event):
    """A stored event that this code cannot read, and `why`; whoever folds it must hold its key."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign(Event):
    """An event that an eventsourcing application keeps in this log: its class's `topic` and its opaque `state`.

    No fold of ours knows it.
    """

    topic: str
    state: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A value that one stream alone may hold within a tenant, such as an e-mail address."""

    kind: str
    value: str
    stream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """New events for one stream, written only if it is still at version `expected` (0: it does not exist).

    `partition` is that of the stream's first event; None, for a new stream, takes it from the customer, if known,
    else the stream. Personal fields are sealed under the customer's key, or the stream's own without one.
    """

    stream: str
    expected: int
    events: Sequence[Event]
    customer_id: str | None = None
    partition: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request's idempotency key, the fingerprint of its content and the answer to store with its events."""

    command_id: str
    fingerprint: bytes
    answer: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """One request to the log: all of it is recorded, or nothing.

    What it was decided on must still be so at the position it gets: `relied` are the versions of streams that were
    only read, `held` who held each (kind, value) that was looked up, and `gathered` up to which position all events
    of a customer were read.
    """

    tenant: str
    changes: Sequence[Change]
    actor: str
    source: str
    asked: Asked | None = None
    claims: Sequence[Claim] = ()
    releases: Sequence[Claim] = ()
    release_streams: Sequence[str] = ()
    destroy: Sequence[str] = ()
    reopen: Sequence[str] = ()
    relied: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[tuple[str, str], str | None] = field(default_factory=dict)
    gathered: Mapping[str, int] = field(default_factory=dict)
    correlation_id: str | None = None
    causation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """Where a request ended up: the position of its last event, the new version of its first stream, its answer.

    `repeated` says that the same command had been answered before: nothing was recorded now. A request without
    events answers with the head of the log.
    """

    position: int
    version: int
    events: int
    answer: Mapping[str, Any]
    repeated: bool = False
