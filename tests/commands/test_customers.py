from datetime import timedelta

import pytest

from commands.command import (
    Answer,
    CaptureLead,
    DefineOwnership,
    ForgetCustomer,
    MergeCustomers,
    RecordCustomer,
    SettleConflict,
    UnmergeCustomer,
)
from commands.handle import handle
from domain.customer import (
    CustomerAbsorbed,
    CustomerMerged,
    CustomerUnmerged,
    Emptying,
    NameChanged,
    Profile,
)
from domain.errors import Refusal
from domain.lead import LeadCaptured
from streams.log import Log
from tests.commands.asking import NOW, an_order, context


def register(log: Log, **profile: str) -> str:
    return handle(log, RecordCustomer(profile=Profile(**profile)), context()).id


def test_a_customer_is_found_by_any_identity_it_ever_had(log: Log) -> None:
    ann = register(log, source_id="42", email="ann@example.org", phone="+49 30 123456")
    assert register(log, email=" ANN@example.org ") == ann
    assert register(log, phone="+4930123456") == ann
    assert register(log, source_id="42") == ann


def test_an_empty_identity_never_matches_an_empty_one(log: Log) -> None:
    first = register(log, source_id="1", email="", name="Ann")
    assert register(log, source_id="2", email="", name="Ann") != first


def test_an_identity_that_another_customer_has_is_an_anomaly_not_a_theft(log: Log) -> None:
    ann = register(log, source_id="1", email="ann@example.org")
    answer = handle(
        log,
        RecordCustomer(profile=Profile(source_id="2", phone="+49301", email="bob@example.org")),
        context(),
    )
    report = RecordCustomer(customer_id=answer.id, profile=Profile(email="ann@example.org"))
    assert handle(log, report, context()).anomalies == ("identity-taken",)
    assert log.holder("main", "email", "ann@example.org") == f"customer-{ann}"


def empty(log: Log, customer_id: str, field: str, minutes: float = 1, source: str = "app") -> Answer:
    return report(log, customer_id, Emptying(emptied=(field,)), minutes, source=source)


def report(log: Log, customer_id: str, profile: Profile, minutes: float, *, source: str = "app") -> Answer:
    at = NOW + timedelta(minutes=minutes)
    command = RecordCustomer(customer_id=customer_id, profile=profile, occurred_at=at)
    return handle(log, command, context(source=source))


def test_an_emptied_phone_number_finds_nobody_and_who_enquires_with_it_is_someone_new(log: Log) -> None:
    ann = register(log, source_id="42", phone="+49 30 123456", email="ann@example.org")
    empty(log, ann, "phone")
    assert log.holder("main", "phone", "+4930123456") is None
    assert register(log, email="ann@example.org") == register(log, source_id="42") == ann
    handle(log, CaptureLead(form="contact", profile=Profile(phone="+4930123456")), context())
    holder = log.holder("main", "phone", "+4930123456")
    assert holder is not None
    assert holder != f"customer-{ann}"


def test_an_emptied_number_that_is_restored_finds_its_customer_again(log: Log) -> None:
    ann = register(log, source_id="42", phone="+49 30 123456")
    empty(log, ann, "phone")
    report(log, ann, Profile(phone="+49 30 123456"), 2)
    assert log.holder("main", "phone", "+4930123456") == f"customer-{ann}"
    empty(log, ann, "phone", 3)
    report(log, ann, Profile(phone="+49 30 123456"), 4)
    assert register(log, phone="+4930123456") == ann


def test_a_restored_number_that_another_customer_has_by_now_is_an_anomaly_not_a_theft(log: Log) -> None:
    ann = register(log, source_id="42", phone="+49 30 123456")
    empty(log, ann, "phone")
    bob = register(log, source_id="43", phone="+49 30 123456")
    for source in ("app", "shop"):
        answer = report(log, ann, Profile(phone="+49 30 123456"), 2, source=source)
        assert answer.anomalies == ("identity-taken",)
    assert log.holder("main", "phone", "+4930123456") == f"customer-{bob}"


def test_a_number_told_before_it_was_emptied_but_heard_later_finds_nobody(log: Log) -> None:
    ann = register(log, source_id="42")
    empty(log, ann, "phone", 5)
    report(log, ann, Profile(phone="+49 30 123456"), 3)
    assert log.holder("main", "phone", "+4930123456") is None
    report(log, ann, Profile(phone="+49 30 123456"), 7)
    assert log.holder("main", "phone", "+4930123456") == f"customer-{ann}"


def test_an_emptied_number_that_the_owner_accepts_again_finds_its_customer(log: Log) -> None:
    ann = register(log, source_id="42", name="Ann")
    own_phones(log, "app")
    report(log, ann, Profile(phone="+49 30 123456"), 1, source="shop")
    empty(log, ann, "phone", 2)
    report(log, ann, Profile(phone="+49 30 123456"), 3, source="shop")
    assert log.holder("main", "phone", "+4930123456") is None
    settle = SettleConflict(customer_id=ann, field="phone", accept="offered")
    handle(log, settle, context(source="app"))
    assert log.holder("main", "phone", "+4930123456") == f"customer-{ann}"


def test_who_does_not_own_a_number_takes_it_from_nobody(log: Log) -> None:
    ann = register(log, source_id="42", phone="+49 30 123456")
    own_phones(log, "shop")
    empty(log, ann, "phone")
    assert register(log, phone="+49 30 123456") == ann


def own_phones(log: Log, source: str) -> None:
    handle(log, DefineOwnership(owners={"phone": source}), context())


def test_emptying_a_merged_customer_leaves_the_other_and_both_stay_when_parted(log: Log) -> None:
    ann = register(log, email="ann@example.org", phone="+49 30 1")
    anna = register(log, email="anna@example.org", phone="+49 30 123456")
    handle(log, MergeCustomers(loser=anna, survivor=ann, reason="same person"), context())
    empty(log, ann, "email")
    handle(log, UnmergeCustomer(customer_id=anna, reason="mistake"), context())
    assert log.holder("main", "email", "ann@example.org") is None
    assert register(log, email="anna@example.org") == anna


def test_of_the_forgotten_nothing_is_emptied_and_nothing_sealed(log: Log) -> None:
    ann = register(log, source_id="42", phone="+49 30 123456", name="Ann")
    handle(log, ForgetCustomer(customer_id=ann, reason="asked"), context())
    empty(log, ann, "phone")
    assert empty(log, ann, "phone").events == 0
    assert handle(log, ForgetCustomer(customer_id=ann, reason="asked"), context()).events == 0


def test_an_order_with_a_malformed_email_is_recorded_and_says_so(log: Log) -> None:
    answer = handle(log, an_order(profile=Profile(source_id="7", email="not an address")), context())
    assert answer.anomalies == ("email-malformed",)


def test_a_merge_links_both_streams_and_can_be_undone(log: Log) -> None:
    ann, anna = register(log, email="ann@example.org"), register(log, email="anna@example.org")
    handle(log, MergeCustomers(loser=anna, survivor=ann, reason="same person"), context())
    assert isinstance(log.stream("main", f"customer-{anna}")[-1].event, CustomerMerged)
    assert isinstance(log.stream("main", f"customer-{ann}")[-1].event, CustomerAbsorbed)
    handle(log, UnmergeCustomer(customer_id=anna, reason="mistake"), context())
    assert isinstance(log.stream("main", f"customer-{anna}")[-1].event, CustomerUnmerged)


def test_two_merges_at_once_never_make_a_circle(log: Log) -> None:
    ann, anna = register(log, email="ann@example.org"), register(log, email="anna@example.org")
    handle(log, MergeCustomers(loser=anna, survivor=ann, reason="same person"), context())
    with pytest.raises(Refusal):
        handle(log, MergeCustomers(loser=ann, survivor=anna, reason="same person"), context())


def test_forgetting_destroys_every_key_of_the_person_and_frees_the_identities(log: Log) -> None:
    lead = CaptureLead(
        form="contact", profile=Profile(email="ann@example.org", name="Ann"), fields={"say": "Hi, Ann here"}
    )
    captured = handle(log, lead, context())
    [customer] = {r.customer_id for r in log.read(0, 100)}
    assert customer is not None
    handle(log, ForgetCustomer(customer_id=customer, reason="asked"), context())
    names = [r.event.name for r in log.read(0, 100) if isinstance(r.event, NameChanged)]
    fields = [
        r.event.fields for r in log.stream("main", f"lead-{captured.id}") if isinstance(r.event, LeadCaptured)
    ]
    assert (names, fields) == ([None], [None])
    assert log.holder("main", "email", "ann@example.org") is None


def test_a_person_who_comes_back_after_being_forgotten_is_someone_new(log: Log) -> None:
    ann = register(log, email="ann@example.org", name="Ann")
    handle(log, ForgetCustomer(customer_id=ann, reason="asked"), context())
    assert register(log, email="ann@example.org", name="Ann") != ann
