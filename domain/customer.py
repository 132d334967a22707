"""Customers: who someone is, by which names each system knows them, and which records are the same person.

What sources report are facts: any order of their arrival ends in the same state. Settling, merging, unmerging
and erasing are requests.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, NamedTuple, assert_never

from domain.contact import email_key, phone_key
from domain.errors import InvalidValue, Refusal
from domain.event import Event, stored
from domain.ownership import EMPTY, Field
from domain.record import EventsWithdrawn, PersonalDataErased
from domain.register import NEVER, Register, Stamp, after, stamp

__all__ = ["email_key", "phone_key"]

IdentityKind = Literal["email", "phone", "external"]
Identity = tuple[IdentityKind, str, str]
"""A kind, a value of it, and the source that knows a customer by it."""


@stored("customer-registered.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRegistered(Event):
    """A customer was known to `source` by then; each field of the profile follows as a fact of its own.

    A report that says it was known even earlier is recorded beside it: the earliest counts.
    """

    source: str


@stored("name-changed.v1", sealed=("name",))
@dataclass(frozen=True, slots=True, kw_only=True)
class NameChanged(Event):
    """A source gave the customer's name; `by_owner` says whether that source owned the field that day."""

    name: str | None
    source: str
    by_owner: bool = True


@stored("email-changed.v1", sealed=("email",))
@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChanged(Event):
    """A source gave the customer's e-mail address."""

    email: str | None
    source: str
    by_owner: bool = True


@stored("phone-changed.v1", sealed=("phone",))
@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneChanged(Event):
    """A source gave the customer's phone number."""

    phone: str | None
    source: str
    by_owner: bool = True


@stored("company-changed.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyChanged(Event):
    """A source gave the company the customer belongs to."""

    company: str | None
    source: str
    by_owner: bool = True


@stored("country-changed.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class CountryChanged(Event):
    """A source gave the customer's country."""

    country: str | None
    source: str
    by_owner: bool = True


@stored("lifecycle-stage-changed.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleStageChanged(Event):
    """A source gave the customer's lifecycle stage, such as lead, customer or lost."""

    lifecycle_stage: str | None
    source: str
    by_owner: bool = True


@stored("customer-owner-assigned.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerOwnerAssigned(Event):
    """A source named the colleague who looks after the customer."""

    owner: str | None
    source: str
    by_owner: bool = True


@stored("field-emptied.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class FieldEmptied(Event):
    """A source took the value of a field away: it has none, or the one it had was wrong."""

    field: str
    source: str
    by_owner: bool = True


@stored("profile-confirmed.v1", sealed=("personal",))
@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileConfirmed(Event):
    """A source told again, by a newer clock, what was told before: `personal` fields and `plain` others.

    It says nothing new to people, but keeps an older fact that arrives later from looking newer. `owned`
    names the fields that the source owned that day. A blank value says that the field is empty.
    """

    source: str
    owned: tuple[str, ...] = ()
    plain: Mapping[str, str] = field(default_factory=dict)
    personal: Mapping[str, str] | None = None


@stored("field-conflict-settled.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class FieldConflictSettled(Event):
    """A person kept the owner's value of a field against what others had offered until then."""

    field: str


@stored("identity-linked.v1", sealed=("value",))
@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityLinked(Event):
    """The customer is known to `source` as `value`: an e-mail address, a phone or that source's own id."""

    kind: IdentityKind
    value: str | None
    source: str


@stored("identity-taken.v1", sealed=("value",))
@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityTaken(Event):
    """An anomaly: a source reported an identity that another customer, `holder`, has. Perhaps one person."""

    kind: IdentityKind
    value: str | None
    source: str
    holder: str


@stored("consent-given.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentGiven(Event):
    """The customer agreed to a purpose, such as newsletter."""

    purpose: str
    source: str


@stored("consent-withdrawn.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWithdrawn(Event):
    """The customer took back the agreement to a purpose."""

    purpose: str
    source: str


@stored("customer-merged.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerMerged(Event):
    """This customer is the same person as `into`; its history stays here and is shown there."""

    into: str
    reason: str


@stored("customer-unmerged.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerUnmerged(Event):
    """The merge into `out_of` was a mistake; this customer stands for itself again."""

    out_of: str
    reason: str


@stored("customer-absorbed.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerAbsorbed(Event):
    """The other side of a merge: `merged` is the same person as this customer."""

    merged: str
    reason: str


@stored("customer-released.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerReleased(Event):
    """The other side of an unmerge: `unmerged` is not this customer after all."""

    unmerged: str
    reason: str


FieldChanged = (
    NameChanged
    | EmailChanged
    | PhoneChanged
    | CompanyChanged
    | CountryChanged
    | LifecycleStageChanged
    | CustomerOwnerAssigned
)

CustomerEvent = (
    CustomerRegistered
    | FieldChanged
    | FieldEmptied
    | ProfileConfirmed
    | FieldConflictSettled
    | IdentityLinked
    | IdentityTaken
    | ConsentGiven
    | ConsentWithdrawn
    | CustomerMerged
    | CustomerUnmerged
    | CustomerAbsorbed
    | CustomerReleased
    | PersonalDataErased
    | EventsWithdrawn
)

CHANGES: Mapping[str, Callable[..., FieldChanged]] = {
    "name": NameChanged,
    "email": EmailChanged,
    "phone": PhoneChanged,
    "company": CompanyChanged,
    "country": CountryChanged,
    "lifecycle_stage": LifecycleStageChanged,
    "owner": CustomerOwnerAssigned,
}
"""The fields of a customer that a source may own, and the event that tells each."""

FIELDS = tuple(CHANGES)
PERSONAL = ("name", "email", "phone")
_FIELD_OF: Mapping[Callable[..., FieldChanged], str] = {change: name for name, change in CHANGES.items()}


class CustomerNotFound(Refusal):
    """There is no such customer."""


class SameCustomer(Refusal):
    """A customer cannot be merged into itself."""


class AlreadyMerged(Refusal):
    """This customer was merged into another before."""


class SurvivorMerged(Refusal):
    """The other customer was itself merged; merge into the one it was merged into."""


class CustomerForgotten(Refusal):
    """A person who was forgotten is merged with nobody: who it was is not known any more."""


class NotMerged(Refusal):
    """This customer is not merged into another."""


class NoConflict(Refusal):
    """No other value is offered for this field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a source knows of a customer; None says nothing about a field."""

    source_id: str | None = None
    email: str | None = None
    phone: str | None = None
    name: str | None = None
    company: str | None = None
    country: str | None = None
    lifecycle_stage: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Emptying(Profile):
    """A profile of which the source says, too, which fields have no value.

    It is a class of its own so that a command without it keeps the fingerprint by which its repeat is known.
    """

    emptied: tuple[str, ...]


class Told(NamedTuple):
    """That a source gave a field this value, as its owner or not; EMPTY where it took the value away."""

    field: str
    value: str
    by_owner: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """What decisions about a customer need to know; `emptied` is when the owner of a field emptied it last."""

    registered_at: datetime | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)
    emptied: Mapping[str, Stamp] = field(default_factory=dict)
    identities: Mapping[Identity, datetime] = field(default_factory=dict)
    taken: frozenset[tuple[IdentityKind, str, str, str]] = frozenset()
    consents: frozenset[tuple[str, Stamp, bool]] = frozenset()
    merge: Register[str | None] = Register(None)
    erased: bool = False

    @property
    def merged_into(self) -> str | None:
        """The customer that this one was merged into, or None."""
        return self.merge.value

    def value(self, name: str) -> str | None:
        """Return the value of a field that stands."""
        return self.fields[name].value if name in self.fields else None

    def known_by(self) -> frozenset[Identity]:
        """Return the identities by which the customer is found."""
        return frozenset(
            identity
            for identity, since in self.identities.items()
            if identifies(identity, since, self.fields, self.emptied)
        )

    def conflicts(self, name: str) -> Mapping[str, Register[str]]:
        """Return by source what is offered for a field against the owner's value, not yet settled."""
        return conflicts(name, self.fields[name]) if name in self.fields else {}


NEW = Customer()


def identifies(
    identity: tuple[str, str, str], since: datetime, fields: Mapping[str, Field], emptied: Mapping[str, Stamp]
) -> bool:
    """Say whether an identity that was first told at `since` finds its customer.

    Of the addresses and numbers told before the owner emptied the field, only one that an owner has told again
    since, and tells last, finds anybody.
    """
    kind, value, source = identity
    if kind not in emptied or stamp(since) >= emptied[kind]:
        return True
    last = fields[kind].owned.get(source)
    return last is not None and last.stamp >= emptied[kind] and _meaning(kind, last.value) == value


def hear(
    event: FieldChanged | FieldEmptied | ProfileConfirmed,
    fields: Mapping[str, Field],
    emptied: Mapping[str, Stamp],
) -> tuple[Mapping[str, Field], Mapping[str, Stamp]]:
    """Return the fields, and when the owner of each emptied it last, after an event that tells some of them."""
    at = stamp(event.occurred_at)
    fields, emptied = dict(fields), dict(emptied)
    for name, value, by_owner in told(event):
        known = fields.get(name, Field())
        fields[name] = (known.own if by_owner else known.offer)(event.source, value, at)
        if by_owner and value == EMPTY:
            emptied[name] = max(at, emptied.get(name, NEVER))
    return fields, emptied


def conflicts(name: str, told: Field) -> Mapping[str, Register[str]]:
    """Return by source what is offered against the owner's value of the field `name`, not yet settled."""
    stands = told.value
    return {s: r for s, r in told.against().items() if not alike(name, r.value, stands or EMPTY)}


def alike(name: str, one: str, other: str) -> bool:
    """Say whether two values of a field mean the same; e-mail addresses and phones compare as identities."""
    return one == other or _meaning(name, one) == _meaning(name, other)


def _meaning(name: str, value: str) -> str:
    try:
        return email_key(value) if name == "email" else phone_key(value) if name == "phone" else value
    except InvalidValue:
        return value


def told(event: Event) -> Iterator[Told]:
    """Yield what an event says about fields, for every fold: nothing once its personal data is erased."""
    if isinstance(event, ProfileConfirmed):
        for name, value in {**event.plain, **(event.personal or {})}.items():
            yield Told(name, value, name in event.owned)
    elif isinstance(event, FieldEmptied):
        yield Told(event.field, EMPTY, event.by_owner)
    elif isinstance(event, FieldChanged):
        name = _FIELD_OF[type(event)]
        given: str | None = getattr(event, name)
        if given is not None:
            yield Told(name, given, event.by_owner)


def evolve(state: Customer, event: CustomerEvent) -> Customer:  # noqa: C901, PLR0911, PLR0912 - one arm an event
    """Return the state after an event; of facts, any order gives the same."""
    at = stamp(event.occurred_at)
    match event:
        case CustomerRegistered():
            since = min(event.occurred_at, state.registered_at or event.occurred_at)
            return replace(state, registered_at=since)
        case (
            NameChanged()
            | EmailChanged()
            | PhoneChanged()
            | CompanyChanged()
            | CountryChanged()
            | LifecycleStageChanged()
            | CustomerOwnerAssigned()
            | FieldEmptied()
            | ProfileConfirmed()
        ):
            fields, emptied = hear(event, state.fields, state.emptied)
            personal = any(name in PERSONAL and value != EMPTY for name, value, _ in told(event))
            return replace(state, fields=fields, emptied=emptied, erased=state.erased and not personal)
        case FieldConflictSettled(field=name):
            return replace(state, fields={**state.fields, name: state.fields.get(name, Field()).settle(at)})
        case IdentityLinked(kind=kind, value=value, source=source):
            if value is None:
                return state
            since = min(event.occurred_at, state.identities.get((kind, value, source), event.occurred_at))
            identities = {**state.identities, (kind, value, source): since}
            return replace(state, identities=identities, erased=False)
        case IdentityTaken(kind=kind, value=value, source=source, holder=holder):
            if value is None:
                return state
            return replace(state, taken=state.taken | {(kind, value, source, holder)}, erased=False)
        case ConsentGiven(purpose=purpose):
            return replace(state, consents=state.consents | {(purpose, at, True)})
        case ConsentWithdrawn(purpose=purpose):
            return replace(state, consents=state.consents | {(purpose, at, False)})
        case CustomerMerged(into=into):
            return replace(state, merge=state.merge.offer(into, at))
        case CustomerUnmerged():
            return replace(state, merge=state.merge.offer(None, at))
        case PersonalDataErased():
            return _forgotten(state)
        case CustomerAbsorbed() | CustomerReleased() | EventsWithdrawn():
            return state
        case _:
            assert_never(event)


def _forgotten(state: Customer) -> Customer:
    kept = {name: known.forget() if name in PERSONAL else known for name, known in state.fields.items()}
    return replace(
        state,
        fields={name: known for name, known in kept.items() if known != Field()},
        emptied={name: at for name, at in state.emptied.items() if name not in PERSONAL},
        identities={},
        taken=frozenset(),
        erased=True,
    )


def report(
    state: Customer, *, profile: Profile, source: str, at: datetime, owners: Mapping[str, str]
) -> list[CustomerEvent]:
    """Record what a source says of a customer at `at` by its own clock; nothing when it said so before.

    A field whose value the source had not told last is a change; fields it repeats by a newer clock, and empty
    ones that it says are empty, are confirmed in one event. Raises InvalidValue for an e-mail address or phone
    number that is none.
    """
    news: list[CustomerEvent] = []
    if state.registered_at is None or at < state.registered_at:
        news.append(CustomerRegistered(occurred_at=at, source=source))
    repeated: dict[str, str] = {}
    for name, value in _given(profile):
        known = state.fields.get(name, Field())
        by_owner = owners.get(name) in {None, source}
        if known.knows(source, value, stamp(at), by_owner=by_owner):
            continue
        if _repeats(known, source, value, by_owner=by_owner):
            repeated[name] = value
        else:
            news.append(_changed(name, value, source=source, by_owner=by_owner, at=at))
    return [*news, *_confirmed(repeated, source, owners, at), *_identified(state, profile, source, at)]


def _given(profile: Profile) -> list[tuple[str, str]]:
    values = [(name, (getattr(profile, name) or "").strip()) for name in FIELDS]
    emptied = profile.emptied if isinstance(profile, Emptying) else ()
    return [(name, value or EMPTY) for name, value in values if value or name in emptied]


def _repeats(known: Field, source: str, value: str, *, by_owner: bool) -> bool:
    """Say whether a source tells nothing new to people: its last value, or that an empty field is empty."""
    last = known.told_by(source)
    again = last is not None and last.value == value
    if value == EMPTY and (by_owner or not again):
        return known.value is None
    return again


def _changed(
    name: str, value: str, *, source: str, by_owner: bool, at: datetime
) -> FieldChanged | FieldEmptied:
    if value == EMPTY:
        return FieldEmptied(occurred_at=at, field=name, source=source, by_owner=by_owner)
    return CHANGES[name](occurred_at=at, source=source, by_owner=by_owner, **{name: value})


def _confirmed(
    repeated: Mapping[str, str], source: str, owners: Mapping[str, str], at: datetime
) -> list[CustomerEvent]:
    if not repeated:
        return []
    personal = {name: value for name, value in repeated.items() if name in PERSONAL and value != EMPTY}
    event = ProfileConfirmed(
        occurred_at=at,
        source=source,
        owned=tuple(name for name in repeated if owners.get(name) in {None, source}),
        plain={name: value for name, value in repeated.items() if name not in personal},
        personal=personal or None,
    )
    return [event]


def _identified(state: Customer, profile: Profile, source: str, at: datetime) -> list[CustomerEvent]:
    """Link each identity that this source had not told, or not told to be this old."""
    named: list[tuple[IdentityKind, str]] = [
        ("external", profile.source_id or ""),
        ("email", email_key(profile.email or "")),
        ("phone", phone_key(profile.phone or "")),
    ]
    return [
        IdentityLinked(occurred_at=at, kind=kind, value=value, source=source)
        for kind, value in named
        if value
        and ((kind, value, source) not in state.identities or at < state.identities[kind, value, source])
    ]


def identity_taken(  # noqa: PLR0913 - a fact's fields
    state: Customer, *, kind: IdentityKind, value: str, source: str, holder: str, at: datetime
) -> list[CustomerEvent]:
    """Record once that a source reported an identity which another customer, `holder`, already has."""
    if (kind, value, source, holder) in state.taken:
        return []
    return [IdentityTaken(occurred_at=at, kind=kind, value=value, source=source, holder=holder)]


def settle_conflict(
    state: Customer, *, field: str, accept: Literal["owner", "offered"], source: str, at: datetime
) -> list[CustomerEvent]:
    """Dismiss what is offered for a field; or first accept the newest offer as the owner's value."""
    if field not in FIELDS:
        raise InvalidValue(field="field", value=field, rule=f"one of {', '.join(FIELDS)}")
    _check_known(state)
    offered = state.conflicts(field)
    if not offered:
        raise NoConflict(field=field)
    at = after(at, *state.fields[field].latest())
    settled = FieldConflictSettled(occurred_at=at, field=field)
    if accept == "owner":
        return [settled]
    newest = max(offered.values(), key=lambda register: (register.stamp, register.value))
    accepted = _changed(field, newest.value, source=source, by_owner=True, at=at)
    return [accepted, settled, *_identified(state, Profile(**{field: newest.value}), source, at)]


def give_consent(state: Customer, *, purpose: str, source: str, at: datetime) -> list[CustomerEvent]:
    """Record that the customer agreed to a purpose; nothing when that is known."""
    _check_known(state)
    if (purpose, stamp(at), True) in state.consents:
        return []
    return [ConsentGiven(occurred_at=at, purpose=purpose, source=source)]


def withdraw_consent(state: Customer, *, purpose: str, source: str, at: datetime) -> list[CustomerEvent]:
    """Record that the customer took an agreement back; nothing when that is known."""
    _check_known(state)
    if (purpose, stamp(at), False) in state.consents:
        return []
    return [ConsentWithdrawn(occurred_at=at, purpose=purpose, source=source)]


def merge(  # noqa: PLR0913 - both sides and why
    loser_state: Customer, survivor_state: Customer, *, loser: str, survivor: str, reason: str, at: datetime
) -> tuple[list[CustomerEvent], list[CustomerEvent]]:
    """Join `loser` to `survivor`: the events for each stream.

    The survivor must stand for itself, and neither be forgotten.
    """
    _check_known(loser_state, loser)
    _check_known(survivor_state, survivor)
    if loser == survivor:
        raise SameCustomer(customer_id=loser)
    if loser_state.merged_into is not None:
        raise AlreadyMerged(customer_id=loser, into=loser_state.merged_into)
    if survivor_state.merged_into is not None:
        raise SurvivorMerged(customer_id=survivor, into=survivor_state.merged_into)
    for customer_id, state in ((loser, loser_state), (survivor, survivor_state)):
        if state.erased:
            raise CustomerForgotten(customer_id=customer_id)
    at = after(at, loser_state.merge.stamp)
    return (
        [CustomerMerged(occurred_at=at, into=survivor, reason=reason)],
        [CustomerAbsorbed(occurred_at=at, merged=loser, reason=reason)],
    )


def unmerge(
    loser_state: Customer, *, loser: str, reason: str, at: datetime
) -> tuple[list[CustomerEvent], list[CustomerEvent]]:
    """Take the merge of `loser` back, whatever became of either: the events for its stream and the survivor's."""
    if loser_state.merged_into is None:
        _check_known(loser_state, loser)
        raise NotMerged(customer_id=loser)
    at = after(at, loser_state.merge.stamp)
    return (
        [CustomerUnmerged(occurred_at=at, out_of=loser_state.merged_into, reason=reason)],
        [CustomerReleased(occurred_at=at, unmerged=loser, reason=reason)],
    )


def erase(state: Customer, *, reason: str, at: datetime) -> list[CustomerEvent]:
    """Forget who the customer is; nothing when that was done and nobody told since."""
    _check_known(state)
    return [] if state.erased else [PersonalDataErased(occurred_at=at, reason=reason)]


def _check_known(state: Customer, customer_id: str | None = None) -> None:
    if state.registered_at is None:
        raise CustomerNotFound if customer_id is None else CustomerNotFound(customer_id=customer_id)
