"""Forgetting while others go on: a person is forgotten whole, and who comes meanwhile is part of it or someone new."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg

from commands.command import (
    Answer,
    CaptureLead,
    ForgetCustomer,
    MergeCustomers,
    RecordCustomer,
    UndoBatch,
    UnmergeCustomer,
)
from commands.handle import handle
from domain.customer import CustomerUnmerged, Profile
from domain.event import stored_as
from domain.lead import FormSubmitted, LeadCaptured
from domain.record import PersonalDataErased
from projections.projector import Projector
from projections.schema import prepare
from streams.log import Log
from streams.records import Recorded
from tests.commands.asking import NOW, context
from tests.conftest import MASTER_KEY

ANN = Profile(email="ann@example.org", name="Ann")
ROUNDS = 6


def enquiry(number: int) -> CaptureLead:
    at = NOW + timedelta(microseconds=number)
    return CaptureLead(form="contact", profile=ANN, fields={"say": f"Hi {number}"}, occurred_at=at)


def readable(recorded: Recorded) -> bool:
    return any(getattr(recorded.event, name) is not None for name in stored_as(type(recorded.event)).sealed)


def test_who_enquires_while_being_forgotten_is_forgotten_with_it_or_someone_new(database: str) -> None:
    prepare(database)
    with Log(database, MASTER_KEY) as one, Log(database, MASTER_KEY) as other, ThreadPoolExecutor(8) as pool:
        for turn in range(ROUNDS):
            customer = handle(one, RecordCustomer(profile=ANN), context()).id
            handle(other, enquiry(turn * 10), context())
            enquiries = [
                pool.submit(handle, (one, other)[n % 2], enquiry(turn * 10 + n), context())
                for n in range(1, 5)
            ]
            forget = ForgetCustomer(customer_id=customer, reason="asked")
            twice = [pool.submit(handle, log, forget, context()) for log in (other, one)]
            answers: list[Answer] = [asked.result() for asked in [*enquiries, *twice]]
            assert sum(answer.events > 0 for answer in answers[-2:]) == 1
            forgotten_at = max(answer.position for answer in answers[-2:] if answer.events)
            for log in (one, other):
                events = log.read(0, 10_000)
                assert not [r for r in events if r.position <= forgotten_at and readable(r)]
                told = [r for r in events if isinstance(r.event, FormSubmitted | LeadCaptured)]
                assert all(readable(r) for r in told if r.position > forgotten_at)
                assert not any(r.customer_id == customer for r in told if r.position > forgotten_at)
        Projector(one, database).catch_up()
        events = one.read(0, 10_000)
    kept = {r.stream.removeprefix("lead-") for r in events if r.stream.startswith("lead-") and readable(r)}
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT lead_id FROM read.leads WHERE fields::text <> '{}'").fetchall()
        named = connection.execute("SELECT customer_id FROM read.customers WHERE name IS NOT NULL").fetchall()
        sealed_late = connection.execute(
            "SELECT count(*) FROM log.events e JOIN log.keys k "
            "ON k.tenant = e.tenant AND k.subject = e.data ->> '$subject' "
            "WHERE e.data ->> '$sealed' IS NOT NULL AND e.recorded_at > k.destroyed_at"
        ).fetchone()
    assert {lead for (lead,) in rows} == kept
    assert {customer for (customer,) in named} <= {r.customer_id for r in events if readable(r)}
    assert sealed_late == (0,)


def test_forgetting_twice_records_nothing_the_second_time(log: Log) -> None:
    handle(log, enquiry(0), context())
    [customer] = {r.customer_id for r in log.read(0, 100) if r.customer_id}
    forget = ForgetCustomer(customer_id=customer, reason="asked")
    first = handle(log, forget, context())
    again = handle(log, forget, context())
    assert (first.events, again.events) == (2, 0)
    assert again.version == first.version
    assert sum(isinstance(r.event, PersonalDataErased) for r in log.read(0, 100)) == 2


def test_what_is_told_of_the_forgotten_by_our_id_is_forgotten_at_once_and_claims_nothing(log: Log) -> None:
    customer = handle(log, RecordCustomer(profile=ANN), context()).id
    handle(log, ForgetCustomer(customer_id=customer, reason="asked"), context())
    handle(log, RecordCustomer(customer_id=customer, profile=ANN), context())
    assert not any(readable(r) for r in log.read(0, 100))
    assert log.holder("main", "email", "ann@example.org") is None
    assert handle(log, RecordCustomer(profile=ANN), context()).id != customer


def test_a_merge_is_undone_whatever_became_of_either_side(log: Log) -> None:
    ann, anna, bob = (
        handle(log, RecordCustomer(profile=Profile(email=f"{name}@example.org")), context()).id
        for name in ("ann", "anna", "bob")
    )
    handle(log, MergeCustomers(loser=anna, survivor=ann, reason="one"), context())
    handle(log, MergeCustomers(loser=ann, survivor=bob, reason="one"), context())
    for customer in (anna, ann, bob):
        handle(log, ForgetCustomer(customer_id=customer, reason="asked"), context())
    handle(log, RecordCustomer(customer_id=anna, profile=Profile(company="Lamps")), context())
    handle(log, UnmergeCustomer(customer_id=anna, reason="two"), context())
    assert isinstance(log.stream("main", f"customer-{anna}")[-1].event, CustomerUnmerged)
    assert log.stream("main", f"customer-{ann}")[-1].event.unmerged == anna  # type: ignore[attr-defined]


def test_a_merge_is_undone_though_the_import_that_told_of_both_was_withdrawn(log: Log, database: str) -> None:
    prepare(database)
    ann, anna = (
        handle(log, RecordCustomer(profile=Profile(email=f"{name}@example.org")), context(batch="b")).id
        for name in ("ann", "anna")
    )
    handle(log, MergeCustomers(loser=anna, survivor=ann, reason="one"), context())
    handle(log, UndoBatch(batch="b", reason="wrong file"), context())
    handle(log, UnmergeCustomer(customer_id=anna, reason="two"), context())
    Projector(log, database).catch_up()
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM model.held").fetchone() == (0,)
