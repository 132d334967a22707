from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain import deal
from domain.deal import (
    DealActivityRecorded,
    DealAmountChanged,
    DealClosed,
    DealExists,
    DealLinkedToCustomer,
    DealLost,
    DealNotFound,
    DealOpened,
    DealOwnerAssigned,
    DealReopened,
    DealRetitled,
    DealWon,
    FollowUpCompleted,
    FollowUpNotFound,
    FollowUpScheduled,
    MoveNotFound,
    StageChanged,
    StageNotReachable,
    StageRequirementMissing,
    StageUnknown,
)
from domain.errors import InvalidValue
from domain.pipeline import DEFAULT, Pipeline, Stage
from domain.record import EventsWithdrawn
from tests.domain.story import fold, given
from tests.examples import ANN, ANNA, OPENED, at

RULES = replace(DEFAULT, version=3)
DEAL: dict[str, Any] = {
    "source": "app",
    "pipeline": "sales",
    "stage": "New",
    "title": "Mugs for the office",
    "owner": "olga",
    "amount": Decimal("500.00"),
    "currency": "EUR",
    "customer_id": ANN,
}
BARE = replace(OPENED, amount=None, currency=None, owner=None)
CRM: dict[str, Any] = {"source": "crm"}


def entered(stage: str, minutes: float, outcome: Any = "open", **more: Any) -> StageChanged:
    told: dict[str, Any] = {"source": "app", "pipeline_version": 3, "outcome": outcome} | more
    return StageChanged(occurred_at=at(minutes), stage=stage, **told)


WON = (OPENED, entered("Won", 60, "won"), DealWon(occurred_at=at(60), source="app"))
LOST = (OPENED, entered("Lost", 60, "lost"), DealLost(occurred_at=at(60), source="app", reason="dear"))


# Opening a deal


def test_a_deal_is_opened_in_a_stage() -> None:
    given().when(deal.open, **DEAL, rules=RULES, at=at()).then(OPENED)


def test_a_deal_is_opened_where_no_pipeline_is_defined() -> None:
    given().when(deal.open, **DEAL, rules=None, at=at()).then(OPENED)


def test_the_same_request_to_open_is_nothing_and_another_is_refused() -> None:
    given(OPENED).when(deal.open, **DEAL, rules=RULES, at=at()).then_nothing()
    given(OPENED).when(deal.open, **(DEAL | {"title": "Cups"}), rules=RULES, at=at()).then_refuses(DealExists)


def test_a_deal_is_not_opened_in_a_stage_that_is_not_there() -> None:
    request = given().when(deal.open, **(DEAL | {"stage": "Limbo"}), rules=RULES, at=at())
    request.then_refuses(StageUnknown, stage="Limbo")


def test_a_deal_is_not_opened_in_a_stage_that_requires_more() -> None:
    proposal = DEAL | {"stage": "Proposal", "amount": None, "currency": None}
    given().when(deal.open, **proposal, rules=RULES, at=at()).then_refuses(
        StageRequirementMissing, missing="amount", rule="Proposal needs an amount"
    )


def test_a_deal_that_a_source_opened_elsewhere_is_recorded_with_an_anomaly() -> None:
    limbo = DEAL | {"stage": "Limbo", "source_id": "7"}
    recorded = replace(OPENED, stage="Limbo", source_id="7", anomalies=("stage-unknown",))
    given().when(deal.open, **limbo, rules=RULES, at=at()).then(recorded)
    given(recorded).when(deal.open, **limbo, rules=RULES, at=at()).then_nothing()


def test_a_deal_opened_as_won_is_won() -> None:
    won = DEAL | {"stage": "Won", "source_id": "7"}
    given().when(deal.open, **won, rules=RULES, at=at()).then(
        replace(OPENED, stage="Won", source_id="7"), DealWon(occurred_at=at(), source="app")
    )


def test_an_amount_without_a_currency_is_refused() -> None:
    given().when(deal.open, **(DEAL | {"currency": None}), rules=RULES, at=at()).then_refuses(
        InvalidValue, field="currency"
    )


# Stages that people ask for


def test_a_deal_moves_to_another_stage() -> None:
    move = given(OPENED).when(deal.move_to_stage, stage="Proposal", rules=RULES, source="app", at=at(60))
    move.then(entered("Proposal", 60))


def test_a_move_to_where_the_deal_is_is_nothing() -> None:
    for rules in (RULES, None):
        move = given(OPENED).when(deal.move_to_stage, stage="New", rules=rules, source="app", at=at(60))
        move.then_nothing()


def test_a_move_without_rules_goes_anywhere() -> None:
    move = given(OPENED).when(deal.move_to_stage, stage="Limbo", rules=None, source="app", at=at(60))
    move.then(entered("Limbo", 60, None, pipeline_version=0))


def test_a_move_to_a_stage_that_is_not_there_is_refused() -> None:
    move = given(OPENED).when(deal.move_to_stage, stage="Limbo", rules=RULES, source="app", at=at(60))
    move.then_refuses(StageUnknown, stage="Limbo")


def test_a_move_from_where_the_stage_is_not_entered_is_refused() -> None:
    stages = (Stage(name="New"), Stage(name="Offer"), Stage(name="Signed", enters_from=("Offer",)))
    rules = Pipeline(name="sales", version=1, stages=stages)
    move = {"stage": "Signed", "rules": rules, "source": "app", "at": at(60)}
    given(OPENED).when(deal.move_to_stage, **move).then_refuses(
        StageNotReachable, stage="Signed", now="New", enters_from=["Offer"]
    )
    given(OPENED, entered("Offer", 30)).when(deal.move_to_stage, **move).then(
        entered("Signed", 60, pipeline_version=1)
    )


def test_a_stage_is_entered_from_what_a_former_stage_is_called_now() -> None:
    stages = (Stage(name="Fresh"), Stage(name="Signed", enters_from=("Fresh",)))
    rules = Pipeline(name="sales", version=2, stages=stages, renamed={"New": "Fresh"})
    move = {"rules": rules, "source": "app", "at": at(60)}
    given(OPENED).when(deal.move_to_stage, stage="Signed", **move).then(
        entered("Signed", 60, pipeline_version=2)
    )
    given(OPENED).when(deal.move_to_stage, stage="Fresh", **move).then_nothing()
    given(OPENED).when(deal.move_to_stage, stage="New", **move).then_nothing()


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("amount", "Offer needs an amount"),
        ("owner", "Offer needs an owner"),
        ("customer", "Offer needs a customer"),
        ("title", "Offer needs a title"),
    ],
)
def test_a_move_to_a_stage_that_requires_more_is_refused_by_name(missing: str, sentence: str) -> None:
    rules = Pipeline(
        name="sales", version=1, stages=(Stage(name="New"), Stage(name="Offer", requires=(missing,)))
    )
    move = {"stage": "Offer", "rules": rules, "source": "app", "at": at(60)}
    nameless = replace(BARE, customer_id=None, title="")
    given(nameless).when(deal.move_to_stage, **move).then_refuses(
        StageRequirementMissing, stage="Offer", missing=missing, rule=sentence
    )
    given(OPENED).when(deal.move_to_stage, **move).then(entered("Offer", 60, pipeline_version=1))


def test_entering_a_won_stage_wins_the_deal() -> None:
    move = given(OPENED).when(deal.move_to_stage, stage="Won", rules=RULES, source="app", at=at(60))
    move.then(*WON[1:])
    assert fold(deal, WON).outcome == "won"


def test_entering_a_lost_stage_loses_the_deal_for_a_reason() -> None:
    move = given(OPENED).when(
        deal.move_to_stage, stage="Lost", rules=RULES, source="app", reason="dear", at=at(60)
    )
    move.then(*LOST[1:])


def test_a_closed_deal_is_not_moved_before_it_is_reopened() -> None:
    for closed, outcome in ((WON, "won"), (LOST, "lost")):
        for stage in ("Proposal", "Won", "Lost"):
            move = given(*closed).when(deal.move_to_stage, stage=stage, rules=RULES, source="app", at=at(70))
            move.then_refuses(DealClosed, outcome=outcome)


def test_a_move_takes_effect_though_a_fact_has_a_later_clock() -> None:
    future = entered("Qualified", 500, source="crm")
    state = fold(deal, [OPENED, future])
    [event] = deal.move_to_stage(state, stage="Proposal", rules=RULES, source="app", at=at(60))
    assert fold(deal, [OPENED, event, future]).stage == "Proposal"


# Stages that sources report


def test_a_stage_that_a_source_reports_is_recorded_whatever_the_rules_say() -> None:
    fact = given(*WON).when(deal.record_stage, stage="Negotiation", rules=RULES, **CRM, at=at(70))
    fact.then(entered("Negotiation", 70, source="crm"))


def test_a_stage_unheard_of_is_recorded_with_an_anomaly() -> None:
    fact = given(OPENED).when(deal.record_stage, stage="Limbo", rules=RULES, **CRM, at=at(70), sequence=2)
    fact.then(entered("Limbo", 70, None, source="crm", sequence=2, anomalies=("stage-unknown",)))


def test_a_stage_before_its_deal_is_recorded() -> None:
    fact = given().when(deal.record_stage, stage="Proposal", rules=RULES, **CRM, at=at(70))
    fact.then(entered("Proposal", 70, source="crm"))
    assert fold(deal, [entered("Proposal", 70), OPENED]).stage == "Proposal"


def test_a_stage_told_twice_is_nothing_even_under_newer_rules() -> None:
    told = entered("Proposal", 70, source="crm", pipeline_version=1)
    given(OPENED, told).when(
        deal.record_stage, stage="Proposal", rules=RULES, **CRM, at=at(70)
    ).then_nothing()


def test_an_older_stage_does_not_overwrite_a_newer_one() -> None:
    assert fold(deal, [OPENED, entered("Proposal", 70), entered("Qualified", 30)]).stage == "Proposal"


def test_the_sources_own_sequence_orders_stages_of_one_moment() -> None:
    first, second = entered("Qualified", 70, sequence=1), entered("New", 70, sequence=2)
    assert fold(deal, [OPENED, second, first]).stage == "New"


def test_a_closing_stage_comes_after_an_open_one_of_the_same_moment() -> None:
    events = [OPENED, entered("Won", 70, "won"), entered("Zero", 70)]
    assert (fold(deal, events).stage, fold(deal, events).outcome) == ("Won", "won")


def test_a_later_open_stage_that_a_source_reports_opens_the_deal_again() -> None:
    assert fold(deal, [*WON, entered("Proposal", 90)]).outcome == "open"
    assert fold(deal, [*WON, entered("Limbo", 90, None)]).outcome == "won"


def test_what_is_said_outright_comes_after_what_a_stage_of_the_same_moment_implies() -> None:
    assert fold(deal, [DealWon(occurred_at=at(70), source="crm"), entered("Proposal", 70)]).outcome == "won"


# Closing and reopening


def test_winning_a_deal_moves_it_to_the_won_stage() -> None:
    given(OPENED).when(deal.win, source="app", rules=RULES, at=at(60)).then(*WON[1:])
    given(*WON).when(deal.win, source="app", rules=RULES, at=at(70)).then_nothing()


def test_winning_a_deal_without_rules_leaves_it_in_its_stage() -> None:
    given(OPENED).when(deal.win, source="app", at=at(60)).then(DealWon(occurred_at=at(60), source="app"))


def test_winning_a_deal_that_lacks_what_the_won_stage_requires_is_refused() -> None:
    given(BARE).when(deal.win, source="app", rules=RULES, at=at(60)).then_refuses(
        StageRequirementMissing, rule="Won needs an amount"
    )


def test_winning_a_deal_that_is_in_the_won_stage_already_closes_it() -> None:
    won = DealWon(occurred_at=at(61), source="app")
    stale = entered("Won", 60, None)
    given(OPENED, stale).when(deal.win, source="app", rules=RULES, at=at(61)).then(won)


def test_losing_a_deal_moves_it_to_the_lost_stage_for_a_reason() -> None:
    given(OPENED).when(deal.lose, reason="dear", source="app", rules=RULES, at=at(60)).then(*LOST[1:])
    lost = DealLost(occurred_at=at(60), source="app", reason="dear")
    given(OPENED).when(deal.lose, reason="dear", source="app", at=at(60)).then(lost)
    given(*LOST).when(deal.lose, reason="late", source="app", at=at(70)).then_nothing()


def test_a_deal_closed_one_way_is_not_closed_the_other() -> None:
    given(*LOST).when(deal.win, source="app", at=at(70)).then_refuses(DealClosed, outcome="lost")
    given(*WON).when(deal.lose, reason="dear", source="app", at=at(70)).then_refuses(
        DealClosed, outcome="won"
    )


def test_a_deal_is_closed_though_a_fact_has_a_later_clock() -> None:
    future = DealReopened(occurred_at=at(500), source="crm")
    [event] = deal.win(fold(deal, [OPENED, future]), source="app", at=at(60))
    assert fold(deal, [event, OPENED, future]).outcome == "won"


def test_a_reopened_deal_is_back_in_the_open_stage_it_was_in_last() -> None:
    history = (OPENED, entered("Proposal", 30), *WON[1:])
    reopened = DealReopened(occurred_at=at(70), source="app")
    given(*history).when(deal.reopen, source="app", rules=RULES, at=at(70)).then(
        reopened, entered("Proposal", 70)
    )
    after = fold(deal, [*history, reopened, entered("Proposal", 70)])
    assert (after.outcome, after.stage) == ("open", "Proposal")


def test_a_reopened_deal_that_never_was_open_begins_in_the_first_open_stage() -> None:
    history = (entered("Won", 60, "won"), DealWon(occurred_at=at(60), source="app"))
    given(*history).when(deal.reopen, source="app", rules=RULES, at=at(70)).then(
        DealReopened(occurred_at=at(70), source="app"), entered("New", 70)
    )


def test_a_reopened_deal_without_rules_or_in_an_open_stage_stays_where_it_is() -> None:
    reopened = DealReopened(occurred_at=at(70), source="app")
    given(*WON).when(deal.reopen, source="app", at=at(70)).then(reopened)
    won = DealWon(occurred_at=at(60), source="crm")
    given(OPENED, won).when(deal.reopen, source="app", rules=RULES, at=at(70)).then(reopened)
    given(OPENED).when(deal.reopen, source="app", rules=RULES, at=at(70)).then_nothing()


def test_a_reopened_deal_whose_pipeline_has_only_closing_stages_is_open_in_none_of_them() -> None:
    rules = Pipeline(name="sales", version=1, stages=(Stage(name="Won", outcome="won"),))
    reopened = DealReopened(occurred_at=at(70), source="app")
    given(*WON).when(deal.reopen, source="app", rules=rules, at=at(70)).then(reopened)


@pytest.mark.parametrize(
    ("outcome", "event"),
    [
        ("won", DealWon(occurred_at=at(70), source="crm", sequence=2)),
        ("lost", DealLost(occurred_at=at(70), source="crm", reason="dear", sequence=2)),
        ("open", DealReopened(occurred_at=at(70), source="crm", sequence=2)),
    ],
)
def test_an_outcome_that_a_source_reports_is_recorded_once(outcome: str, event: Any) -> None:
    fact = {"outcome": outcome, "reason": "dear", "sequence": 2, "at": at(70), **CRM}
    given().when(deal.record_outcome, **fact).then(event)
    given(event).when(deal.record_outcome, **fact).then_nothing()


def test_a_move_is_undone_with_all_that_came_with_it() -> None:
    valued = DealAmountChanged(occurred_at=at(60), amount=Decimal(9), currency="EUR", source="app")
    last = {4: valued, 5: WON[1], 6: WON[2]}
    given(*WON).when(deal.undo_move, last=last, at=at(61)).then(
        EventsWithdrawn(occurred_at=at(61), versions=(4, 5, 6), reason="move to Won undone")
    )


@pytest.mark.parametrize(
    "last",
    [
        {},
        {1: OPENED},
        {1: OPENED, 2: WON[2]},
        {3: DealOwnerAssigned(occurred_at=at(9), owner=None, source="app")},
    ],
    ids=["nothing", "the opening", "the opening as won", "another change"],
)
def test_what_is_no_move_is_not_undone(last: Any) -> None:
    given(*WON).when(deal.undo_move, last=last, at=at(61)).then_refuses(MoveNotFound)


# Amount, owner, title, customer


def test_an_amount_is_changed_by_request() -> None:
    changed = DealAmountChanged(occurred_at=at(5), amount=Decimal(450), currency="EUR", source="app")
    request = {"amount": Decimal(450), "currency": "EUR", "source": "app", "at": at(5)}
    given(OPENED).when(deal.change_amount, **request).then(changed)
    given(OPENED, changed).when(deal.change_amount, **request).then_nothing()
    given(OPENED).when(deal.change_amount, **(request | {"currency": "EURO"})).then_refuses(
        InvalidValue, field="currency"
    )
    given(OPENED).when(deal.change_amount, **(request | {"amount": 450.0})).then_refuses(
        InvalidValue, field="amount"
    )


def test_an_amount_is_taken_back() -> None:
    cleared = DealAmountChanged(occurred_at=at(5), amount=None, currency=None, source="app")
    given(OPENED).when(deal.change_amount, amount=None, currency=None, source="app", at=at(5)).then(cleared)
    assert fold(deal, [OPENED, cleared]).value.value is None


def test_an_amount_that_a_source_reports_is_recorded_once() -> None:
    fact = {"amount": Decimal(450), "currency": "EUR", "sequence": 1, "at": at(5), **CRM}
    recorded = DealAmountChanged(
        occurred_at=at(5), amount=Decimal(450), currency="EUR", source="crm", sequence=1
    )
    given().when(deal.record_amount, **fact).then(recorded)
    given(recorded).when(deal.record_amount, **fact).then_nothing()
    given().when(deal.record_amount, **(fact | {"currency": None})).then_refuses(InvalidValue)


def test_an_owner_is_assigned_by_request() -> None:
    assigned = DealOwnerAssigned(occurred_at=at(5), owner="pavel", source="app")
    given(OPENED).when(deal.assign_owner, owner="pavel", source="app", at=at(5)).then(assigned)
    given(OPENED).when(deal.assign_owner, owner="olga", source="app", at=at(5)).then_nothing()


def test_an_owner_that_a_source_reports_is_recorded_once() -> None:
    recorded = DealOwnerAssigned(occurred_at=at(5), owner="olga", source="crm")
    given(OPENED).when(deal.record_owner, owner="olga", **CRM, at=at(5)).then(recorded)
    given(recorded).when(deal.record_owner, owner="olga", **CRM, at=at(5)).then_nothing()


def test_a_deal_is_retitled() -> None:
    retitled = DealRetitled(occurred_at=at(5), title="Cups", source="app")
    given(OPENED).when(deal.retitle, title="Cups", source="app", at=at(5)).then(retitled)
    given(OPENED, retitled).when(deal.retitle, title="Cups", source="app", at=at(6)).then_nothing()
    given(OPENED).when(deal.retitle, title=" ", source="app", at=at(6)).then_refuses(
        InvalidValue, field="title"
    )


def test_whose_deal_it_is_is_recorded_once() -> None:
    linked = DealLinkedToCustomer(occurred_at=at(5), customer_id=ANNA)
    given(OPENED).when(deal.link_to_customer, customer_id=ANNA, at=at(5)).then(linked)
    given(OPENED, linked).when(deal.link_to_customer, customer_id=ANNA, at=at(5)).then_nothing()
    assert fold(deal, [linked, OPENED]).customer.value == ANNA


# Follow-ups and activities

PLAN: dict[str, Any] = {
    "follow_up_id": "f-1",
    "due_on": date(2026, 3, 8),
    "task": "Call Ann",
    "owner": "olga",
}
PLANNED = FollowUpScheduled(occurred_at=at(5), **PLAN)


def test_a_follow_up_is_planned_and_planned_anew() -> None:
    given(OPENED).when(deal.schedule_follow_up, **PLAN, at=at(5)).then(PLANNED)
    given(OPENED, PLANNED).when(deal.schedule_follow_up, **PLAN, at=at(6)).then_nothing()
    later = PLAN | {"due_on": date(2026, 3, 9)}
    given(OPENED, PLANNED).when(deal.schedule_follow_up, **later, at=at(6)).then(
        FollowUpScheduled(occurred_at=at(6), **later)
    )


def test_a_follow_up_without_a_task_is_refused() -> None:
    given(OPENED).when(deal.schedule_follow_up, **(PLAN | {"task": " "}), at=at(5)).then_refuses(InvalidValue)


def test_an_idle_deal_is_followed_up_once_for_each_stay_and_not_when_it_has_moved_on() -> None:
    stay = {"stage": "New", "since": at(), "task": "Call back", "due_on": date(2026, 3, 9)}
    planned = FollowUpScheduled(
        occurred_at=at(90),
        follow_up_id="idle-20260301T093000.000000Z",
        due_on=date(2026, 3, 9),
        task="Call back",
        owner=OPENED.owner,
    )
    given(OPENED).when(deal.follow_up_idle, **stay, at=at(90)).then(planned)
    given(OPENED, planned).when(deal.follow_up_idle, **stay, at=at(99)).then_nothing()
    given(OPENED, entered("Proposal", 70)).when(deal.follow_up_idle, **stay, at=at(90)).then_nothing()
    lost = deal.DealLost(occurred_at=at(80), source="app", reason="price")
    given(OPENED, lost).when(deal.follow_up_idle, **stay, at=at(90)).then_nothing()


def test_a_follow_up_is_completed_once() -> None:
    done = FollowUpCompleted(occurred_at=at(9), follow_up_id="f-1")
    given(OPENED, PLANNED).when(deal.complete_follow_up, follow_up_id="f-1", at=at(9)).then(done)
    given(OPENED, PLANNED, done).when(deal.complete_follow_up, follow_up_id="f-1", at=at(9)).then_nothing()


def test_an_unknown_follow_up_is_not_found() -> None:
    given(OPENED).when(deal.complete_follow_up, follow_up_id="f-1", at=at(9)).then_refuses(FollowUpNotFound)


def test_an_activity_is_recorded_once_even_before_its_deal() -> None:
    fact: dict[str, Any] = {
        "kind": "quote",
        "activity": "O_SENT",
        "status": "COMPLETE",
        "by": "7",
        "sequence": 4,
    }
    recorded = DealActivityRecorded(occurred_at=at(9), **fact)
    given().when(deal.record_activity, **fact, at=at(9)).then(recorded)
    given(recorded).when(deal.record_activity, **fact, at=at(9)).then_nothing()


@pytest.mark.parametrize(
    ("request_", "content"),
    [
        (deal.move_to_stage, {"stage": "Won", "rules": RULES, "source": "app"}),
        (deal.change_amount, {"amount": None, "currency": None, "source": "app"}),
        (deal.assign_owner, {"owner": None, "source": "app"}),
        (deal.retitle, {"title": "Cups", "source": "app"}),
        (deal.win, {"source": "app"}),
        (deal.lose, {"source": "app", "reason": "dear"}),
        (deal.reopen, {"source": "app"}),
        (deal.schedule_follow_up, PLAN),
    ],
)
def test_a_request_about_an_unknown_deal_is_refused(request_: Any, content: dict[str, Any]) -> None:
    given().when(request_, **content, at=at()).then_refuses(DealNotFound)


def test_a_deal_known_by_its_changes_alone_is_in_no_pipeline_yet() -> None:
    state = fold(deal, [entered("Proposal", 70)])
    assert (state.pipeline, state.stage) == (None, "Proposal")
    assert fold(deal, [OPENED]).pipeline == "sales"
    assert isinstance(OPENED, DealOpened)


FAST: dict[str, Any] = {"occurred_at": at(500), "source": "crm"}


@pytest.mark.parametrize(
    ("future", "request_", "content", "field", "expected"),
    [
        (
            DealAmountChanged(amount=Decimal(1), currency="EUR", **FAST),
            deal.change_amount,
            {"amount": None, "currency": None},
            "value",
            None,
        ),
        (DealOwnerAssigned(owner="olga", **FAST), deal.assign_owner, {"owner": "pavel"}, "owner", "pavel"),
        (DealRetitled(title="Mugs", **FAST), deal.retitle, {"title": "Cups"}, "title", "Cups"),
        (DealReopened(**FAST), deal.lose, {"reason": "dear"}, "outcome_told", "lost"),
        (DealWon(**FAST), deal.reopen, {}, "outcome_told", "open"),
    ],
)
def test_a_request_about_a_deal_takes_effect_though_a_fact_has_a_later_clock(
    future: Any, request_: Any, content: dict[str, Any], field: str, expected: object
) -> None:
    state = fold(deal, [OPENED, future])
    events = request_(state, **content, source="app", at=at(5))
    assert getattr(fold(deal, [*events, OPENED, future]), field).value == expected


def test_a_follow_up_is_planned_anew_though_the_plan_has_a_later_clock() -> None:
    future = replace(PLANNED, occurred_at=at(500))
    later = PLAN | {"task": "Visit Ann"}
    [event] = deal.schedule_follow_up(fold(deal, [OPENED, future]), **later, at=at(6))
    assert fold(deal, [event, OPENED, future]).follow_ups["f-1"].value.task == "Visit Ann"
