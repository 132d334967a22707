from collections.abc import Iterator

import psycopg
import pytest

from projections.projector import Projector
from projections.schema import prepare
from replay.rebuild import rebuild
from replay.verify import differences
from streams.log import Log
from tests.projections.facts import append, paid, placed, refunded


def query(database: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(sql.encode()).fetchall()


@pytest.fixture
def projected(log: Log, database: str) -> Iterator[Projector]:
    prepare(database)
    for n in range(5):
        append(log, f"order-{n}", [placed(customer_id="c1"), paid()], customer_id="c1")
    append(log, "order-0", [refunded(order_id="0")])
    projector = Projector(log, database)
    projector.catch_up()
    yield projector


def test_a_rebuild_that_finds_nothing_different_swaps_by_itself(
    log: Log, database: str, projected: Projector
) -> None:
    before = query(database, "SELECT * FROM model.orders ORDER BY order_id")
    report = rebuild(log, ["orders", "timeline"], reason="drill")
    assert report.swapped
    assert [(each.name, each.differing, each.rows) for each in report.models] == [
        ("orders", 0, 6),
        ("timeline", 0, 11),
    ]
    assert query(database, "SELECT * FROM model.orders ORDER BY order_id") == before
    append(log, "order-9", [placed(customer_id="c1")])
    projected.catch_up()
    assert query(database, "SELECT orders, gross, net FROM read.customer_money") == [(6, 60, 56)]
    assert differences(log, database) == []
    last = log.stream("main", "tenant-operations")[-1].event
    assert (last.name, last.through, last.reason) == ("timeline", 11, "drill")


def test_a_rebuild_that_differs_waits_for_approval_and_says_why(
    log: Log, database: str, projected: Projector
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE model.orders SET total = 99 WHERE order_id = '3'")
        connection.execute("DELETE FROM model.orders WHERE order_id = '4'")
    report = rebuild(log, ["orders"])
    assert not report.swapped
    (found,) = report.models
    assert [(one.key, one.columns, [e.position for e in one.events]) for one in found.differences] == [
        (("3",), ("total",), [7, 8]),
        (("4",), (), [9, 10]),
    ]
    assert query(database, "SELECT total FROM model.orders WHERE order_id = '3'") == [(99,)]
    assert rebuild(log, ["orders"], approve=True).swapped
    assert query(database, "SELECT total FROM model.orders WHERE order_id = '3'") == [(10,)]
    assert differences(log, database) == []
