"""What becomes of an enquiry by itself: owner, deal and reply, all at once and once, or nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from commands.command import (
    AssignLeadOwner,
    CaptureLead,
    ChangeAmount,
    Command,
    DefineLeadHandling,
    DefinePipeline,
    DisqualifyLead,
    ForgetCustomer,
    HandleLead,
    LoseDeal,
    MergeCustomers,
    MoveToStage,
    QualifyLead,
    RecordCustomer,
    RecordMessageFailed,
    RecordMessageSent,
    UndoBatch,
    UndoMove,
    WinDeal,
)
from commands.desk import Desk
from commands.handle import handle
from commands.messages import address_of
from domain.customer import Profile
from domain.deal import DealOpened
from domain.ids import id_of
from domain.lead import Lead, LeadOwnerAssigned
from domain.message import MessageFailed, MessageQueued, MessageSent
from domain.pipeline import DEFAULT, Stage
from streams.log import Log
from streams.records import Recorded
from tests.commands.asking import NOW, context

DEFINED = DefineLeadHandling(
    owners=("olga", "pavel", "quinn"), pipeline="sales", subject="Thank you", text="We call you."
)


def capture(log: Log, email: str | None = "ann@example.org", form: str = "contact", **more: Any) -> str:
    """Capture a lead and return its id."""
    profile = Profile(email=email, name="Ann Smith") if email else None
    return handle(log, CaptureLead(form=form, profile=profile), context(**more)).id


def handled(log: Log, lead_id: str) -> list[Recorded]:
    """Have an enquiry handled and return what was recorded for it."""
    before = log.head()
    handle(log, HandleLead(lead_id=lead_id), context(f"handle-{before}", source="app"))
    return log.read(before, 100)


def owner_of(recorded: list[Recorded]) -> str | None:
    return next(one.event.owner for one in recorded if isinstance(one.event, LeadOwnerAssigned))


def test_one_enquiry_yields_an_owner_a_deal_in_the_first_stage_and_a_queued_reply_each_its_own_event(
    log: Log,
) -> None:
    handle(log, DEFINED, context())
    lead_id = capture(log)
    recorded = handled(log, lead_id)
    assert len({one.command_id for one in recorded}) == 1
    owned, opened, queued = (one.event for one in recorded)
    customer = recorded[0].customer_id
    assert customer is not None
    assert isinstance(owned, LeadOwnerAssigned)
    assert owned.owner == "olga"
    assert isinstance(opened, DealOpened)
    assert (opened.pipeline, opened.stage, opened.owner) == ("sales", "New", "olga")
    assert (opened.lead_id, opened.customer_id, opened.title) == (lead_id, customer, "Contact")
    assert isinstance(queued, MessageQueued)
    assert (queued.channel, queued.customer_id, queued.lead_id) == ("email", customer, lead_id)
    assert (queued.subject, queued.text) == ("Thank you", "We call you.")
    assert "ann@" not in str(recorded[2])


def test_where_nothing_is_defined_nothing_happens(log: Log) -> None:
    assert handled(log, capture(log)) == []


def test_only_what_is_defined_is_done_and_only_for_the_forms_it_is_for(log: Log) -> None:
    handle(log, DefineLeadHandling(owners=("olga",), forms=("contact",)), context())
    [owned] = handled(log, capture(log))
    assert isinstance(owned.event, LeadOwnerAssigned)
    assert handled(log, capture(log, form="newsletter")) == []


def test_owners_take_turns_also_when_their_circle_changes(log: Log) -> None:
    handle(log, DEFINED, context())
    turns = [owner_of(handled(log, capture(log, f"{n}@example.org"))) for n in range(5)]
    assert turns == ["olga", "pavel", "quinn", "olga", "pavel"]
    handle(log, replace(DEFINED, owners=("pavel", "rita")), context())
    assert owner_of(handled(log, capture(log, "a@example.org"))) == "rita", "pavel had the last one"
    handle(log, replace(DEFINED, owners=("olga", "pavel")), context())
    assert owner_of(handled(log, capture(log, "b@example.org"))) == "olga", "rita is gone: it begins anew"


def test_owners_take_turns_exactly_when_twelve_enquiries_are_handled_at_once(log: Log) -> None:
    handle(log, DEFINED, context())
    leads = [capture(log, f"{n}@example.org") for n in range(12)]
    before = log.head()
    with ThreadPoolExecutor(6) as threads:
        list(
            threads.map(lambda one: handle(log, HandleLead(lead_id=one), context(f"handle-{one}")), leads * 2)
        )
    recorded = log.read(before, 1000)
    owners = [one.event.owner for one in recorded if isinstance(one.event, LeadOwnerAssigned)]
    assert owners == ["olga", "pavel", "quinn"] * 4
    assert len(recorded) == 36


def test_a_lead_that_someone_owns_keeps_its_owner_and_takes_nobodys_turn(log: Log) -> None:
    handle(log, DEFINED, context())
    owned = capture(log, "a@example.org")
    handle(log, AssignLeadOwner(lead_id=owned, owner="rita"), context())
    opened, queued = handled(log, owned)
    assert isinstance(opened.event, DealOpened)
    assert opened.event.owner == "rita"
    assert isinstance(queued.event, MessageQueued)
    assert owner_of(handled(log, capture(log, "b@example.org"))) == "olga"


def test_a_qualified_lead_is_handled_and_one_that_is_disqualified_forgotten_or_withdrawn_is_not(
    log: Log,
) -> None:
    handle(log, DEFINED, context())
    qualified = capture(log, "a@example.org")
    handle(log, QualifyLead(lead_id=qualified), context())
    assert len(handled(log, qualified)) == 3
    disqualified = capture(log, "b@example.org")
    handle(log, DisqualifyLead(lead_id=disqualified, reason="spam"), context())
    assert handled(log, disqualified) == []
    forgotten = capture(log, "c@example.org")
    [captured, *_] = log.stream("main", f"lead-{forgotten}")
    assert captured.customer_id is not None
    handle(log, ForgetCustomer(customer_id=captured.customer_id, reason="asked"), context())
    assert handled(log, forgotten) == []
    withdrawn = capture(log, "d@example.org", batch="b-1")
    handle(log, UndoBatch(batch="b-1", reason="wrong file"), context())
    assert handled(log, withdrawn) == []


def test_who_left_no_address_gets_an_owner_and_a_deal_but_no_reply(log: Log) -> None:
    handle(log, DEFINED, context())
    owned, opened = handled(log, capture(log, None))
    assert isinstance(owned.event, LeadOwnerAssigned)
    assert isinstance(opened.event, DealOpened)
    profile = Profile(phone="+4930123456", company="Tea House")
    called = handle(log, CaptureLead(form="contact", profile=profile), context()).id
    owned, opened = handled(log, called)
    assert isinstance(opened.event, DealOpened)
    assert (opened.event.title, opened.event.company) == ("Tea House", "Tea House")


def test_a_deal_is_opened_in_the_first_open_stage_whatever_that_asks_for(log: Log) -> None:
    stages = (Stage(name="Lost", outcome="lost"), Stage(name="Offer", requires=("amount",)))
    handle(log, DefinePipeline(name="b2b", stages=stages), context())
    handle(log, DefineLeadHandling(pipeline="b2b"), context())
    [opened] = handled(log, capture(log))
    assert isinstance(opened.event, DealOpened)
    assert opened.event.stage == "Offer"
    handle(log, DefinePipeline(name="b2b", stages=stages[:1]), context())
    assert handled(log, capture(log, "b@example.org")) == [], "no open stage is left"


def test_a_second_submission_of_an_open_lead_is_the_same_lead(log: Log) -> None:
    handle(log, DEFINED, context())
    first = capture(log)
    assert len(handled(log, first)) == 3
    assert capture(log) == first
    assert handled(log, first) == []


def test_an_older_enquiry_that_is_told_later_changes_nothing_of_what_was_done(log: Log) -> None:
    handle(log, DEFINED, context())
    told = CaptureLead(source_id="1", form="contact", profile=Profile(email="ann@example.org"))
    first = handle(log, replace(told, occurred_at=NOW), context()).id
    assert len(handled(log, first)) == 3
    handle(log, AssignLeadOwner(lead_id=first, owner=None), context())
    assert handle(log, replace(told, occurred_at=NOW - timedelta(hours=1)), context()).id == first
    assert [type(one.event) for one in handled(log, first)] == [LeadOwnerAssigned], "nobody owned it"


def test_a_message_goes_where_its_customer_is_reached_now(log: Log) -> None:
    profile = Profile(source_id="1", email="ann@example.org")
    ann = handle(log, RecordCustomer(profile=profile), context())
    anna = handle(log, RecordCustomer(profile=Profile(email="anna@example.org")), context())
    desk = Desk(log, "main")
    assert (address_of(desk, ann.id), address_of(desk, "nobody")) == ("ann@example.org", None)
    handle(log, MergeCustomers(loser=ann.id, survivor=anna.id, reason="the same person"), context())
    assert address_of(Desk(log, "main"), ann.id) == "anna@example.org"


def test_what_became_of_a_message_is_recorded_once(log: Log) -> None:
    handle(log, DEFINED, context())
    stream = handled(log, capture(log))[2].stream
    message_id = stream.removeprefix("message-")
    handle(log, RecordMessageFailed(message_id=message_id, reason="mailbox refused"), context())
    for _ in range(2):
        handle(log, RecordMessageSent(message_id=message_id), context())
    events = [type(one.event) for one in log.stream("main", stream)]
    assert events == [MessageQueued, MessageFailed, MessageSent]


def deal_of(log: Log, lead_id: str) -> str:
    [opened] = [one for one in handled(log, lead_id) if isinstance(one.event, DealOpened)]
    return id_of(opened.stream)


def status_of(log: Log, lead_id: str) -> str:
    state: Lead = Desk(log, "main").state(f"lead-{lead_id}")
    return state.status


@pytest.mark.parametrize(
    "close",
    [
        lambda deal: WinDeal(deal_id=deal),
        lambda deal: LoseDeal(deal_id=deal, reason="price"),
        lambda deal: MoveToStage(deal_id=deal, stage="Lost", lost_reason="price"),
        lambda deal: MoveToStage(deal_id=deal, stage="Won"),
    ],
    ids=["won", "lost", "moved to lost", "moved to won"],
)
def test_whose_deal_is_closed_enquires_anew(log: Log, close: Callable[[str], Command]) -> None:
    handle(log, DefinePipeline(name="sales", stages=DEFAULT.stages), context())
    handle(log, DEFINED, context())
    lead_id = capture(log)
    deal_id = deal_of(log, lead_id)
    amount = ChangeAmount(deal_id=deal_id, amount=Decimal(9), currency="EUR")
    handle(log, amount, context())
    assert capture(log) == lead_id, "one more submission of what is under way"
    handle(log, close(deal_id), context("closed"))
    assert status_of(log, lead_id) == "converted"
    anew = capture(log)
    assert anew != lead_id
    assert deal_of(log, anew) != deal_id


def test_a_move_that_closed_a_deal_is_undone_with_the_conversion_of_its_lead(log: Log) -> None:
    handle(log, DEFINED, context())
    lead_id = capture(log)
    deal_id = deal_of(log, lead_id)
    lost = MoveToStage(deal_id=deal_id, stage="Lost", lost_reason="price")
    handle(log, lost, context("closed"))
    handle(log, UndoMove(deal_id=deal_id), context("undone"))
    assert status_of(log, lead_id) == "open"
    assert capture(log) == lead_id


def test_a_lead_that_was_followed_by_another_meanwhile_is_open_beside_it(log: Log) -> None:
    handle(log, DEFINED, context())
    lead_id = capture(log)
    deal_id = deal_of(log, lead_id)
    lost = MoveToStage(deal_id=deal_id, stage="Lost", lost_reason="price")
    handle(log, lost, context("closed"))
    anew = capture(log)
    handle(log, UndoMove(deal_id=deal_id), context("undone"))
    assert (status_of(log, lead_id), capture(log)) == ("open", anew)


def test_a_deal_of_no_lead_or_of_one_that_was_judged_closes_alone(log: Log) -> None:
    handle(log, DEFINED, context())
    lead_id = capture(log)
    deal_id = deal_of(log, lead_id)
    handle(log, DisqualifyLead(lead_id=lead_id, reason="spam"), context())
    handle(log, LoseDeal(deal_id=deal_id, reason="spam"), context("closed"))
    assert status_of(log, lead_id) == "disqualified"
    handle(log, UndoMove(deal_id=deal_id), context("undone"))
    assert status_of(log, lead_id) == "disqualified"
