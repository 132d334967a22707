"""A person's key is made with the first event that it seals: it is there with the event, or neither is."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from domain.customer import NameChanged
from domain.record import PersonalDataErased
from streams.errors import ClaimTaken, KeyTaken, LogRefusal, WrongExpectedVersion, WrongMasterKey
from streams.keyring import LOG, cipher_of, unwrap, wrap
from streams.log import Log
from streams.records import Append, Appended, Change
from tests.conftest import MASTER_KEY
from tests.streams.requests import NOW, append, asked, at_once, email, named, paid, won

APPENDING = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cut' "
    "AND wait_event_type = 'Lock'"
)


def names(database: str, *streams: str) -> list[str | None]:
    """Return who is named in these streams, as a log reads them that was not there when they were written."""
    with Log(database, MASTER_KEY) as fresh:
        return [
            recorded.event.name
            for stream in streams
            for recorded in fresh.stream("main", stream)
            if isinstance(recorded.event, NameChanged)
        ]


def keys(database: str) -> list[str]:
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT subject FROM log.keys WHERE tenant = 'main' ORDER BY 1").fetchall()
    return [subject for (subject,) in rows]


def of_customer(stream: str, expected: int, name: str, customer: str) -> Append:
    change = Change(stream=stream, expected=expected, events=[named(name)], customer_id=customer)
    return Append(tenant="main", actor="ann", source="test", changes=[change])


def registered(name: str, customer: str) -> Append:
    """A lead and then its customer, as enquiries are recorded: the customer's key seals both."""
    changes = [
        Change(stream=stream, expected=0, events=[named(name)], customer_id=customer)
        for stream in (f"lead-{customer}", f"customer-{customer}")
    ]
    return Append(tenant="main", actor="ann", source="test", changes=changes)


@contextmanager
def waiting_for(database: str, *blocks: str) -> Iterator[tuple[psycopg.Connection, "Future[Appended]"]]:
    """Append something that has to wait for these statements; lend their connection and what will be answered."""
    with (
        Log(make_conninfo(database, application_name="cut"), MASTER_KEY) as log,
        psycopg.connect(database) as blocking,
        psycopg.connect(database, autocommit=True) as watching,
        ThreadPoolExecutor(1) as pool,
    ):
        for block in blocks:
            blocking.execute(block.encode())
        appended = pool.submit(log.append, append("customer-1", 0, named("Ann")))
        deadline = time.monotonic() + 60
        while not watching.execute(APPENDING).fetchall():
            assert time.monotonic() < deadline
            assert not appended.done()
            time.sleep(0.01)
        yield blocking, appended


def test_a_key_is_committed_with_the_first_event_that_it_seals(database: str, log: Log) -> None:
    log.append(registered("Ann", "1"))
    log.append_many([registered("Bob", "2"), of_customer("lead-9", 0, "Bob too", "2")])
    with psycopg.connect(database) as connection:
        together = connection.execute(
            "SELECT k.subject FROM log.keys k JOIN log.events e ON e.stream = k.subject AND e.xmin = k.xmin"
        ).fetchall()
    assert sorted(together) == [("customer-1",), ("customer-2",)]
    assert names(database, "customer-1", "lead-1", "lead-2", "lead-9") == ["Ann", "Ann", "Bob", "Bob too"]


def test_an_append_that_is_refused_leaves_no_key_and_none_is_used_that_it_would_have_made(
    database: str, log: Log
) -> None:
    log.append(append("customer-1", 0, claims=[email("ann@example.com", "customer-1")]))
    refused = append("customer-2", 0, named("Bob"), claims=[email("ann@example.com", "customer-2")])
    with pytest.raises(ClaimTaken):
        log.append(refused)
    assert [type(refusal) for refusal in log.append_many([refused])] == [ClaimTaken]
    assert keys(database) == []
    log.append(append("customer-2", 0, named("Bob")))
    refused = append("customer-3", 0, named("Cy"), claims=[email("ann@example.com", "customer-3")])
    first, second = log.append_many([refused, of_customer("lead-3", 0, "Cy too", "3")])
    assert isinstance(first, ClaimTaken)
    assert isinstance(second, Appended)
    log.append(append("customer-3", 0, named("Cy")))
    assert names(database, "customer-2", "lead-3", "customer-3") == ["Bob", "Cy too", "Cy"]
    assert keys(database) == ["customer-2", "customer-3"]


def test_a_key_that_was_lost_with_its_connection_is_made_again_with_its_event(database: str) -> None:
    block = (
        "INSERT INTO log.events (position, tenant, stream, version, type, event_id, partition, occurred_at, "
        "recorded_at, actor, source, data) VALUES (1000, 'main', 'customer-1', 1, 'x', gen_random_uuid(), 0, "
        "now(), now(), 'x', 'x', '{}')"
    )
    with waiting_for(database, block) as (blocking, appended):
        with psycopg.connect(database) as connection:
            [(pid,)] = connection.execute(APPENDING).fetchall()
            connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
        blocking.rollback()
        assert appended.result(60).position == 1
    assert keys(database) == ["customer-1"]
    assert names(database, "customer-1") == ["Ann"]


def test_a_master_key_that_changes_while_a_key_is_made_makes_none(database: str) -> None:
    other = cipher_of(bytes(range(1, 33)))
    with waiting_for(database, "LOCK TABLE log.keys IN SHARE ROW EXCLUSIVE MODE") as (rotating, appended):
        [(own,)] = rotating.execute("SELECT wrapped FROM log.keys WHERE subject = 'log'").fetchall()
        anew = wrap(other, *LOG, unwrap(cipher_of(MASTER_KEY), *LOG, own))
        rotating.execute("UPDATE log.keys SET wrapped = %s WHERE subject = 'log'", (anew,))
        rotating.commit()
        with pytest.raises(WrongMasterKey, match="rotated"):
            appended.result(60)
    assert keys(database) == []


def test_a_key_that_another_made_meanwhile_is_the_persons_and_the_first_is_never_used(
    database: str, log: Log
) -> None:
    request = append("customer-1", 0, named("Ann"))
    ticket = log.encoder.ticket(request, log.keyring.new([("main", "customer-1")]))
    with Log(database, MASTER_KEY) as other:
        other.append(of_customer("lead-1", 0, "Ann too", "1"))
    with pytest.raises(KeyTaken):
        log.committer.append(ticket)
    assert log.head() == 1
    log.append(request)
    assert names(database, "lead-1", "customer-1") == ["Ann too", "Ann"]


def test_of_two_keys_of_one_person_in_a_batch_the_second_is_refused(database: str, log: Log) -> None:
    tickets = [
        log.encoder.ticket(
            of_customer(f"lead-{name}", 0, name, "1"), log.keyring.new([("main", "customer-1")])
        )
        for name in ("Ann", "Bob")
    ]
    first, second = log.committer.append_all(tickets)
    assert isinstance(first, Appended)
    assert isinstance(second, KeyTaken)
    assert names(database, "lead-Ann", "lead-Bob") == ["Ann"]


def test_a_repeated_command_does_not_keep_a_key_that_it_did_not_record(database: str, log: Log) -> None:
    request = append("customer-1", 0, named("Ann"), asked=asked("key"))
    log.append(request)
    with Log(database, MASTER_KEY) as other:
        assert other.append(request).repeated
        other.append(append("customer-1", 1, named("Ann again")))
        assert [event.name for event in map(event_of, other.stream("main", "customer-1"))] == [
            "Ann",
            "Ann again",
        ]
    assert names(database, "customer-1") == ["Ann", "Ann again"]


def event_of(recorded: object) -> NameChanged:
    event = getattr(recorded, "event", None)
    assert isinstance(event, NameChanged)
    return event


def test_a_key_is_kept_only_if_none_was_destroyed_since_it_was_made(log: Log) -> None:
    pair = ("main", "customer-1")
    made = log.keyring.new([pair])
    log.keyring.drop("main", "customer-2")
    log.keyring.keep(made)
    made = log.keyring.new([pair])
    assert list(made) == [pair]
    log.keyring.keep(made)
    assert log.keyring.new([pair]) == {}


def test_who_was_forgotten_before_their_stream_began_is_recorded_without_their_data(
    database: str, log: Log
) -> None:
    log.append(append("customer-1", 0, paid(), destroy=["customer-2"]))
    log.append(append("customer-2", 0, named("Bob")))
    assert names(database, "customer-2") == [None]


def test_a_key_that_is_made_and_destroyed_by_one_append_is_gone(database: str, log: Log) -> None:
    erased = PersonalDataErased(occurred_at=NOW, reason="asked")
    log.append(append("customer-1", 0, named("Ann"), erased, destroy=["customer-1"]))
    assert [recorded.version for recorded in log.stream("main", "customer-1")] == [1, 2]
    assert names(database, "customer-1") == [None]


def test_whoever_makes_a_persons_key_at_once_with_others_records_what_all_can_read(
    database: str, log: Log
) -> None:
    numbers = count(1)
    with Log(database, MASTER_KEY) as other:
        for customer in map(str, range(12)):
            calls = [
                partial((log, other)[n % 2].append, request)
                for n in range(8)
                for request in (
                    append(f"customer-{customer}", 0, named("Ann")),
                    of_customer(f"lead-{next(numbers)}", 0, "Ann too", customer),
                )
            ]
            outcomes = at_once(calls)
            assert len(won(outcomes)) == 9
            refused = [outcome for outcome in outcomes if isinstance(outcome, LogRefusal)]
            assert {type(refusal) for refusal in refused} == {WrongExpectedVersion}
    assert keys(database) == sorted(f"customer-{n}" for n in range(12))
    read = names(database, *(f"customer-{n}" for n in range(12)), *(f"lead-{n}" for n in range(1, 97)))
    assert read == ["Ann"] * 12 + ["Ann too"] * 96
