"""A tenant's configuration: owners of fields, follow-ups, time zone, lead handling, keys; the operations log."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import assert_never
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.customer import FIELDS
from domain.errors import InvalidValue, Refusal
from domain.event import Event, stored
from domain.pipeline import Pipeline
from domain.record import EventsWithdrawn


@stored("ownership-defined.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class OwnershipDefined(Event):
    """From now on each customer field named here belongs to one source; the others take the newest report."""

    owners: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpRule:
    """A deal that has been in this open stage for so many days needs this to be done."""

    pipeline: str
    stage: str
    days: int
    task: str


@stored("follow-up-rules-defined.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpRulesDefined(Event):
    """From now on these are all the rules by which idle deals get follow-ups."""

    rules: tuple[FollowUpRule, ...]


@stored("time-zone-chosen.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class TimeZoneChosen(Event):
    """Business days are days of this IANA time zone."""

    time_zone: str


@stored("lead-handling-defined.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class LeadHandlingDefined(Event):
    """What becomes of an enquiry by itself from now on; nothing for what is left empty.

    The `owners` take turns with leads that nobody owns, a deal is opened in the first open stage of the `pipeline`, and
    `subject` and `text` are written to who enquired. It is for enquiries through these `forms`; where none is named,
    through any.
    """

    owners: tuple[str, ...] = ()
    pipeline: str | None = None
    subject: str | None = None
    text: str | None = None
    forms: tuple[str, ...] = ()


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


@stored("event-skipped.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class EventSkipped(Event):
    """The read model `name` passes over the event at `position`, which it could not fold; in every rebuild, too."""

    name: str
    position: int
    reason: str


@stored("list-exported.v1", sealed=("query",))
@dataclass(frozen=True, slots=True, kw_only=True)
class ListExported(Event):
    """Someone took so many rows of a list out as a file; `query` is what it was asked for, and may name a person."""

    list: str
    rows: int
    query: str | None


TenantEvent = (
    OwnershipDefined
    | FollowUpRulesDefined
    | TimeZoneChosen
    | LeadHandlingDefined
    | ApiKeyCreated
    | ApiKeyRevoked
    | BatchImported
    | BatchUndone
    | ReadModelRebuilt
    | EventSkipped
    | ListExported
    | EventsWithdrawn
)

NO_HANDLING = LeadHandlingDefined(occurred_at=datetime(1970, 1, 1, tzinfo=UTC))
"""What is defined for leads where nothing was: nothing."""


def is_handled(handling: LeadHandlingDefined, form: str | None) -> bool:
    """Say whether this is what becomes of an enquiry through a form."""
    return not handling.forms or form in handling.forms


OPERATIONS = "tenant-operations"
"""The stream of what was done to all of a tenant's records: imports, rebuilds, skips, exports."""


class KeyNotFound(Refusal):
    """There is no such API key."""


class BatchNotFound(Refusal):
    """No import batch of this name recorded anything."""


class KeyExists(Refusal):
    """An API key of this id was handed out before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """What decisions about a tenant need to know; `keys` says of each API key if it is valid."""

    owners: Mapping[str, str] = field(default_factory=dict)
    time_zone: str = "UTC"
    lead_handling: LeadHandlingDefined = NO_HANDLING
    follow_ups: tuple[FollowUpRule, ...] = ()
    keys: Mapping[str, bool] = field(default_factory=dict)


NEW = Tenant()


def evolve(state: Tenant, event: TenantEvent) -> Tenant:  # noqa: PLR0911 - one arm an event
    """Return the state after an event."""
    match event:
        case OwnershipDefined(owners=owners):
            return replace(state, owners=owners)
        case FollowUpRulesDefined(rules=rules):
            return replace(state, follow_ups=rules)
        case TimeZoneChosen(time_zone=time_zone):
            return replace(state, time_zone=time_zone)
        case LeadHandlingDefined():
            return replace(state, lead_handling=event)
        case ApiKeyCreated(key_id=key_id):
            return replace(state, keys={**state.keys, key_id: True})
        case ApiKeyRevoked(key_id=key_id):
            return replace(state, keys={**state.keys, key_id: False})
        case (
            BatchImported()
            | BatchUndone()
            | ReadModelRebuilt()
            | EventSkipped()
            | ListExported()
            | EventsWithdrawn()
        ):
            return state
        case _:
            assert_never(event)


def define_ownership(state: Tenant, *, owners: Mapping[str, str], at: datetime) -> list[TenantEvent]:
    """Say which source owns which customer field; nothing when it is so already.

    Raises InvalidValue for a field that customers do not have, or a source without a name.
    """
    for name, source in owners.items():
        if name not in FIELDS:
            raise InvalidValue(field=name, rule=f"a customer field: {', '.join(FIELDS)}")
        if not source.strip():
            raise InvalidValue(field=name, value=source, rule="the name of a source")
    if dict(owners) == dict(state.owners):
        return []
    return [OwnershipDefined(occurred_at=at, owners=dict(owners))]


def define_follow_ups(
    state: Tenant, *, rules: tuple[FollowUpRule, ...], pipelines: Mapping[str, Pipeline], at: datetime
) -> list[TenantEvent]:
    """Say which idle deals get a follow-up; nothing when it is so already. `pipelines` has those that rules name.

    Raises InvalidValue for a stage that the pipeline does not have open or that has two rules, days below 1, no task;
    its field tells the number of the rule.
    """
    for number, rule in enumerate(rules):
        stages = [stage.name for stage in pipelines[rule.pipeline].stages if stage.outcome == "open"]
        if rule.stage not in stages:
            allowed = f"an open stage of the pipeline {rule.pipeline}: {', '.join(stages) or 'it has none'}"
            raise InvalidValue(field=f"rules.{number}.stage", value=rule.stage, rule=allowed)
        if any((rule.pipeline, rule.stage) == (other.pipeline, other.stage) for other in rules[:number]):
            raise InvalidValue(
                field=f"rules.{number}.stage", value=rule.stage, rule="one rule for each stage"
            )
        if rule.days < 1:
            raise InvalidValue(field=f"rules.{number}.days", value=rule.days, rule="at least 1")
        if not rule.task.strip():
            raise InvalidValue(field=f"rules.{number}.task", value=rule.task, rule="not blank")
    return [] if rules == state.follow_ups else [FollowUpRulesDefined(occurred_at=at, rules=rules)]


def choose_time_zone(state: Tenant, *, time_zone: str, at: datetime) -> list[TenantEvent]:
    """Choose the zone of business days. Raises InvalidValue for one that IANA does not list."""
    _zone(time_zone)
    if _OF_THE_MACHINE.match(time_zone):
        raise _no_zone(time_zone)
    return [] if time_zone == state.time_zone else [TimeZoneChosen(occurred_at=at, time_zone=time_zone)]


def define_lead_handling(  # noqa: PLR0913 - the definition's fields
    state: Tenant,
    *,
    owners: tuple[str, ...],
    pipeline: str | None,
    subject: str | None,
    text: str | None,
    forms: tuple[str, ...],
    rules: Pipeline | None,
    at: datetime,
) -> list[TenantEvent]:
    """Say what becomes of an enquiry by itself; nothing when it is so already. `rules` are those of the pipeline.

    Raises InvalidValue for an owner without a name or named twice, a pipeline without an open stage, a reply without
    a subject or a text, or a subject of several lines.
    """
    for field_, names in (("owners", owners), ("forms", forms)):
        if not all(name.strip() for name in names) or len(set(names)) < len(names):
            raise InvalidValue(field=field_, rule="names, each once and none blank")
    if pipeline is not None and (rules is None or rules.first("open") is None):
        raise InvalidValue(field="pipeline", rule="a pipeline that is defined and has an open stage")
    for field_, one, other in (("subject", subject, text), ("text", text, subject)):
        if (one is None and other is not None) or (one is not None and not one.strip()):
            raise InvalidValue(field=field_, rule="not blank, for a message has a subject and a text")
    if subject is not None and len(subject.splitlines()) > 1:
        raise InvalidValue(field="subject", rule="one line")
    event = LeadHandlingDefined(
        occurred_at=at, owners=owners, pipeline=pipeline, subject=subject, text=text, forms=forms
    )
    return (
        [] if replace(event, occurred_at=state.lead_handling.occurred_at) == state.lead_handling else [event]
    )


def create_api_key(  # noqa: PLR0913 - a key's fields
    state: Tenant, *, key_id: str, name: str, digest: str, role: str, scopes: tuple[str, ...], at: datetime
) -> list[TenantEvent]:
    """Hand out a key, of which only the digest is kept. Refuses an id that was used before."""
    if key_id in state.keys:
        raise KeyExists(key_id=key_id)
    return [ApiKeyCreated(occurred_at=at, key_id=key_id, name=name, digest=digest, role=role, scopes=scopes)]


def revoke_api_key(state: Tenant, *, key_id: str, reason: str, at: datetime) -> list[TenantEvent]:
    """End a key; nothing when it was revoked before."""
    if key_id not in state.keys:
        raise KeyNotFound(key_id=key_id)
    return [ApiKeyRevoked(occurred_at=at, key_id=key_id, reason=reason)] if state.keys[key_id] else []


def business_day(at: datetime, time_zone: str) -> date:
    """Return the day that an aware time belongs to for a business in this IANA time zone."""
    return at.astimezone(_zone(time_zone)).date()


def _zone(time_zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as cause:
        raise _no_zone(time_zone) from cause


def _no_zone(time_zone: str) -> InvalidValue:
    return InvalidValue(field="time_zone", value=time_zone, rule="an IANA time zone such as Europe/London")


_OF_THE_MACHINE = re.compile(r"(localtime|posixrules|Factory)$|(posix|right)/")
"""Files beside those of zones: they mean another zone on each machine, none, or count leap seconds."""
