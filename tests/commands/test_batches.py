from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from commands.command import Answer, DefinePipeline, OpenDeal, RecordCustomer, UndoBatch
from commands.handle import handle, handle_many
from domain.customer import Emptying, Profile
from domain.pipeline import Stage
from domain.record import EventsWithdrawn
from domain.tenant import BatchNotFound
from streams.log import Log
from tests.commands.asking import NOW, a_payment, an_order, context

ANN = Profile(source_id="42", email="ann@example.org", name="Ann")


def import_batch(log: Log, batch: str) -> list[Answer]:
    asked = [
        (an_order("1", profile=ANN), context("o1", batch=batch)),
        (a_payment("1"), context("p1", batch=batch)),
    ]
    return [outcome for outcome in handle_many(log, asked) if isinstance(outcome, Answer)]


def test_an_undone_batch_is_withdrawn_from_every_stream_and_its_claims_are_free(log: Log) -> None:
    order, _ = import_batch(log, "b1")
    handle(log, UndoBatch(batch="b1", reason="wrong file"), context())
    last = log.stream("main", f"order-{order.id}")[-1].event
    assert isinstance(last, EventsWithdrawn)
    assert last.versions == (1, 2)
    assert log.holder("main", "email", "ann@example.org") is None


def test_what_an_undone_batch_had_emptied_finds_its_customer_again_unless_it_finds_another(log: Log) -> None:
    ann = handle(log, RecordCustomer(profile=ANN), context()).id
    later = NOW + timedelta(minutes=1)
    nothing = RecordCustomer(profile=Emptying(source_id="42", emptied=("email",)), occurred_at=later)
    handle(log, nothing, context("c1", batch="b1"))
    assert log.holder("main", "email", "ann@example.org") is None
    handle(log, UndoBatch(batch="b1", reason="wrong file"), context())
    assert log.holder("main", "email", "ann@example.org") == f"customer-{ann}"
    handle(log, nothing, context("c2", batch="b2"))
    bob = handle(log, RecordCustomer(profile=Profile(email="ann@example.org")), context()).id
    handle(log, UndoBatch(batch="b2", reason="wrong file"), context())
    assert log.holder("main", "email", "ann@example.org") == f"customer-{bob}"


def test_what_another_told_too_still_finds_its_customer_when_a_batch_is_undone(log: Log) -> None:
    ann = handle(log, RecordCustomer(profile=ANN), context()).id
    handle(log, RecordCustomer(profile=ANN), context("c1", source="crm", batch="b1"))
    handle(log, UndoBatch(batch="b1", reason="wrong file"), context())
    assert log.holder("main", "email", "ann@example.org") == f"customer-{ann}"
    assert log.holder("main", "external:crm", "42") is None


def test_an_undone_batch_can_be_imported_again(log: Log) -> None:
    import_batch(log, "b1")
    handle(log, UndoBatch(batch="b1", reason="wrong file"), context())
    before = log.head()
    again = import_batch(log, "b2")
    assert [answer.repeated for answer in again] == [False, False]
    assert log.head() > before


def test_undoing_a_batch_twice_withdraws_nothing_more(log: Log) -> None:
    import_batch(log, "b1")
    handle(log, UndoBatch(batch="b1", reason="wrong file"), context())
    head = log.head()
    assert handle(log, UndoBatch(batch="b1", reason="wrong file"), context()).events == 0
    assert log.head() == head


def test_what_others_recorded_on_the_same_stream_stays(log: Log) -> None:
    order, _ = import_batch(log, "b1")
    handle(log, a_payment("1", payment="p2"), context())
    handle(log, UndoBatch(batch="b1", reason="wrong file"), context())
    last = log.stream("main", f"order-{order.id}")[-1].event
    assert isinstance(last, EventsWithdrawn)
    assert last.versions == (1, 2)


def test_a_batch_of_another_tenant_is_left_alone(log: Log) -> None:
    import_batch(log, "b1")
    with pytest.raises(BatchNotFound):
        handle(log, UndoBatch(batch="b1", reason="wrong"), context(tenant="other"))


def test_a_batch_that_recorded_nothing_cannot_be_undone_and_that_is_said(log: Log) -> None:
    with pytest.raises(BatchNotFound, match="b7"):
        handle(log, UndoBatch(batch="b7", reason="wrong"), context())


def test_a_pipeline_that_a_batch_defined_is_withdrawn_with_it(log: Log) -> None:
    handle(log, DefinePipeline(name="sales", stages=(Stage(name="New"),)), context(batch="b1"))
    handle(log, UndoBatch(batch="b1", reason="wrong file"), context())
    last = log.stream("main", "pipeline-sales")[-1].event
    assert isinstance(last, EventsWithdrawn)
    handle(log, OpenDeal(pipeline="sales", stage="Anything", title="Lamps"), context())


def test_a_batch_undone_ten_times_at_once_is_withdrawn_once(log: Log) -> None:
    import_batch(log, "b1")
    head = log.head()
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(lambda _: handle(log, UndoBatch(batch="b1", reason="wrong"), context()), range(10))
        )
    assert sum(answer.events for answer in answers) == log.head() - head
    assert sum(isinstance(r.event, EventsWithdrawn) for r in log.read(0, 100)) == 2


def test_the_events_of_a_batch_are_found_by_index(log: Log, database: str) -> None:
    import_batch(log, "b1")
    with psycopg.connect(database) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute(
            "EXPLAIN SELECT stream FROM log.events WHERE tenant = 'main' AND correlation_id = 'import:b1'"
        ).fetchall()
    assert "events_of_correlation" in str(plan)


def test_undoing_the_batch_that_told_a_fact_first_takes_it_away_though_another_told_it_too(log: Log) -> None:
    """The limit that commands/README.md states: the second telling recorded nothing, so nothing of it is left."""
    import_batch(log, "b1")
    again = import_batch(log, "b2")
    assert [answer.repeated for answer in again] == [True, True]
    handle(log, UndoBatch(batch="b1", reason="wrong file"), context())
    assert log.holder("main", "email", "ann@example.org") is None
    assert [answer.repeated for answer in import_batch(log, "b3")] == [False, False]
