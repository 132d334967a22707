"""Customers: who someone is, by which names each system knows them, and which records are the same person."""

from dataclasses import dataclass
from typing import Literal

from domain.event import Event, stored

IdentityKind = Literal["email", "phone", "external"]


@stored("customer-registered.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRegistered(Event):
    """A customer became known through `source`; each field of the profile follows as a fact of its own."""

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


@stored("field-conflict-settled.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class FieldConflictSettled(Event):
    """A person kept the owner's value of a field against what others had offered until then."""

    field: str


@stored("identity-linked.v1", sealed=("value",))
@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityLinked(Event):
    """The customer is known to `source` as `value`: an e-mail address, a phone number or that source's own id."""

    kind: IdentityKind
    value: str | None
    source: str


@stored("identity-taken.v1", sealed=("value",))
@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityTaken(Event):
    """An anomaly: a source reported an identity that another customer, `holder`, already has. Perhaps one person."""

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
