"""A tenant's configuration: which system owns which field, the business time zone, API keys, and the operations log."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.event import Event, stored


@stored("ownership-defined.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class OwnershipDefined(Event):
    """From now on each customer field named here belongs to one source; a field not named takes the newest report."""

    owners: Mapping[str, str]


@stored("time-zone-chosen.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class TimeZoneChosen(Event):
    """Business days are days of this IANA time zone."""

    time_zone: str


@stored("api-key-created.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyCreated(Event):
    """A key was handed out once; `digest` is the SHA-256 of its secret."""

    key_id: str
    name: str
    digest: str
    role: str
    scopes: tuple[str, ...] = ()


@stored("api-key-revoked.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRevoked(Event):
    """The key opens nothing any more."""

    key_id: str
    reason: str


@stored("batch-imported.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class BatchImported(Event):
    """An import finished: what was read, recorded, skipped by reason and found odd."""

    batch: str
    mapping: str
    rows: int
    events: int
    skipped: Mapping[str, int] = field(default_factory=dict)
    anomalies: Mapping[str, int] = field(default_factory=dict)


@stored("batch-undone.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class BatchUndone(Event):
    """An import was compensated: its events were withdrawn from their streams."""

    batch: str
    events: int
    reason: str


@stored("read-model-rebuilt.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModelRebuilt(Event):
    """A read model was folded anew from the log up to `through` and swapped in."""

    name: str
    through: int
    rows: int
    differing: int
    approved: bool
    reason: str
