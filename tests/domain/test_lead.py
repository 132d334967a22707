from dataclasses import replace
from typing import Any

from domain import lead
from domain.lead import (
    LeadClosed,
    LeadConverted,
    LeadDisqualified,
    LeadLinkedToCustomer,
    LeadNotFound,
    LeadOwnerAssigned,
    LeadQualified,
)
from domain.record import PersonalDataErased
from tests.domain.story import fold, given
from tests.examples import ANN, ANNA, CAPTURED, DEAL, SUBMITTED, at

ENQUIRY: dict[str, Any] = {
    "source": "website",
    "form": "contact",
    "customer_id": ANN,
    "touch": CAPTURED.touch,
    "fields": CAPTURED.fields,
}
QUALIFIED = LeadQualified(occurred_at=at(10), by="olga")
DISQUALIFIED = LeadDisqualified(occurred_at=at(20), reason="no budget")
CONVERTED = LeadConverted(occurred_at=at(30), customer_id=ANN, deal_id=DEAL)


def test_a_first_enquiry_captures_a_lead_and_its_form() -> None:
    given().when(lead.capture, **ENQUIRY, at=at()).then(CAPTURED, SUBMITTED)


def test_the_same_form_sent_twice_is_one_submission() -> None:
    given(CAPTURED, SUBMITTED).when(lead.capture, **ENQUIRY, at=at()).then_nothing()


def test_a_later_form_joins_the_same_lead() -> None:
    later = replace(SUBMITTED, occurred_at=at(5))
    given(CAPTURED, SUBMITTED).when(lead.capture, **ENQUIRY, at=at(5)).then(later)


def test_what_a_late_report_says_came_first_is_when_the_lead_was_captured() -> None:
    late = (replace(CAPTURED, occurred_at=at(5)), replace(SUBMITTED, occurred_at=at(5)))
    given(*late).when(lead.capture, **ENQUIRY, at=at()).then(CAPTURED, SUBMITTED)
    assert fold(lead, [*late, CAPTURED, SUBMITTED]).captured_at == at()
    given(*late, CAPTURED, SUBMITTED).when(lead.capture, **ENQUIRY, at=at()).then_nothing()


def test_two_forms_of_one_moment_with_other_answers_are_two_submissions() -> None:
    other = ENQUIRY | {"fields": {"message": "And plates?"}}
    given(CAPTURED, SUBMITTED).when(lead.capture, **other, at=at()).then(
        replace(SUBMITTED, fields={"message": "And plates?"})
    )


def test_a_form_of_a_known_customer_says_whose_lead_it_is() -> None:
    nameless = [replace(CAPTURED, customer_id=None), replace(SUBMITTED, customer_id=None)]
    assert fold(lead, [*nameless, replace(SUBMITTED, occurred_at=at(5))]).customer.value == ANN
    late = replace(SUBMITTED, occurred_at=at(5), customer_id=None)
    assert fold(lead, [CAPTURED, SUBMITTED, late]).customer.value == ANN


def test_erasing_leaves_the_memory_of_forms_without_their_answers() -> None:
    erased = PersonalDataErased(occurred_at=at(9), reason="asked")
    nameless = [replace(CAPTURED, fields=None), replace(SUBMITTED, fields=None), erased]
    assert fold(lead, [CAPTURED, SUBMITTED, erased]) == fold(lead, nameless)
    assert "mugs" not in repr(fold(lead, [CAPTURED, SUBMITTED, erased]))


def test_a_lead_is_given_to_a_colleague() -> None:
    assigned = LeadOwnerAssigned(occurred_at=at(5), owner="olga", source="app")
    given(CAPTURED).when(lead.assign_owner, owner="olga", source="app", at=at(5)).then(assigned)
    given(CAPTURED, assigned).when(lead.assign_owner, owner="olga", source="app", at=at(6)).then_nothing()


def test_a_request_takes_effect_though_a_fact_has_a_later_clock() -> None:
    future = LeadOwnerAssigned(occurred_at=at(500), owner="olga", source="crm")
    [event] = lead.assign_owner(fold(lead, [CAPTURED, future]), owner="pavel", source="app", at=at(5))
    assert fold(lead, [CAPTURED, event, future]).owner.value == "pavel"


def test_a_lead_is_qualified_once() -> None:
    given(CAPTURED).when(lead.qualify, by="olga", at=at(10)).then(QUALIFIED)
    given(CAPTURED, QUALIFIED).when(lead.qualify, by="pavel", at=at(11)).then_nothing()


def test_a_lead_is_disqualified_once_and_may_be_qualified_after_all() -> None:
    given(CAPTURED, QUALIFIED).when(lead.disqualify, reason="no budget", at=at(20)).then(DISQUALIFIED)
    given(CAPTURED, DISQUALIFIED).when(lead.disqualify, reason="again", at=at(21)).then_nothing()
    again = replace(QUALIFIED, occurred_at=at(25))
    given(CAPTURED, DISQUALIFIED).when(lead.qualify, by="olga", at=at(25)).then(again)


def test_a_lead_is_converted_once() -> None:
    given(CAPTURED).when(lead.convert, customer_id=ANN, deal_id=DEAL, at=at(30)).then(CONVERTED)
    given(CAPTURED, CONVERTED).when(lead.convert, customer_id=ANN, deal_id=DEAL, at=at(31)).then_nothing()
    given(CAPTURED, CONVERTED).when(lead.convert, customer_id=ANNA, at=at(31)).then_refuses(LeadClosed)


def test_a_converted_lead_is_not_judged_any_more() -> None:
    given(CAPTURED, CONVERTED).when(lead.qualify, at=at(31)).then_refuses(LeadClosed)
    given(CAPTURED, CONVERTED).when(lead.disqualify, at=at(31)).then_refuses(LeadClosed)


def test_an_unknown_lead_is_not_found() -> None:
    given().when(lead.qualify, at=at()).then_refuses(LeadNotFound)
    given().when(lead.disqualify, at=at()).then_refuses(LeadNotFound)
    given().when(lead.convert, at=at()).then_refuses(LeadNotFound)
    given().when(lead.assign_owner, owner="olga", source="app", at=at()).then_refuses(LeadNotFound)
    given().when(lead.link_to_customer, customer_id=ANN, at=at()).then_refuses(LeadNotFound)


def test_what_a_source_says_became_of_a_lead_is_recorded_before_its_capture() -> None:
    given().when(lead.qualify, by="olga", at=at(10), fact=True).then(QUALIFIED)
    given().when(lead.disqualify, reason="no budget", at=at(20), fact=True).then(DISQUALIFIED)
    given().when(lead.convert, customer_id=ANN, deal_id=DEAL, at=at(30), fact=True).then(CONVERTED)
    given(CONVERTED).when(lead.disqualify, reason="no budget", at=at(20), fact=True).then(DISQUALIFIED)
    assigned = LeadOwnerAssigned(occurred_at=at(5), owner="olga", source="crm")
    given().when(lead.assign_owner, owner="olga", source="crm", at=at(5), fact=True).then(assigned)
    given(assigned).when(lead.assign_owner, owner="olga", source="crm", at=at(5), fact=True).then_nothing()


def test_a_lead_stands_as_it_was_judged_last_and_once_converted_stays_so() -> None:
    assert fold(lead, [CAPTURED]).status == "open"
    assert fold(lead, [DISQUALIFIED, CAPTURED, QUALIFIED]).status == "disqualified"
    early = replace(CONVERTED, occurred_at=at(-60))
    assert fold(lead, [DISQUALIFIED, early, CAPTURED, QUALIFIED]).status == "converted"


def test_a_lead_is_linked_to_a_customer() -> None:
    linked = LeadLinkedToCustomer(occurred_at=at(5), customer_id=ANNA)
    given(CAPTURED).when(lead.link_to_customer, customer_id=ANNA, at=at(5)).then(linked)
    given(CAPTURED).when(lead.link_to_customer, customer_id=ANN, at=at(5)).then_nothing()


def test_a_judgement_takes_effect_though_a_fact_has_a_later_clock() -> None:
    disqualified = fold(lead, [CAPTURED, replace(DISQUALIFIED, occurred_at=at(500))])
    [event] = lead.qualify(disqualified, by="olga", at=at(5))
    assert fold(lead, [event], disqualified).status == "qualified"
    qualified = fold(lead, [CAPTURED, replace(QUALIFIED, occurred_at=at(500))])
    [event] = lead.disqualify(qualified, reason="no budget", at=at(5))
    assert fold(lead, [event], qualified).status == "disqualified"


def test_a_conversion_and_a_link_take_effect_though_a_fact_has_a_later_clock() -> None:
    state = fold(lead, [CAPTURED, LeadLinkedToCustomer(occurred_at=at(500), customer_id=ANNA)])
    [converted] = lead.convert(state, customer_id=ANN, at=at(5))
    assert fold(lead, [converted], state).customer.value == ANN
    [linked] = lead.link_to_customer(state, customer_id=ANN, at=at(5))
    assert fold(lead, [linked], state).customer.value == ANN
