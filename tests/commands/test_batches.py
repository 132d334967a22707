from commands.command import Answer, UndoBatch
from commands.handle import handle, handle_many
from domain.customer import Profile
from domain.record import EventsWithdrawn
from streams.log import Log
from tests.commands.asking import a_payment, an_order, context

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
    assert handle(log, UndoBatch(batch="b1", reason="wrong"), context(tenant="other")).events == 0
