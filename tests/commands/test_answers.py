from dataclasses import replace

from commands.command import CaptureLead, MoveToStage, OpenDeal
from commands.handle import handle
from domain.customer import Profile
from streams.log import Log
from tests.commands.asking import a_payment, a_refund, an_order, context

ANN = Profile(email="ann@example.org", name="Ann")


def test_an_answer_tells_the_version_of_its_own_record_not_of_a_customer_registered_on_the_way(
    log: Log,
) -> None:
    answer = handle(log, CaptureLead(form="contact", profile=ANN), context())
    events = log.stream("main", f"lead-{answer.id}")
    assert answer.version == events[-1].version == 2
    assert answer.events > answer.version


def test_a_request_that_changes_nothing_answers_with_the_version_that_stands(log: Log) -> None:
    deal = handle(log, OpenDeal(pipeline="sales", stage="New", title="Lamps"), context())
    handle(log, MoveToStage(deal_id=deal.id, stage="Proposal"), context())
    again = handle(log, MoveToStage(deal_id=deal.id, stage="Proposal"), context())
    assert (again.events, again.version) == (0, 2)


def test_reports_on_an_order_may_name_it_by_our_id_even_from_another_source(log: Log) -> None:
    order = handle(log, an_order(), context())
    payment = replace(a_payment(), order_source_id=None, order_id=order.id)
    refund = replace(a_refund(), order_source_id=None, order_id=order.id)
    assert handle(log, payment, context(source="bank")).version == 2
    assert handle(log, refund, context(source="bank")).version == 3
