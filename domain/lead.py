"""Leads: someone asked, through a form, an advertisement or a person, and became a deal or not."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.event import Event, stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """Where an enquiry came from: source, medium and campaign as advertisers use the words."""

    source: str | None = None
    medium: str | None = None
    campaign: str | None = None


@stored("lead-captured.v1", sealed=("fields",))
@dataclass(frozen=True, slots=True, kw_only=True)
class LeadCaptured(Event):
    """A new enquiry: the form's own fields as sent, and the touch that brought it."""

    source: str
    source_id: str | None = None
    form: str | None = None
    customer_id: str | None = None
    touch: Touch = Touch()
    fields: Mapping[str, str] | None = None


@stored("form-submitted.v1", sealed=("fields",))
@dataclass(frozen=True, slots=True, kw_only=True)
class FormSubmitted(Event):
    """A form was sent in: the first time beside LeadCaptured, and each later time on the same open lead."""

    form: str | None = None
    touch: Touch = Touch()
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
