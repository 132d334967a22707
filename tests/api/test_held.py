"""What a read model holds behind a bad event is listed, tried again and passed over from the command line."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest

from commands.command import Context, RecordOrder, RecordPayment
from commands.handle import handle
from projections.projector import Projector
from projections.schema import prepare
from streams.log import Log
from tests.api.conftest import Command

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _stored_as(database: str, data: str) -> str:
    """Have the payment stored as this, past the guards of the database; return what it was stored as."""
    with psycopg.connect(database) as connection:
        connection.execute("SET session_replication_role = replica")
        row = connection.execute("SELECT data::text FROM log.events WHERE position = 2").fetchone()
        connection.execute("UPDATE log.events SET data = %s WHERE position = 2", (data,))
    assert row is not None
    return str(row[0])


@pytest.fixture
def order(log: Log, database: str) -> str:
    """An order whose payment, the second event of the log, cannot be read."""
    context = Context(tenant="main", actor="shop", source="shop", now=NOON)
    placed = RecordOrder(source_id="1", currency="EUR", total=Decimal(10), occurred_at=NOON)
    paid = RecordPayment(
        order_source_id="1", payment_id="p", currency="EUR", amount=Decimal(10), occurred_at=NOON
    )
    answer = handle(log, placed, context)
    handle(log, paid, context)
    prepare(database)
    return answer.id


def test_a_bad_event_is_listed_where_it_holds_something_and_doctor_says_how_to_see_it(
    backstory: Command, log: Log, database: str, order: str
) -> None:
    _stored_as(database, '{"occurred_at": 5}')
    Projector(log, database).catch_up()
    told = [json.loads(line) for line in backstory("replay", "held", "--json").out.splitlines()]
    assert {(one["model"], one["unit"], one["position"], one["type"]) for one in told} == {
        (model, f"order-{order}", 2, "payment-received.v1") for model in ("links", "orders", "timeline")
    }
    assert f"orders order-{order} since event 2 (payment-received.v1): " in backstory("replay", "held").out
    assert backstory("replay", "held", "--tenant", "other").out == ""
    examined = backstory("doctor")
    assert examined.code == 1
    assert "see `backstory replay held`" in examined.out


def test_a_held_unit_stays_held_until_what_was_wrong_is_mended(
    backstory: Command, log: Log, database: str, order: str
) -> None:
    right = _stored_as(database, '{"occurred_at": 5}')
    Projector(log, database).catch_up()
    still = backstory("replay", "retry", "orders", f"order-{order}")
    assert still.code == 1
    assert "still held: orders" in still.out
    _stored_as(database, right)
    assert backstory("replay", "retry", "orders", f"order-{order}").code == 0
    assert backstory("sql", "SELECT paid, held_since FROM read.orders", "--format", "csv").out.splitlines()[
        1:
    ] == ["10,"]


def test_a_skipped_event_is_passed_over_and_the_log_says_who_did_so_and_why(
    backstory: Command, log: Log, database: str, order: str
) -> None:
    _stored_as(database, '{"occurred_at": 5}')
    Projector(log, database).catch_up()
    skipped = backstory("replay", "skip", "orders", "2", "--reason", "a test payment", "--json")
    assert (skipped.code, json.loads(skipped.out)) == (
        0,
        {"model": "orders", "unit": f"order-{order}", "held": False},
    )
    columns = "type, actor <> '' AS acted, summary"
    told = backstory(
        "sql", f"SELECT {columns} FROM read.timeline WHERE stream = 'tenant-operations'", "--json"
    )
    assert json.loads(told.out) == {
        "type": "event-skipped.v1",
        "acted": True,
        "summary": "Read model orders passes over event 2: a test payment",
    }
    assert {json.loads(line)["model"] for line in backstory("replay", "held", "--json").out.splitlines()} == {
        "links",
        "timeline",
    }


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("retry", "orders", "order-1"), 1, "orders waits for nothing called order-1"),
        (("skip", "orders", "2", "--reason", "x"), 1, "orders waits for no event 2"),
        (("skip", "orders", "2"), 2, "--reason"),
        (("skip", "orders", "2", "--reason", " "), 2, "--reason"),
        (("skip", "orders", "two", "--reason", "x"), 2, "POSITION"),
    ],
)
def test_what_is_not_held_is_neither_tried_again_nor_skipped(
    backstory: Command, arguments: tuple[str, ...], code: int, says: str
) -> None:
    ended = backstory("replay", *arguments)
    assert ended.code == code
    assert says in ended.err
