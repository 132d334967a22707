from decimal import Decimal
from functools import partial

import psycopg
import pytest

from domain.order import PaymentReceived
from streams.errors import ClaimTaken, CommandReused, LogClosed, Unstorable, WrongExpectedVersion
from streams.log import Log
from streams.records import Append, Appended, Change
from streams.ticket import compatible
from tests.conftest import MASTER_KEY
from tests.streams.requests import NOW, append, asked, at_once, email, paid, won


def test_a_stale_writer_is_refused_and_nothing_is_recorded(log: Log) -> None:
    log.append(append("order-1", 0))
    with pytest.raises(WrongExpectedVersion) as refusal:
        log.append(append("order-1", 0))
    assert (refusal.value.expected, refusal.value.current) == (0, 1)
    assert log.head() == 1


def test_a_writer_ahead_of_the_stream_is_refused_so_versions_have_no_gap(log: Log) -> None:
    with pytest.raises(WrongExpectedVersion):
        log.append(append("order-1", 3))
    assert log.stream("main", "order-1") == []


def test_of_many_writers_of_one_stream_exactly_one_gets_each_version(database: str, log: Log) -> None:
    with Log(database, MASTER_KEY) as other:
        for version in range(5):
            logs = (log, other) * 8
            outcomes = at_once([partial(each.append, append("order-1", version)) for each in logs])
            assert len(won(outcomes)) == 1
            assert sum(isinstance(outcome, WrongExpectedVersion) for outcome in outcomes) == 15
    assert [recorded.version for recorded in log.stream("main", "order-1")] == [1, 2, 3, 4, 5]


def test_positions_are_gapless_whatever_is_refused_or_aborted(database: str, log: Log) -> None:
    for n in range(20):
        log.append(append(f"order-{n}", 0, paid(), paid(2)))
        at_once([partial(log.append, append(f"order-{n}", 0))])
        with psycopg.connect(database) as connection:
            connection.execute("SELECT log.append('{\"events\": []}')")
            connection.rollback()
    assert [recorded.position for recorded in log.read(0, 1000)] == list(range(1, 41))
    assert log.head() == 40


def test_a_request_over_several_streams_is_recorded_whole_or_not_at_all(log: Log) -> None:
    log.append(append("order-2", 0))
    changes = [Change(stream=f"order-{n}", expected=0, events=[paid()]) for n in (1, 2, 3)]
    with pytest.raises(WrongExpectedVersion):
        log.append(Append(tenant="main", actor="ann", source="test", changes=changes))
    assert log.head() == 1
    log.append(Append(tenant="main", actor="ann", source="test", changes=[changes[0], changes[2]]))
    assert [recorded.stream for recorded in log.read(1, 10)] == ["order-1", "order-3"]


def test_many_requests_on_one_stream_build_on_each_other_and_only_the_wrong_ones_are_refused(
    log: Log,
) -> None:
    outcomes = log.append_many([append("order-1", expected) for expected in (0, 1, 1, 7, 2, 3)])
    refused = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, WrongExpectedVersion)]
    assert refused == [2, 3]
    assert len(won(outcomes)) == 4
    assert [recorded.version for recorded in log.stream("main", "order-1")] == [1, 2, 3, 4]


def test_a_batch_holds_no_two_requests_that_could_be_each_others_refusal(log: Log) -> None:
    requests = [
        append("order-1", 0, asked=asked("key")),
        append("order-1", 1),
        append("order-2", 0, asked=asked("key")),
        append("order-3", 0, claims=[email("ann@example.com", "order-3")]),
        append("order-4", 0, claims=[email("ann@example.com", "order-4")]),
        append("order-1", 7),
        append("order-1", 2),
    ]
    tickets = [log.encoder.ticket(request) for request in requests]
    batch, later = compatible(tickets, 100)
    assert [tickets.index(ticket) for ticket in batch] == [0, 1, 3]
    assert [tickets.index(ticket) for ticket in later] == [2, 4, 5, 6]


def test_a_command_asked_50_times_at_once_is_recorded_once_and_all_get_the_same_answer(
    database: str, log: Log
) -> None:
    with Log(database, MASTER_KEY) as other:
        calls = [
            partial(
                (log, other)[n % 2].append,
                append(f"order-{n}", 0, asked=asked("key", "same", id=f"order-{n}")),
            )
            for n in range(50)
        ]
        answers = won(at_once(calls))
    assert len(answers) == 50
    assert len({(answer.position, answer.version, str(answer.answer)) for answer in answers}) == 1
    assert sum(not answer.repeated for answer in answers) == 1
    assert log.head() == 1


def test_a_key_used_for_another_request_is_refused(log: Log) -> None:
    log.append(append("order-1", 0, asked=asked("key", "one")))
    with pytest.raises(CommandReused):
        log.append(append("order-2", 0, asked=asked("key", "two")))
    assert log.head() == 1


def test_a_repeated_command_gets_its_answer_though_its_stream_has_moved_on(log: Log) -> None:
    first = log.append(append("order-1", 0, asked=asked("key", "one", id="1")))
    log.append(append("order-1", 1))
    again = log.append(append("order-1", 0, asked=asked("key", "one", id="other")))
    assert (again.position, again.version, again.answer) == (first.position, 1, {"id": "1"})
    assert again.repeated


def test_a_reopened_command_can_be_asked_again(log: Log) -> None:
    log.append(append("order-1", 0, asked=asked("key", "one")))
    log.append(append("order-1", 1, reopen=["key"]))
    assert not log.append(append("order-1", 2, asked=asked("key", "one"))).repeated


def test_of_50_simultaneous_claims_of_one_value_one_is_recorded(database: str, log: Log) -> None:
    with Log(database, MASTER_KEY) as other:
        outcomes = at_once(
            [
                partial(
                    (log, other)[n % 2].append,
                    append(f"customer-{n}", 0, claims=[email("ann@example.com", f"customer-{n}")]),
                )
                for n in range(50)
            ]
        )
    [winner] = won(outcomes)
    holder = log.holder("main", "email", "ann@example.com")
    assert holder == log.read(winner.position - 1, 1)[0].stream
    losers = [outcome for outcome in outcomes if isinstance(outcome, ClaimTaken)]
    assert [loser.holder for loser in losers] == [holder] * 49
    assert log.head() == 1


def test_a_released_claim_can_be_taken_by_another_stream(log: Log) -> None:
    log.append(append("customer-1", 0, claims=[email("ann@example.com", "customer-1")]))
    log.append(append("customer-1", 1, release_streams=["customer-1"]))
    log.append(append("customer-2", 0, claims=[email("ann@example.com", "customer-2")]))
    assert log.holder("main", "email", "ann@example.com") == "customer-2"


def test_a_claim_of_the_stream_that_holds_it_changes_nothing(log: Log) -> None:
    for expected in (0, 1):
        claim = email("ann@example.com", "customer-1")
        log.append(append("customer-1", expected, claims=[claim, claim]))
    assert log.head() == 2


def test_tenants_share_no_stream_no_claim_and_no_command(log: Log) -> None:
    for tenant in ("one", "two"):
        request = append(
            "customer-1",
            0,
            tenant=tenant,
            asked=asked("key", tenant),
            claims=[email("ann@example.com", "customer-1")],
        )
        assert not log.append(request).repeated
    assert [recorded.tenant for recorded in log.stream("one", "customer-1")] == ["one"]
    assert log.holder("three", "email", "ann@example.com") is None
    assert log.answered("three", ["key"]) == {}


def test_times_of_recording_never_go_back(log: Log) -> None:
    at_once([partial(log.append, append(f"order-{n}", 0)) for n in range(40)])
    times = [recorded.recorded_at for recorded in log.read(0, 100)]
    assert times == sorted(times)


def test_a_streams_partition_is_that_of_its_customer_and_never_changes(log: Log) -> None:
    assert log.partition_of("main", "customer-1") == log.partition_of("main", "customer-1")
    change = Change(stream="order-1", expected=0, events=[paid()], customer_id="1")
    log.append(Append(tenant="main", actor="ann", source="test", changes=[change]))
    assert log.stream("main", "order-1")[0].partition == log.partition_of("main", "customer-1")
    assert {log.partition_of("main", f"customer-{n}") for n in range(500)} == set(range(12))


def test_what_is_recorded_comes_back_with_who_when_and_why(log: Log) -> None:
    request = append("order-1", 0, correlation_id="c", causation_id="e", asked=asked("key", "x"))
    log.append(request)
    [found] = log.stream("main", "order-1")
    assert (found.actor, found.source, found.command_id) == ("ann", "test", "key")
    assert (found.correlation_id, found.causation_id) == ("c", "e")
    assert (found.event, found.event.occurred_at, found.type) == (paid(), NOW, "payment-received.v1")


def test_closing_answers_what_was_asked_and_refuses_the_rest(database: str) -> None:
    log = Log(database, MASTER_KEY)

    def work(name: int) -> int:
        done = 0
        try:
            while True:
                log.append(append(f"order-{name}", done))
                done += 1
        except LogClosed:
            return done

    def stop() -> int:
        while log.head() < 50:
            pass
        log.close()
        return 0

    counts = at_once([*(partial(work, name) for name in range(8)), stop])
    with Log(database, MASTER_KEY) as again:
        assert again.head() == sum(count for count in counts if isinstance(count, int)) >= 50


def test_an_answer_comes_only_after_the_commit(database: str, log: Log) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "CREATE FUNCTION log.fail() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$"
        )
        connection.execute(
            "CREATE CONSTRAINT TRIGGER fails_at_commit AFTER INSERT ON log.events "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION log.fail()"
        )
    with pytest.raises(RuntimeError) as failure:
        log.append(append("order-1", 0))
    assert isinstance(failure.value.__cause__, psycopg.errors.RaiseException)
    with pytest.raises(psycopg.errors.RaiseException):
        log.append_many([append("order-1", 0)])
    assert log.head() == 0


def test_a_text_that_cannot_be_stored_is_refused_and_its_neighbours_are_recorded(log: Log) -> None:
    bad = PaymentReceived(occurred_at=NOW, payment_id="\x00", currency="EUR", amount=Decimal(1))
    outcomes = log.append_many([append("order-1", 0), append("order-2", 0, bad), append("order-3", 0)])
    assert [type(outcome) for outcome in outcomes] == [Appended, Unstorable, Appended]
    calls = [partial(log.append, append(f"order-{n}", 0, bad if n == 20 else paid())) for n in range(10, 30)]
    assert len(won(at_once(calls))) == 19


def test_a_claim_is_found_without_reading_the_others_though_its_query_was_planned_before_there_were_any(
    database: str,
) -> None:
    with Log(database, MASTER_KEY, connections=2) as log:  # one of them commits
        log.append(append("order-0", 0))
        for _ in range(10):
            log.look("main", streams=["order-0"], claims=[("email", "nobody@example.com")])
        claims = [email(f"{n}@example.com", "order-1") for n in range(300)]
        log.append(append("order-1", 0, claims=claims))
        before = _claims_read(log)
        found = log.look("main", streams=["order-0"], claims=[("email", "7@example.com")])
        assert found.holders == {("email", "7@example.com"): "order-1"}
        assert {stream: len(events) for stream, events in found.events.items()} == {
            "order-0": 1,
            "order-1": 1,
        }
        assert 0 < _claims_read(log) - before <= 10


def _claims_read(log: Log) -> int:
    with log.connection() as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        row = connection.execute(
            "SELECT (SELECT seq_tup_read FROM pg_stat_all_tables WHERE relid = 'log.claims'::regclass) + "
            "(SELECT sum(idx_tup_read) FROM pg_stat_all_indexes WHERE relid = 'log.claims'::regclass)"
        ).fetchone()
    assert row is not None
    return int(row[0])
