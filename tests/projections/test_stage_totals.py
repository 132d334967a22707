from decimal import Decimal

from domain.deal import DealAmountChanged, DealLost, DealOpened, DealOwnerAssigned, StageChanged
from domain.record import EventsWithdrawn
from projections.projector import Projector
from streams.log import Log
from tests.projections.conftest import Ask
from tests.projections.facts import append, at

KEPT = "SELECT pipeline, stage, outcome, owner, currency, parts, amount FROM model.stage_totals ORDER BY 1, 2, 3, 4, 5"
COUNTED = (
    "SELECT coalesce(pipeline, ''), coalesce(stage, ''), outcome, coalesce(owner, ''), coalesce(currency, ''), "
    "count(*), coalesce(sum(amount), 0) FROM read.deals GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5"
)
DAYS = "SELECT pipeline, stage, day, parts FROM model.stage_days ORDER BY 1, 2, 3"
SINCE = (
    "SELECT pipeline, stage, stage_since::date - date '1970-01-01', count(*) FROM read.deals WHERE outcome = 'open' "
    "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
)


def opened(minutes: float, owner: str | None = None, amount: str | None = None) -> DealOpened:
    return DealOpened(
        occurred_at=at(minutes), source="crm", pipeline="sales", stage="New", title="Lamps", owner=owner,
        amount=Decimal(amount) if amount else None, currency="EUR" if amount else None,
    )  # fmt: skip


def test_the_totals_of_a_stage_follow_every_change_of_its_deals(
    log: Log, projector: Projector, ask: Ask
) -> None:
    append(log, "deal-1", [opened(0, "mara", "10.50")])
    append(log, "deal-2", [opened(1)])
    append(log, "deal-3", [opened(2, "noah", "7")])
    append(log, "deal-4", [StageChanged(occurred_at=at(3), stage="Qualified", source="crm")])
    projector.catch_up()
    assert ask(KEPT) == ask(COUNTED)
    assert ask(DAYS) == ask(SINCE)
    assert len(ask(KEPT)) == 3
    append(log, "deal-1", [StageChanged(occurred_at=at(9), stage="Qualified", source="crm", outcome="open")])
    append(
        log, "deal-2", [DealAmountChanged(occurred_at=at(9), amount=Decimal(3), currency="USD", source="crm")]
    )
    append(log, "deal-3", [DealOwnerAssigned(occurred_at=at(9), owner=None, source="crm")])
    append(log, "deal-3", [DealLost(occurred_at=at(10), source="crm", reason="price")])
    projector.catch_up()
    assert (
        ask(KEPT)
        == ask(COUNTED)
        == [
            ("sales", "New", "lost", "", "EUR", 1, 7),
            ("sales", "New", "open", "", "USD", 1, 3),
            ("sales", "Qualified", "open", "mara", "EUR", 1, Decimal("10.50")),
        ]
    )
    append(log, "deal-2", [EventsWithdrawn(occurred_at=at(20), versions=(1, 2), reason="wrong", batch="b")])
    projector.catch_up()
    assert ask(KEPT) == ask(COUNTED)
    assert ask(DAYS) == ask(SINCE)
    assert len(ask(KEPT)) == 2
