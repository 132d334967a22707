"""Deals: an opportunity on its way through a pipeline's stages to won or lost."""

from dataclasses import dataclass
from decimal import Decimal

from domain.event import Event, stored


@stored("deal-opened.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealOpened(Event):
    """An opportunity was opened in a stage of a pipeline."""

    source: str
    source_id: str | None = None
    pipeline: str
    stage: str
    title: str
    owner: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    customer_id: str | None = None
    lead_id: str | None = None
    company: str | None = None
    sequence: int = 0
    anomalies: tuple[str, ...] = ()


@stored("stage-changed.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class StageChanged(Event):
    """The deal entered a stage; `sequence` is the source's own order where clocks are equal.

    `pipeline_version` is the version of the pipeline's rules on that day, 0 where none was defined. `anomalies`
    names what looked wrong by those rules (`stage-unknown`).
    """

    stage: str
    source: str
    sequence: int = 0
    pipeline_version: int = 0
    anomalies: tuple[str, ...] = ()


@stored("deal-amount-changed.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealAmountChanged(Event):
    """The deal's value is now estimated, or known, to be this."""

    amount: Decimal | None
    currency: str | None
    source: str
    sequence: int = 0


@stored("deal-owner-assigned.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealOwnerAssigned(Event):
    """A colleague took over the deal."""

    owner: str | None
    source: str
    sequence: int = 0


@stored("deal-retitled.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealRetitled(Event):
    """The deal has a new title."""

    title: str
    source: str


@stored("deal-won.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealWon(Event):
    """The customer said yes."""

    source: str
    sequence: int = 0


@stored("deal-lost.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealLost(Event):
    """The customer, or we, said no."""

    source: str
    reason: str | None = None
    sequence: int = 0


@stored("deal-reopened.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealReopened(Event):
    """A closed deal is open again."""

    source: str
    sequence: int = 0


@stored("deal-linked-to-customer.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealLinkedToCustomer(Event):
    """The deal is with this customer; None takes the link back."""

    customer_id: str | None


@stored("follow-up-scheduled.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpScheduled(Event):
    """Something is to be done about the deal by `due_on`, an ISO date in the tenant's time zone."""

    follow_up_id: str
    due_on: str
    task: str
    owner: str | None = None


@stored("follow-up-completed.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpCompleted(Event):
    """The follow-up was done."""

    follow_up_id: str


@stored("deal-activity-recorded.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class DealActivityRecorded(Event):
    """Work on the deal or its quotes, as the source names it: `quote` `O_SENT` `complete`, by whom."""

    kind: str
    activity: str
    status: str | None = None
    by: str | None = None
    sequence: int = 0
