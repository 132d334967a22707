"""Customers: the value that stands for each field, the names each system knows them by, merges and conflicts."""

from collections.abc import Mapping
from copy import copy
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from domain.customer import (
    FIELDS,
    PERSONAL,
    CompanyChanged,
    ConsentGiven,
    ConsentWithdrawn,
    CountryChanged,
    CustomerAbsorbed,
    CustomerMerged,
    CustomerOwnerAssigned,
    CustomerRegistered,
    CustomerReleased,
    CustomerUnmerged,
    EmailChanged,
    FieldConflictSettled,
    FieldEmptied,
    IdentityLinked,
    IdentityTaken,
    LifecycleStageChanged,
    NameChanged,
    PhoneChanged,
    ProfileConfirmed,
    conflicts,
    hear,
    identifies,
)
from domain.ownership import Field
from domain.record import PersonalDataErased
from domain.register import Register, Stamp, stamp
from projections.anomaly import Anomalies, noted, open_kinds
from projections.definition import Fold, ReadModel, Row
from streams.records import Recorded

_SEP = "\x1f"
_PERSONAL_KINDS = ("identity-taken", *(f"field-conflict:{name}:" for name in PERSONAL))


class Identity(msgspec.Struct, frozen=True, omit_defaults=True):
    """A name that a source knows the customer by; one that was emptied finds nobody."""

    kind: str
    value: str
    source: str
    linked_at: datetime
    finds: bool = True


class Customer(msgspec.Struct, omit_defaults=True):
    """What the fold of one customer remembers."""

    registered_at: datetime | None = None
    fields: Mapping[str, Field] = {}
    emptied: Mapping[str, Stamp] = {}
    identities: dict[str, Identity] = {}
    taken: dict[str, str] = {}
    consents: dict[str, Register[bool]] = {}
    merge: Register[str | None] = Register(None)
    absorbed: dict[str, Register[bool]] = {}
    erased_at: datetime | None = None
    anomalies: Anomalies = {}


def _registered(state: Customer | None, recorded: Recorded) -> Customer:
    after = _copied(state)
    at = recorded.event.occurred_at
    after.registered_at = at if after.registered_at is None else min(after.registered_at, at)
    return after


def _heard(state: Customer | None, recorded: Recorded) -> Customer:
    event: Any = recorded.event
    after = _copied(state)
    after.fields, after.emptied = hear(event, after.fields, after.emptied)
    return _checked(after, recorded)


def _settled(state: Customer | None, recorded: Recorded) -> Customer:
    event: FieldConflictSettled = recorded.event  # type: ignore[assignment]
    after = _copied(state)
    known = after.fields.get(event.field, Field())
    after.fields = {**after.fields, event.field: known.settle(stamp(event.occurred_at))}
    return _checked(after, recorded)


def _identified(state: Customer | None, recorded: Recorded) -> Customer:
    event: IdentityLinked = recorded.event  # type: ignore[assignment]
    after = _copied(state)
    if event.value is None:
        return after
    name = _SEP.join((event.kind, event.value, event.source))
    since = event.occurred_at
    if name in after.identities:
        since = min(since, after.identities[name].linked_at)
    linked = Identity(event.kind, event.value, event.source, since)
    after.identities = {**after.identities, name: linked}
    return _checked(after, recorded)


def _identity_taken(state: Customer | None, recorded: Recorded) -> Customer:
    event: IdentityTaken = recorded.event  # type: ignore[assignment]
    after = _copied(state)
    if event.value is not None:
        name = _SEP.join((event.kind, event.value, event.source, event.holder))
        after.taken = {**after.taken, name: event.holder}
    return _checked(after, recorded)


def _agreed(state: Customer | None, recorded: Recorded) -> Customer:
    event: Any = recorded.event
    after = _copied(state)
    after.consents = _offered(after.consents, event.purpose, isinstance(event, ConsentGiven), recorded)
    return after


def _merged(state: Customer | None, recorded: Recorded) -> Customer:
    event = recorded.event
    after = _copied(state)
    into = event.into if isinstance(event, CustomerMerged) else None
    after.merge = after.merge.offer(into, stamp(event.occurred_at))
    return _checked(after, recorded)


def _absorbed(state: Customer | None, recorded: Recorded) -> Customer:
    event: Any = recorded.event
    after = _copied(state)
    absorbed = isinstance(event, CustomerAbsorbed)
    after.absorbed = _offered(
        after.absorbed, event.merged if absorbed else event.unmerged, absorbed, recorded
    )
    return _checked(after, recorded)


def _erased(state: Customer | None, recorded: Recorded) -> Customer:
    after = _copied(state)
    kept = {name: known.forget() if name in PERSONAL else known for name, known in after.fields.items()}
    after.fields = {name: known for name, known in kept.items() if known != Field()}
    after.emptied = {name: at for name, at in after.emptied.items() if name not in PERSONAL}
    after.identities, after.taken = {}, {}
    after.anomalies = {
        name: found for name, found in after.anomalies.items() if not name.startswith(_PERSONAL_KINDS)
    }
    after.erased_at = recorded.event.occurred_at
    return after


def _copied(state: Customer | None) -> Customer:
    return copy(state) if state else Customer()


V = TypeVar("V")


def _offered(
    known: dict[str, Register[V]], name: str, value: V, recorded: Recorded
) -> dict[str, Register[V]]:
    at = stamp(recorded.event.occurred_at)
    before = known.get(name)
    return {**known, name: Register(value, at) if before is None else before.offer(value, at)}


def _checked(state: Customer, recorded: Recorded) -> Customer:
    if state.emptied:
        state.identities = {name: _standing(state, one) for name, one in state.identities.items()}
    state.anomalies = noted(state.anomalies, _anomalies(state), recorded)
    return state


def _standing(state: Customer, known: Identity) -> Identity:
    identity = known.kind, known.value, known.source
    finds = identifies(identity, known.linked_at, state.fields, state.emptied)
    return known if finds == known.finds else msgspec.structs.replace(known, finds=finds)


def _anomalies(state: Customer) -> Mapping[str, Mapping[str, Any]]:
    now: dict[str, Mapping[str, Any]] = {}
    for name, known in state.fields.items():
        for source, register in conflicts(name, known).items():
            detail = {"field": name, "source": source, "offered": register.value, "stands": known.value or ""}
            now[f"field-conflict:{name}:{source}"] = detail
    for taken, holder in state.taken.items():
        kind, value, source, _ = taken.split(_SEP)
        absorbed = state.absorbed.get(holder)
        one = state.merge.value == holder or (absorbed is not None and absorbed.value)
        if not one and _SEP.join((kind, value, source)) not in state.identities:
            now[f"identity-taken:{taken}"] = {"kind": kind, "source": source, "holder": holder}
    return now


def _row(state: Customer) -> Row:
    fields = state.fields
    return (
        *[fields[name].value if name in fields else None for name in FIELDS],
        state.registered_at,
        state.merge.value,
        state.erased_at,
        open_kinds(state.anomalies),
    )


CUSTOMERS = ReadModel(
    name="customers",
    version=1,
    kinds=("customer",),
    shown_as=("identities",),
    fold=Fold(
        name="customers",
        key="customer_id",
        columns={
            **dict.fromkeys(FIELDS, "text"),
            "registered_at": "timestamptz",
            "merged_into": "text",
            "erased_at": "timestamptz",
            "anomalies": "jsonb",
        },
        state=Customer,
        evolve={
            CustomerRegistered: _registered,
            NameChanged: _heard,
            EmailChanged: _heard,
            PhoneChanged: _heard,
            CompanyChanged: _heard,
            CountryChanged: _heard,
            LifecycleStageChanged: _heard,
            CustomerOwnerAssigned: _heard,
            FieldEmptied: _heard,
            ProfileConfirmed: _heard,
            FieldConflictSettled: _settled,
            IdentityLinked: _identified,
            IdentityTaken: _identity_taken,
            ConsentGiven: _agreed,
            ConsentWithdrawn: _agreed,
            CustomerMerged: _merged,
            CustomerUnmerged: _merged,
            CustomerAbsorbed: _absorbed,
            CustomerReleased: _absorbed,
            PersonalDataErased: _erased,
        },
        row=_row,
        indexes=("merged_into WHERE merged_into IS NOT NULL", "email", "name"),
    ),
)
