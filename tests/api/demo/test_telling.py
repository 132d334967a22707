"""Telling the demo: once, to an empty log, through the commands, going on after whatever interrupted it."""

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from api.demo.dice import Step
from api.demo.live import go_on, moved, steps
from api.demo.telling import play, told
from api.demo.year import story
from commands.command import RecordOrder, RecordRefund
from commands.handle import handle
from projections.projector import Projector
from projections.schema import prepare
from streams.errors import LogClosed
from streams.log import Log
from tests.acceptance.running import until
from tests.commands.asking import an_order, context
from tests.conftest import MASTER_KEY

Ask = Callable[[str], list[Any]]


@pytest.fixture(scope="module")
def year(server: str, template: str) -> Iterator[tuple[Log, Ask]]:
    """A log with the whole year, told in two goes, and its read models."""
    name = f"demo_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    conninfo = make_conninfo(server, dbname=name)
    prepare(conninfo)
    with Log(conninfo, MASTER_KEY) as log:
        assert sum(1 for _ in islice(play(log, "main"), 7)) == 7
        assert told(log, "main") is None
        assert sum(1 for _ in play(log, "main")) > 7
        Projector(log, conninfo).catch_up()
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("SELECT set_config('backstory.tenant', 'main', false)")
            yield log, lambda question: connection.execute(question.encode()).fetchall()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def ends_of(log: Log) -> datetime:
    ends = told(log, "main")
    assert ends is not None
    return ends


def told_steps(log: Log) -> list[Step]:
    ends = ends_of(log)
    return [step for step in story("main", ends) if step.at <= ends]


def test_every_step_is_told_once_though_the_telling_was_interrupted(year: tuple[Log, Ask]) -> None:
    log, ask = year
    told_once = "SELECT count(*) FROM log.commands WHERE command_id ~ '^demo-([0-9]+|last)$'"
    assert ask(told_once) == [(len(told_steps(log)),)]
    assert list(play(log, "main")) == []


def test_its_totals_are_those_of_what_was_told(year: tuple[Log, Ask]) -> None:
    log, ask = year
    gross, refunded = Counter[str](), Counter[str]()
    for step in told_steps(log):
        match step.command:
            case RecordOrder(currency=currency, total=total):
                gross[currency] += total  # type: ignore[assignment] - decimals count as well
            case RecordRefund(currency=currency, amount=amount):
                refunded[currency] += amount  # type: ignore[assignment]
            case _:
                pass
    assert dict(ask("SELECT currency, sum(total) FROM read.orders GROUP BY 1")) == gross
    assert dict(ask("SELECT currency, sum(amount) FROM read.refunds GROUP BY 1")) == refunded


def test_its_board_looks_alive(year: tuple[Log, Ask]) -> None:
    _, ask = year
    board = dict(ask("SELECT outcome, count(*)::int FROM read.deals GROUP BY 1"))
    assert board["open"] > 8
    assert board["won"] > 50
    assert board["lost"] > 50
    late = (
        "SELECT count(*) FROM read.deals WHERE outcome = 'open' AND stage_since < now() - interval '30 days'"
    )
    assert ask(late)[0][0] >= 4
    assert len(ask("SELECT DISTINCT lost_reason FROM read.deals WHERE lost_reason IS NOT NULL")) > 3
    assert len(ask("SELECT DISTINCT currency FROM read.deals WHERE currency IS NOT NULL")) == 3
    merged = ask("SELECT count(merged_into) FROM read.customers")[0][0]
    assert merged > 3
    assert ask("SELECT count(*) FROM log.events WHERE type = 'customer-unmerged.v1'") == [(1,)]
    kinds = {kind for (kind,) in ask("SELECT DISTINCT kind FROM read.anomalies WHERE settled_at IS NULL")}
    assert {"identity-taken", "order-unknown", "over-refunded", "field-conflict", "total-mismatch"} <= kinds
    invoices = ask("SELECT count(*), count(*) FILTER (WHERE due > 0 AND due_at < now()) FROM read.invoices")[
        0
    ]
    assert invoices[0] > invoices[1] > 0
    back = "SELECT count(*) FROM (SELECT customer_id FROM read.orders GROUP BY 1 HAVING count(*) > 2) AS back"
    assert ask(back)[0][0] > 30


def test_a_log_with_something_in_it_is_left_alone(log: Log) -> None:
    handle(log, an_order(), context("first"))
    assert list(play(log, "main")) == []
    assert (log.head(), told(log, "main")) == (1, None)


NUMBERS = "SELECT right(command_id, 9)::int FROM log.commands WHERE command_id LIKE 'demo-live-%' ORDER BY 1"
TWICE = (
    "SELECT count(*) - count(DISTINCT (source, data ->> 'source_id')) FROM log.events "
    "WHERE type = 'order-placed.v1'"
)
OLD = (
    "SELECT count(*) FROM log.events WHERE command_id LIKE 'demo-live-%' "
    "AND occurred_at < now() - interval '1 minute'"
)


def go_on_until(log: Log, ends: datetime, met: Callable[[], object]) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(go_on, log, "main", ends, stop, (0.0, 0.0))
        try:
            until(lambda: met() or going.done(), "it goes on")
        finally:
            stop.set()
        going.result(30)


def test_what_goes_on_is_told_once_though_it_is_stopped_and_begun_again(year: tuple[Log, Ask]) -> None:
    log, ask = year
    for goal in (20, 60):
        go_on_until(log, ends_of(log), lambda goal=goal: len(ask(NUMBERS)) >= goal)  # type: ignore[misc]
    found = [number for (number,) in ask(NUMBERS)]
    assert found == list(range(len(found))), "nobody interfered: no step was refused, none is missing"
    assert ask(TWICE) == [(0,)]
    assert ask(OLD) == [(0,)], "it happens now"


def test_a_step_that_a_rule_refuses_is_left_out_and_the_next_is_told(log: Log, database: str) -> None:
    ends = datetime(2031, 8, 17, 14, 30, tzinfo=UTC)  # of a year that was never told: its deals do not exist
    with psycopg.connect(database, autocommit=True) as connection:

        def numbers() -> list[int]:
            return [row[0] for row in connection.execute(NUMBERS.encode()).fetchall()]

        go_on_until(log, ends, lambda: len(numbers()) < max(numbers(), default=0))
        assert set(numbers()) < set(range(max(numbers()) + 1))


def test_a_failure_of_the_log_is_raised(log: Log) -> None:
    log.committer.close()
    with pytest.raises(LogClosed):
        go_on(log, "main", datetime(2031, 8, 17, tzinfo=UTC), threading.Event(), (0.0, 0.0))


def test_what_goes_on_is_the_same_every_time_and_keeps_its_days_apart() -> None:
    ends = datetime(2031, 8, 17, 14, 30, tzinfo=UTC)
    first, again = (list(islice(steps("main", ends), 500)) for _ in range(2))
    assert first == again
    now = datetime(2031, 8, 20, tzinfo=UTC)
    for step in first:
        command = moved(step, now)
        assert getattr(command, "occurred_at", None) in {None, now}
        due = getattr(command, "due_on", None)
        assert due is None or abs((due - now.date()).days) < 40
