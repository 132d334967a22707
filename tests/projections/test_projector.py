import random
import threading
import time
from decimal import Decimal

import msgspec
import psycopg
import pytest

from projections.checkpoints import CheckpointMoved, Places, take_up
from projections.definition import Models
from projections.orders import ORDERS, Order
from projections.projector import Projector
from projections.waiting import wait
from replay.verify import differences
from streams.follower import LogFollower
from streams.log import Log
from tests.projections.conftest import Ask
from tests.projections.facts import append, moved, opened, paid, placed, refunded


def test_a_projector_brings_rows_and_sums_to_the_head(log: Log, projector: Projector, ask: Ask) -> None:
    append(log, "order-1", [placed(customer_id="c1")])
    append(log, "order-1", [paid()])
    append(log, "order-2", [refunded(customer_id="c1", order_id="2")])
    assert projector.catch_up() == 3
    append(log, "order-2", [placed(total="20.00", customer_id="c1")])
    assert projector.catch_up() == 4
    assert ask("SELECT order_id, position, total, paid, payment_status FROM model.orders ORDER BY 1") == [
        ("1", 2, Decimal("10.00"), Decimal("10.00"), "paid"),
        ("2", 4, Decimal("20.00"), Decimal(0), "partly-refunded"),
    ]
    assert ask("SELECT orders, gross, refunds, refunded FROM model.customer_money") == [
        (2, Decimal("30.00"), 1, Decimal("4.00"))
    ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.usefixtures("projector")
def test_any_cut_into_batches_gives_what_a_naive_fold_gives(
    log: Log, database: str, ask: Ask, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a repeatable shuffle
    facts = [
        (f"order-{n}", event)
        for n in range(12)
        for event in (placed(customer_id=f"c{n % 3}"), paid(), refunded(order_id=str(n)))
    ]
    chance.shuffle(facts)
    for stream, event in facts:
        append(log, stream, [event])
        if chance.random() < 0.3:
            Projector(log, database, batch=chance.randint(1, 7)).catch_up()
    Projector(log, database, batch=chance.randint(1, 7)).catch_up()
    naive: dict[str, Order] = {}
    assert ORDERS.fold is not None
    for recorded in log.read(0, 1000):
        key = recorded.stream.removeprefix("order-")
        naive[key] = ORDERS.fold.evolve[type(recorded.event)](naive.get(key), recorded)
    kept = {
        key: msgspec.json.decode(str(state), type=Order)
        for key, state in ask("SELECT order_id, state::text FROM model.orders")
    }
    assert kept == naive
    by_group = (
        "SELECT customer_id, count(*), sum(total), sum(refunded) FROM model.orders GROUP BY 1 ORDER BY 1"
    )
    assert ask("SELECT customer_id, orders, gross, refunded FROM model.customer_money ORDER BY 1") == ask(
        by_group
    )
    assert differences(log, database) == []


@pytest.mark.usefixtures("projector")
def test_a_projector_whose_checkpoint_was_moved_by_another_stops_and_writes_nothing(
    log: Log, database: str, ask: Ask
) -> None:
    append(log, "order-1", [placed(customer_id="c1")])
    first = Projector(log, database, Models((ORDERS,)))
    with first._line(LogFollower(log)) as (slow, _), psycopg.connect(database) as connection:  # noqa: SLF001
        slow._places = _places(connection)  # noqa: SLF001
        connection.execute("UPDATE model.places SET position = 1 WHERE name = 'orders'")
        connection.commit()
        slow._follow(1, lambda: False)  # noqa: SLF001
        with pytest.raises(CheckpointMoved):
            slow._settle()  # noqa: SLF001
    assert ask("SELECT count(*) FROM model.orders") == [(0,)]


def _places(connection: psycopg.Connection) -> Places:
    places = take_up(connection, [ORDERS], range(12), "another")
    connection.commit()
    return places


def test_rows_that_others_wrote_meanwhile_are_read_again(
    log: Log, database: str, projector: Projector, ask: Ask
) -> None:
    append(log, "order-1", [placed(customer_id="c1")])
    projector.catch_up()
    append(log, "order-1", [paid()])
    only = Projector(log, database, Models((ORDERS,)))
    with only._line(LogFollower(log)) as (line, _), psycopg.connect(database) as connection:  # noqa: SLF001
        line._places = _places(connection)  # noqa: SLF001
        connection.execute("UPDATE model.checkpoints SET epoch = epoch + 1 WHERE name = 'orders'")
        connection.commit()
        assert line.follow(range(12), 2, lambda: False) == 2
    assert ask("SELECT paid FROM model.orders") == [(Decimal("10.00"),)]


def test_a_running_projector_follows_and_a_standby_takes_over(
    log: Log, database: str, projector: Projector
) -> None:
    stop, stop_standby = threading.Event(), threading.Event()
    running = threading.Thread(target=projector.run, args=(stop,))
    standby = threading.Thread(target=Projector(log, database).run, args=(stop_standby,))
    running.start()
    try:
        append(log, "deal-1", [opened()])
        assert wait(log, 1, 10)
        standby.start()
        append(log, "deal-1", [moved(5, "Won")])
        assert wait(log, 2, 10, ["pipeline_board", "timeline"])
        stop.set()
        running.join(10)
        append(log, "deal-1", [moved(9, "Lost")])
        assert wait(log, 3, 10)
    finally:
        stop.set()
        stop_standby.set()
        for thread in (running, standby):
            if thread.ident is not None:
                thread.join(10)
    assert differences(log, database) == []


@pytest.mark.usefixtures("projector")
def test_waiting_ends_in_time_when_nobody_projects(log: Log) -> None:
    append(log, "deal-1", [opened()])
    began = time.monotonic()
    assert not wait(log, 1, 0.2)
    assert time.monotonic() - began < 5
