"""What a board is made of."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from api.pages.freshness import Freshness
from domain.deal import FollowUpScheduled
from domain.pipeline import Outcome, Pipeline, Stage


@dataclass(frozen=True, slots=True)
class Money:
    """A sum in one currency, plain and weighted by the stage's probability."""

    currency: str
    amount: Decimal
    weighted: Decimal


@dataclass(frozen=True, slots=True)
class Ageing:
    """How long open deals have been in their stage: up to half its limit, near it, over it; days in all."""

    fresh: int = 0
    ageing: int = 0
    stuck: int = 0
    days: int = 0

    @property
    def deals(self) -> int:
        """How many there are."""
        return self.fresh + self.ageing + self.stuck

    def __add__(self, other: "Ageing") -> "Ageing":
        return Ageing(*[one + two for one, two in zip(astuple(self), astuple(other), strict=True)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A deal as the board shows it. `seen` is the position it is shown at: what a change is decided against."""

    deal_id: str
    title: str
    company: str | None
    customer_id: str | None
    customer: str | None
    owner: str | None
    amount: Decimal | None
    currency: str | None
    stage: str
    since: datetime | None
    outcome: Outcome
    closed_at: datetime | None
    lost_reason: str | None
    next_step: FollowUpScheduled | None
    held: bool
    anomalies: Sequence[str]
    seen: int
    days: int
    limit: int | None
    today: date

    @property
    def over(self) -> bool:
        """Whether it has been in its stage for longer than that allows."""
        return self.outcome == "open" and self.limit is not None and self.days > self.limit

    @property
    def overdue(self) -> bool:
        """Whether the next step should have been done before today."""
        return self.next_step is not None and self.next_step.due_on < self.today

    @property
    def near(self) -> bool:
        """Whether more than half of the time it may stay has gone."""
        return self.outcome == "open" and self.limit is not None and self.limit / 2 < self.days <= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A stage: what stands in it over all deals, and its first cards (None: it is folded up)."""

    number: int
    stage: Stage
    known: bool
    names: Sequence[str]
    deals: int = 0
    unpriced: int = 0
    money: Sequence[Money] = ()
    ageing: Ageing = Ageing()
    cards: Sequence[Card] | None = None
    shown: int = 0
    failed: bool = False

    @property
    def closing(self) -> bool:
        """Whether deals are closed here."""
        return self.stage.outcome != "open"

    @property
    def ident(self) -> str:
        """Its id on the page."""
        return f"column-{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A pipeline's columns in their order, and the sums of what is open."""

    rules: Pipeline
    pipelines: Sequence[str]
    owners: Sequence[str]
    columns: Sequence[Column]
    freshness: Freshness
    now: datetime
    money: Sequence[Money] = field(default=())

    @property
    def open(self) -> int:
        """How many deals are open."""
        return sum(column.deals for column in self.columns if not column.closing)

    @property
    def stuck(self) -> int:
        """How many are over the limit of their stage."""
        return sum(column.ageing.stuck for column in self.columns)

    @property
    def days(self) -> int:
        """How long an open deal has been in its stage, on average."""
        known = sum(column.ageing.deals for column in self.columns)
        return sum(column.ageing.days for column in self.columns) // known if known else 0

    @property
    def deals(self) -> int:
        """How many deals there are, closed ones too."""
        return sum(column.deals for column in self.columns)


def days_between(since: datetime | None, now: datetime) -> int:
    """Return how many days, by the calendar (UTC), something has lasted."""
    return 0 if since is None else max(0, (now.astimezone(UTC).date() - since.astimezone(UTC).date()).days)


def days_ago(now: datetime, days: int) -> datetime:
    """Return the moment before which something must have begun to have lasted for more than so many days."""
    return datetime.combine(now.astimezone(UTC).date() - timedelta(days=days), time(), UTC)
