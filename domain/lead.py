"""Leads: someone asked, through a form, an advertisement or a person, and became a deal or not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, assert_never

from domain.errors import Refusal
from domain.event import Event, stored
from domain.record import EventsWithdrawn, PersonalDataErased
from domain.register import Register, Stamp, after, stamp

Status = Literal["open", "qualified", "disqualified", "converted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """Where an enquiry came from: source, medium and campaign as advertisers use the words."""

    source: str | None = None
    medium: str | None = None
    campaign: str | None = None


UNKNOWN = Touch()
"""A touch that says nothing."""


@stored("lead-captured.v1", sealed=("fields",))
@dataclass(frozen=True, slots=True, kw_only=True)
class LeadCaptured(Event):
    """A new enquiry: the form's own fields as sent, and the touch that brought it."""

    source: str
    source_id: str | None = None
    form: str | None = None
    customer_id: str | None = None
    touch: Touch = UNKNOWN
    fields: Mapping[str, str] | None = None


@stored("form-submitted.v1", sealed=("fields",))
@dataclass(frozen=True, slots=True, kw_only=True)
class FormSubmitted(Event):
    """A form was sent in: the first time beside LeadCaptured, and each later time on the same open lead."""

    form: str | None = None
    customer_id: str | None = None
    touch: Touch = UNKNOWN
    fields: Mapping[str, str] | None = None


@stored("lead-owner-assigned.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class LeadOwnerAssigned(Event):
    """A colleague looks after the lead."""

    owner: str | None
    source: str


@stored("lead-qualified.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class LeadQualified(Event):
    """Someone found the lead worth pursuing."""

    by: str | None = None


@stored("lead-disqualified.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class LeadDisqualified(Event):
    """The lead will not be pursued."""

    reason: str | None = None


@stored("lead-converted.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class LeadConverted(Event):
    """The lead became a customer, and perhaps a deal."""

    customer_id: str | None = None
    deal_id: str | None = None


@stored("lead-linked-to-customer.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class LeadLinkedToCustomer(Event):
    """The lead turned out to be this customer's; None takes the link back."""

    customer_id: str | None


LeadEvent = (
    LeadCaptured
    | FormSubmitted
    | LeadOwnerAssigned
    | LeadQualified
    | LeadDisqualified
    | LeadConverted
    | LeadLinkedToCustomer
    | PersonalDataErased
    | EventsWithdrawn
)


class LeadNotFound(Refusal):
    """There is no such lead."""


class LeadClosed(Refusal):
    """The lead was converted; what follows belongs to its deal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """What decisions about a lead need to know. `told` recognises a fact that is told again."""

    known: bool = False
    captured_at: datetime | None = None
    forms: Register[str | None] = Register(None)
    standing: Register[Status] = Register("open")
    converted: Register[tuple[str | None, str | None] | None] = Register(None)
    owner: Register[str | None] = Register(None)
    customer: Register[str | None] = Register(None)
    erased: bool = False
    told: frozenset[tuple[object, ...]] = frozenset()

    @property
    def form(self) -> str | None:
        """The form that was sent in last."""
        return self.forms.value

    @property
    def status(self) -> Status:
        """How the lead stands; once converted it stays so."""
        return status(self.standing.value, converted=self.converted.value is not None)

    @property
    def pursued(self) -> bool:
        """Whether it was captured and may still become a deal: neither disqualified, converted nor forgotten."""
        return self.captured_at is not None and not self.erased and self.status in {"open", "qualified"}


NEW = Lead()


def status(standing: Status, *, converted: bool) -> Status:
    """Return a lead's status from the newest judgement and whether it was ever converted, which lasts."""
    return "converted" if converted else standing


def evolve(state: Lead, event: LeadEvent) -> Lead:  # noqa: PLR0911 - one arm an event
    """Return the state after an event; of facts, any order gives the same."""
    if isinstance(event, EventsWithdrawn):
        return state
    if isinstance(event, PersonalDataErased):
        return replace(state, told=frozenset(map(_nameless, state.told)), erased=True)
    at = stamp(event.occurred_at)
    state = replace(state, known=True, told=state.told | _facts(event))
    match event:
        case LeadCaptured(form=form, customer_id=customer_id):
            captured_at = min(event.occurred_at, state.captured_at or event.occurred_at)
            captured = replace(
                state,
                captured_at=captured_at,
                forms=state.forms.offer(form, at),
                erased=state.erased and event.fields is None,
            )
            return captured if customer_id is None else _linked(captured, customer_id, at)
        case FormSubmitted(form=form, customer_id=customer_id):
            submitted = replace(
                state,
                forms=state.forms.offer(form, at),
                erased=state.erased and event.fields is None,
            )
            return submitted if customer_id is None else _linked(submitted, customer_id, at)
        case LeadOwnerAssigned(owner=owner):
            return replace(state, owner=state.owner.offer(owner, at))
        case LeadQualified():
            return replace(state, standing=state.standing.offer("qualified", at))
        case LeadDisqualified():
            return replace(state, standing=state.standing.offer("disqualified", at))
        case LeadConverted(customer_id=customer_id, deal_id=deal_id):
            converted = replace(state, converted=state.converted.offer((customer_id, deal_id), at))
            return converted if customer_id is None else _linked(converted, customer_id, at)
        case LeadLinkedToCustomer(customer_id=customer_id):
            return _linked(state, customer_id, at)
        case _:
            assert_never(event)


def _linked(state: Lead, customer_id: str | None, at: Stamp) -> Lead:
    return replace(state, customer=state.customer.offer(customer_id, at))


def _facts(event: LeadEvent) -> frozenset[tuple[object, ...]]:
    """Return what makes a telling the same fact when it comes again, whatever event it was recorded as."""
    match event:
        case LeadCaptured() | PersonalDataErased() | EventsWithdrawn():
            return frozenset()
        case FormSubmitted(form=form, customer_id=customer_id, touch=touch, fields=fields):
            answers = None if fields is None else frozenset(fields.items())
            return frozenset({("form", event.occurred_at, form, customer_id, touch, answers)})
        case _:
            return frozenset({(type(event), event)})


def _nameless(fact: tuple[object, ...]) -> tuple[object, ...]:
    return (*fact[:-1], None) if fact[0] == "form" else fact


def _new(state: Lead, event: LeadEvent) -> list[LeadEvent]:
    return [] if _facts(event) <= state.told else [event]


def _check_open(state: Lead) -> None:
    if not state.known:
        raise LeadNotFound
    if state.converted.value is not None:
        raise LeadClosed


def capture(  # noqa: PLR0913 - a fact's fields
    state: Lead,
    *,
    source: str,
    source_id: str | None = None,
    form: str | None = None,
    customer_id: str | None = None,
    touch: Touch = UNKNOWN,
    fields: Mapping[str, str] | None = None,
    at: datetime,
) -> list[LeadEvent]:
    """Record an enquiry: a form, and the lead it captures unless an older form did; nothing when told before."""
    submitted = FormSubmitted(occurred_at=at, form=form, customer_id=customer_id, touch=touch, fields=fields)
    if state.captured_at is not None and at >= state.captured_at:
        return _new(state, submitted)
    captured = LeadCaptured(
        occurred_at=at,
        source=source,
        source_id=source_id,
        form=form,
        customer_id=customer_id,
        touch=touch,
        fields=fields,
    )
    return [captured, submitted]


def assign_owner(
    state: Lead, *, owner: str | None, source: str, at: datetime, fact: bool = False
) -> list[LeadEvent]:
    """Give the lead to a colleague; nothing when it is so. A `fact` is recorded in any case."""
    if fact:
        return _new(state, LeadOwnerAssigned(occurred_at=at, owner=owner, source=source))
    if not state.known:
        raise LeadNotFound
    if owner == state.owner.value:
        return []
    return [LeadOwnerAssigned(occurred_at=after(at, state.owner.stamp), owner=owner, source=source)]


def qualify(state: Lead, *, by: str | None = None, at: datetime, fact: bool = False) -> list[LeadEvent]:
    """Find the lead worth pursuing, even after it was disqualified. A `fact` is recorded in any case."""
    if fact:
        return _new(state, LeadQualified(occurred_at=at, by=by))
    _check_open(state)
    if state.status == "qualified":
        return []
    return [LeadQualified(occurred_at=after(at, state.standing.stamp), by=by)]


def disqualify(
    state: Lead, *, reason: str | None = None, at: datetime, fact: bool = False
) -> list[LeadEvent]:
    """Decide not to pursue the lead. A `fact` is recorded in any case."""
    if fact:
        return _new(state, LeadDisqualified(occurred_at=at, reason=reason))
    _check_open(state)
    if state.status == "disqualified":
        return []
    return [LeadDisqualified(occurred_at=after(at, state.standing.stamp), reason=reason)]


def convert(
    state: Lead,
    *,
    customer_id: str | None = None,
    deal_id: str | None = None,
    at: datetime,
    fact: bool = False,
) -> list[LeadEvent]:
    """Make the lead a customer, and perhaps a deal, once. A `fact` is recorded in any case."""
    if fact:
        return _new(state, LeadConverted(occurred_at=at, customer_id=customer_id, deal_id=deal_id))
    if state.converted.value == (customer_id, deal_id):
        return []
    _check_open(state)
    at = after(at, state.standing.stamp, state.customer.stamp)
    return [LeadConverted(occurred_at=at, customer_id=customer_id, deal_id=deal_id)]


def undo_conversion(*, told: Mapping[int, Event], at: datetime) -> list[LeadEvent]:
    """Take back that the lead was converted; `told` is what one command recorded, by version. Nothing if it did not."""
    versions = tuple(version for version, event in told.items() if isinstance(event, LeadConverted))
    return (
        [EventsWithdrawn(occurred_at=at, versions=versions, reason="conversion undone")] if versions else []
    )


def link_to_customer(state: Lead, *, customer_id: str | None, at: datetime) -> list[LeadEvent]:
    """Say whose lead it is, whatever was said before; None takes a link back. Nothing when it is so."""
    if not state.known:
        raise LeadNotFound
    if customer_id == state.customer.value:
        return []
    return [LeadLinkedToCustomer(occurred_at=after(at, state.customer.stamp), customer_id=customer_id)]
