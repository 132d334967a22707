import random
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg
import pytest

from api import lengths
from commands.command import Context, RecordCustomer
from commands.handle import handle
from domain.customer import CountryChanged, Profile
from domain.order import PaymentReceived
from domain.tenant import OPERATIONS, EventSkipped
from projections.definition import Models
from projections.holding import held, retry, skip, skip_as_told
from projections.models import ALL
from projections.orders import ORDERS
from projections.projector import Projector
from projections.schema import prepare
from replay.rebuild import rebuild
from replay.verify import differences
from streams.log import Log
from streams.records import Recorded
from tests.projections.conftest import Ask
from tests.projections.facts import append, at, known, opened, paid, placed

BAD = "bad"


def _choking(state: Any, recorded: Recorded) -> Any:
    assert ORDERS.fold is not None
    event = recorded.event
    if isinstance(event, PaymentReceived) and event.payment_id == BAD:
        raise ValueError(event.payment_id)
    return ORDERS.fold.evolve[PaymentReceived](state, recorded)


@pytest.fixture
def choking() -> Models:
    """Every read model, but orders cannot fold a payment called bad."""
    assert ORDERS.fold is not None
    fold = replace(ORDERS.fold, evolve={**ORDERS.fold.evolve, PaymentReceived: _choking})
    others = [model for model in ALL.models if model is not ORDERS]
    return Models((*others, replace(ORDERS, fold=fold)))


def test_a_poison_event_holds_its_own_unit_and_everything_else_flows(
    log: Log, database: str, choking: Models, ask: Ask
) -> None:
    prepare(database)
    append(log, "order-1", [placed(customer_id="c1")])
    append(log, "order-1", [paid(payment_id=BAD)])
    append(log, "order-2", [placed(customer_id="c1")])
    projector = Projector(log, database, choking)
    assert projector.catch_up() == 3
    append(log, "order-1", [paid(payment_id="p2", amount="1.00")])
    append(log, "order-2", [paid()])
    assert projector.catch_up() == 5
    assert ask("SELECT order_id, paid, held_since, position FROM read.orders ORDER BY 1") == [
        ("1", 0, 2, 1),
        ("2", 10, None, 5),
    ]
    (one,) = held(database)
    assert (one.model, one.unit, one.position, one.type) == ("orders", "order-1", 2, "payment-received.v1")
    assert BAD not in one.error
    assert "ValueError" in one.error
    assert ask("SELECT held_keys FROM read.projections WHERE name = 'orders'") == [(1,)]
    assert ask("SELECT gross FROM read.customer_money") == [(20,)]
    assert differences(log, database, models=choking) == []

    assert not retry(log, database, one, choking)
    assert retry(log, database, one)
    assert ask("SELECT paid, held_since, position FROM read.orders WHERE order_id = '1'") == [(11, None, 4)]
    assert held(database) == []
    assert differences(log, database) == []


def test_a_skipped_event_is_left_out_now_and_in_every_rebuild(
    log: Log, database: str, choking: Models, ask: Ask
) -> None:
    prepare(database)
    append(log, "order-1", [placed(), paid(payment_id=BAD), paid(payment_id="p2", amount="1.00")])
    Projector(log, database, choking).catch_up()
    (one,) = held(database)
    assert skip(log, database, one, reason="a test payment", actor="alice", models=choking)
    assert ask("SELECT paid, held_since FROM read.orders") == [(1, None)]
    report = rebuild(log, ["orders"], models=choking)
    assert report.swapped
    assert ask("SELECT paid FROM read.orders") == [(1,)]


def test_a_skip_stands_in_the_log_and_a_restored_log_goes_by_it(
    log: Log, database: str, choking: Models, ask: Ask
) -> None:
    prepare(database)
    append(log, "order-1", [placed(), paid(payment_id=BAD)])
    Projector(log, database, choking).catch_up()
    (one,) = held(database)
    skip(log, database, one, reason="a test payment", actor="alice", models=choking)
    left = log.stream("main", OPERATIONS)[0]
    assert left.actor == "alice"
    assert left.event == EventSkipped(
        occurred_at=left.event.occurred_at, name="orders", position=2, reason="a test payment"
    )
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM model.skipped")
    skip_as_told(log)
    assert ask("SELECT model, tenant, position, reason, actor FROM model.skipped") == [
        ("orders", "main", 2, "a test payment", "alice")
    ]


def test_an_event_that_cannot_be_read_holds_its_stream_alone(
    log: Log, database: str, projector: Projector, ask: Ask
) -> None:
    append(log, "order-1", [placed(), paid()])
    append(log, "order-2", [placed()])
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE log.events DISABLE TRIGGER immutable")
        connection.execute("UPDATE log.events SET data = '{\"occurred_at\": 5}' WHERE position = 2")
        connection.execute("ALTER TABLE log.events ENABLE TRIGGER immutable")
    projector.catch_up()
    assert ask("SELECT order_id, held_since FROM read.orders ORDER BY 1") == [("1", 2), ("2", None)]
    assert {(one.model, one.unit) for one in held(database)} == {
        ("orders", "order-1"),
        ("timeline", "order-1"),
        ("links", "order-1"),
    }
    assert differences(log, database) == []


def test_a_value_the_database_cannot_keep_holds_its_unit_alone(
    log: Log, database: str, projector: Projector, ask: Ask
) -> None:
    append(log, "customer-1", known("Ann", "ann@example.org"), customer_id="1")
    append(
        log,
        "customer-2",
        [*known("Bob", "bob@example.org"), CountryChanged(occurred_at=at(1), country="NL", source="shop")],
    )
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE model.customers ADD CHECK (country <> 'NL')")
        connection.execute(
            "CREATE FUNCTION choke() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF NEW.country = 'NL' THEN RAISE invalid_parameter_value; END IF; RETURN NEW; END $$"
        )
        connection.execute(
            "CREATE TRIGGER choke BEFORE INSERT OR UPDATE ON model.customers FOR EACH ROW EXECUTE FUNCTION choke()"
        )
    projector.catch_up()
    assert ask("SELECT name, country, held_since FROM read.customers ORDER BY 1") == [
        ("Ann", None, None),
        ("Bob", None, 9),
    ]
    append(log, "customer-1", [CountryChanged(occurred_at=at(1), country="BE", source="shop")])
    projector.catch_up()
    assert ask("SELECT name, country FROM read.customers ORDER BY 1") == [("Ann", "BE"), ("Bob", None)]
    with psycopg.connect(database) as connection:
        connection.execute("DROP TRIGGER choke ON model.customers")
        connection.execute("ALTER TABLE model.customers DROP CONSTRAINT customers_country_check")
    (one,) = held(database)
    assert retry(log, database, one)
    assert ask("SELECT name, country, held_since FROM read.customers ORDER BY 1") == [
        ("Ann", "BE", None),
        ("Bob", "NL", None),
    ]


def test_texts_of_the_greatest_length_hold_nothing(log: Log, projector: Projector, ask: Ask) -> None:
    chance = random.Random(1)  # noqa: S311 - what does not compress
    longest = partial(_text, chance)
    names = ("pipeline", "stage", "title", "owner", "company", "source", "source_id")
    append(log, "deal-1", [replace(opened(), **{name: longest() for name in names})])
    record = Profile(email=f"{longest(lengths.EMAIL - 3)}@a.b", name=longest(), company=longest())
    context = Context(tenant="main", actor="ann", source="shop", now=at(1))
    handle(log, RecordCustomer(occurred_at=at(0), profile=record), context)
    order = replace(placed(), source=longest(), source_id=longest(), customer_id=longest())
    append(log, "order-1", [order])
    projector.catch_up()
    assert held(log.conninfo) == []
    assert ask("SELECT count(*) FROM read.deals, read.orders") == [(1,)]


def _text(chance: random.Random, length: int = lengths.NAME) -> str:
    return "".join(chr(chance.randrange(0x20000, 0x2A6DF)) for _ in range(length))
