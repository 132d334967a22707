import pytest

from commands.command import CaptureLead, ForgetCustomer, MergeCustomers, RecordCustomer, UnmergeCustomer
from commands.handle import handle
from domain.customer import CustomerAbsorbed, CustomerMerged, CustomerUnmerged, NameChanged, Profile
from domain.errors import Refusal
from domain.lead import LeadCaptured
from streams.log import Log
from tests.commands.asking import an_order, context


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
