"""What a request was decided on is still so at the position it gets."""

import threading
from collections.abc import Iterator

import psycopg
import pytest

from domain.customer import NameChanged
from domain.record import PersonalDataErased
from streams.errors import LogRefusal, Overtaken, WrongExpectedVersion
from streams.log import Log
from streams.records import Append, Appended, Change
from tests.conftest import MASTER_KEY
from tests.streams.requests import NOW, append, asked, email, named

ANN = ("email", "ann@example.com")
ERASED = PersonalDataErased(occurred_at=NOW, reason="asked")


@pytest.fixture
def other(database: str) -> Iterator[Log]:
    """The same log as another process has it open."""
    with Log(database, MASTER_KEY) as opened:
        yield opened


def refused(log: Log, request: Append) -> LogRefusal:
    head = log.head()
    with pytest.raises(LogRefusal) as no:
        log.append(request)
    assert log.head() == head
    return no.value


def test_a_stream_that_was_only_read_must_still_be_at_its_version(log: Log) -> None:
    log.append(append("order-1", 0))
    no = refused(log, append("order-2", 0, relied={"order-1": 0}))
    assert isinstance(no, WrongExpectedVersion)
    assert (no.stream, no.expected, no.current) == ("order-1", 0, 1)
    assert log.append(append("order-2", 0, relied={"order-1": 1, "order-9": 0})).version == 1


def test_a_claim_that_was_looked_up_must_still_be_held_by_whom_it_was(log: Log) -> None:
    free, held = {ANN: None}, {ANN: "order-1"}
    assert isinstance(refused(log, append("order-2", 0, held=held)), Overtaken)
    log.append(append("order-1", 0, held=free, claims=[email(ANN[1], "order-1")]))
    assert isinstance(refused(log, append("order-2", 0, held=free)), Overtaken)
    log.append(append("order-2", 0, held=held))


def test_events_of_a_customer_that_came_after_they_were_gathered_refuse_what_needed_them_all(
    log: Log,
) -> None:
    change = Change(stream="lead-1", expected=0, events=[named("Ann")], customer_id="7")
    first = log.append(Append(tenant="main", actor="ann", source="test", changes=[change]))
    assert isinstance(refused(log, append("order-1", 0, gathered={"7": 0})), Overtaken)
    log.append(append("order-1", 0, gathered={"7": first.position, "8": 0}))


def test_a_request_is_checked_only_once_all_before_it_are_committed(
    database: str, log: Log, other: Log
) -> None:
    """The one that is decided on a stream waits for the one that is just writing it."""
    log.append(append("order-1", 0))
    with psycopg.connect(database) as holding:
        holding.execute("SELECT FROM log.head FOR UPDATE")
        outcomes: list[object] = []

        def write(into: Log, request: Append) -> None:
            try:
                outcomes.append(into.append(request))
            except LogRefusal as no:
                outcomes.append(no)

        writer = threading.Thread(target=write, args=(log, append("order-1", 1)))
        writer.start()
        _until_waiting(database, 1)
        reader = threading.Thread(target=write, args=(other, append("order-2", 0, relied={"order-1": 1})))
        reader.start()
        _until_waiting(database, 2)
    writer.join()
    reader.join()
    assert sorted(type(outcome) for outcome in outcomes if isinstance(outcome, LogRefusal)) == [
        WrongExpectedVersion
    ]
    assert sum(isinstance(outcome, Appended) for outcome in outcomes) == 1
    assert other.stream("main", "order-2") == []


def _until_waiting(database: str, count: int) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        asking = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        for _ in range(100_000):
            row = connection.execute(asking).fetchone()
            if row is not None and row[0] >= count:
                return
    raise TimeoutError


def test_of_many_decided_one_after_the_other_those_built_on_a_refused_one_are_refused(log: Log) -> None:
    """Though the log has an event at the version that they expect, it is not the one they were decided on."""
    log.append(append("order-1", 0))
    stale = [append("order-1", 0), append("order-1", 1), append("order-2", 0, relied={"order-1": 2})]
    outcomes = log.append_many([*stale, append("order-3", 0)])
    assert [type(outcome) for outcome in outcomes] == [WrongExpectedVersion] * 3 + [Appended]


def test_of_many_those_built_on_one_that_was_answered_before_are_refused(log: Log) -> None:
    log.append(append("order-1", 0, asked=asked("c")))
    log.append(append("order-2", 0))
    outcomes = log.append_many([append("order-2", 0, asked=asked("c")), append("order-2", 1)])
    assert [type(outcome) for outcome in outcomes] == [Appended, WrongExpectedVersion]


def test_many_that_share_a_stale_reading_are_refused_in_one_go_and_the_others_recorded(log: Log) -> None:
    log.append(append("order-0", 0))
    requests = [append(f"order-{n}", 0, relied={"order-0": n % 2}) for n in range(1, 500)]
    outcomes = log.append_many(requests)
    assert [type(outcome) for outcome in outcomes] == [
        Appended if n % 2 else WrongExpectedVersion for n in range(1, 500)
    ]


def test_of_many_one_may_rely_on_a_claim_that_one_before_it_takes(log: Log) -> None:
    takes = append("order-1", 0, held={ANN: None}, claims=[email(ANN[1], "order-1")])
    relies = append("order-2", 0, held={ANN: "order-1"})
    astray = append("order-3", 0, held={ANN: "order-9"})
    assert [type(outcome) for outcome in log.append_many([takes, relies, astray])] == [
        Appended,
        Appended,
        Overtaken,
    ]


def test_nothing_is_sealed_under_a_key_that_another_process_has_destroyed(log: Log, other: Log) -> None:
    log.append(append("customer-1", 0, named("Ann")))
    assert [r.event for r in other.stream("main", "customer-1")] == [named("Ann")]
    log.append(append("customer-1", 1, ERASED, destroy=["customer-1"]))
    change = Change(stream="lead-1", expected=0, events=[named("Ann")], customer_id="1")
    other.append(Append(tenant="main", actor="ann", source="test", changes=[change]))
    for opened in (log, other):
        [recorded] = opened.stream("main", "lead-1")
        assert isinstance(recorded.event, NameChanged)
        assert recorded.event.name is None


def test_a_key_that_was_never_made_is_destroyed_all_the_same(log: Log) -> None:
    log.append(append("customer-1", 0, destroy=["customer-1"]))
    log.append(append("customer-1", 1, named("Ann")))
    assert log.stream("main", "customer-1")[-1].event == NameChanged(
        occurred_at=NOW, name=None, source="shop"
    )
