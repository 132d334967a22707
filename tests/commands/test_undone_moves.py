"""A move that is taken back never happened: what it changed is as it was, and so is the age of the stage."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from commands.command import (
    Answer,
    AssignDealOwner,
    Command,
    DefinePipeline,
    MoveToStage,
    OpenDeal,
    RecordDealChange,
    UndoMove,
)
from commands.handle import handle, handle_many
from domain.deal import DealNotFound, MoveNotFound
from domain.pipeline import DEFAULT
from projections.projector import Projector
from projections.schema import prepare
from streams.errors import WrongExpectedVersion
from streams.log import Log
from tests.commands.asking import NOW, context

OFFICE = context(source="office")
LATER = replace(OFFICE, now=NOW + timedelta(days=40), command_id="moved")
UNDONE = replace(OFFICE, now=NOW + timedelta(days=40, seconds=5), command_id="undone")


def lamps(log: Log, **more: Any) -> str:
    """Open a deal by the pipeline's rules."""
    handle(log, DefinePipeline(name="sales", stages=DEFAULT.stages), OFFICE)
    return handle(log, OpenDeal(pipeline="sales", stage="New", title="Lamps", **more), OFFICE).id


def shown(log: Log, deal: str) -> tuple[list[Any], list[Any]]:
    """Return what the read models show of a deal and of its stages, but for the position."""
    prepare(log.conninfo)
    Projector(log, log.conninfo).catch_up()
    with psycopg.connect(log.conninfo) as connection:
        deals = connection.execute(
            "SELECT stage, stage_since, outcome, closed_at, lost_reason, amount, currency, owner "
            "FROM read.deals WHERE deal_id = %s",
            (deal,),
        ).fetchall()
        stages = connection.execute(
            "SELECT from_stage, to_stage, changed_at FROM read.stage_changes ORDER BY changed_at"
        ).fetchall()
    return deals, stages


@pytest.mark.parametrize(
    "move",
    [
        {"stage": "Qualified"},
        {"stage": "Proposal", "amount": Decimal(900), "currency": "EUR", "owner": "mara"},
        {"stage": "Won", "amount": Decimal(900), "currency": "EUR"},
        {"stage": "Lost", "lost_reason": "price"},
    ],
    ids=lambda move: str(move["stage"]),
)
def test_what_a_move_changed_is_as_it_was_and_the_age_too(log: Log, move: dict[str, Any]) -> None:
    deal = lamps(log)
    before = shown(log, deal)
    handle(log, MoveToStage(deal_id=deal, **move), LATER)
    assert shown(log, deal) != before
    handle(log, UndoMove(deal_id=deal), UNDONE)
    assert shown(log, deal) == before


def test_a_deal_that_was_reopened_by_a_move_is_closed_again_as_it_was(log: Log) -> None:
    deal = lamps(log)
    handle(log, MoveToStage(deal_id=deal, stage="Lost", lost_reason="price"), OFFICE)
    before = shown(log, deal)
    handle(log, MoveToStage(deal_id=deal, stage="Qualified", reopens=True), LATER)
    handle(log, UndoMove(deal_id=deal), UNDONE)
    assert shown(log, deal) == before


def test_it_is_told_that_a_move_was_taken_back(log: Log) -> None:
    deal = lamps(log)
    handle(log, MoveToStage(deal_id=deal, stage="Qualified"), LATER)
    handle(log, UndoMove(deal_id=deal), UNDONE)
    shown(log, deal)
    with psycopg.connect(log.conninfo) as connection:
        told = connection.execute("SELECT summary FROM read.timeline WHERE stream = %s", (f"deal-{deal}",))
        assert ("Move to Qualified undone",) in told.fetchall()


@pytest.mark.parametrize(
    "last",
    [
        None,
        lambda deal: AssignDealOwner(deal_id=deal, owner="mara"),
        lambda deal: UndoMove(deal_id=deal),
    ],
    ids=["opened", "another change", "undone already"],
)
def test_only_what_happened_last_can_be_undone_and_only_a_move(log: Log, last: Any) -> None:
    deal = lamps(log)
    if last is not None:
        handle(log, MoveToStage(deal_id=deal, stage="Qualified"), LATER)
        handle(log, last(deal), replace(UNDONE, command_id="last"))
    head = log.head()
    with pytest.raises(MoveNotFound):
        handle(log, UndoMove(deal_id=deal), UNDONE)
    assert log.head() == head


def test_a_deal_that_was_opened_as_won_stays_so(log: Log) -> None:
    handle(log, DefinePipeline(name="sales", stages=DEFAULT.stages), OFFICE)
    won = OpenDeal(source_id="d-1", pipeline="sales", stage="Won", title="Lamps", occurred_at=NOW)
    deal = handle(log, won, replace(OFFICE, command_id="opened")).id
    with pytest.raises(MoveNotFound):
        handle(log, UndoMove(deal_id=deal), UNDONE)


def test_what_another_system_reported_is_not_ours_to_take_back(log: Log) -> None:
    deal = lamps(log, source_id="d-1", occurred_at=NOW)
    told = RecordDealChange(source_id="d-1", stage="Qualified", occurred_at=NOW + timedelta(days=1))
    handle(log, told, OFFICE)
    with pytest.raises(MoveNotFound):
        handle(log, UndoMove(deal_id=deal), replace(UNDONE, source="website"))


def test_whoever_saw_another_version_undoes_nothing(log: Log) -> None:
    deal = lamps(log)
    moved = handle(log, MoveToStage(deal_id=deal, stage="Qualified"), LATER)
    handle(log, MoveToStage(deal_id=deal, stage="Proposal", amount=Decimal(5), currency="EUR"), OFFICE)
    with pytest.raises(WrongExpectedVersion):
        handle(log, UndoMove(deal_id=deal), replace(UNDONE, expected=moved.version))


def test_an_unknown_deal_has_no_move(log: Log) -> None:
    with pytest.raises(DealNotFound):
        handle(log, UndoMove(deal_id="nobody-knows"), UNDONE)


def test_what_is_asked_at_once_after_it_is_decided_on_the_deal_as_it_stood(log: Log) -> None:
    deal = lamps(log)
    handle(log, MoveToStage(deal_id=deal, stage="Lost", lost_reason="price"), LATER)
    asked: list[Command] = [UndoMove(deal_id=deal), MoveToStage(deal_id=deal, stage="Qualified")]
    outcomes = handle_many(
        log, [(one, replace(UNDONE, command_id=f"at-once-{n}")) for n, one in enumerate(asked)]
    )
    assert all(isinstance(outcome, Answer) for outcome in outcomes), "it is open again"
    [(stage, _, outcome, *_)], _ = shown(log, deal)
    assert (stage, outcome) == ("Qualified", "open")
