from decimal import Decimal

import psycopg

from projections.projector import Projector
from projections.schema import prepare
from streams.log import Log
from tests.projections.facts import append, paid, placed, refunded


def query(database: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(sql.encode()).fetchall()


def test_a_projector_brings_rows_and_sums_to_the_head(log: Log, database: str) -> None:
    prepare(database)
    append(log, "order-1", [placed(customer_id="c1")])
    append(log, "order-1", [paid()])
    append(log, "order-2", [refunded(customer_id="c1", order_id="2")])
    projector = Projector(log, database)
    assert projector.catch_up() == 3
    append(log, "order-2", [placed(total="20.00", customer_id="c1")])
    assert projector.catch_up() == 4
    rows = query(
        database, "SELECT order_id, position, total, paid, payment_status FROM model.orders ORDER BY 1"
    )
    assert rows == [
        ("1", 2, Decimal("10.00"), Decimal("10.00"), "paid"),
        ("2", 4, Decimal("20.00"), Decimal(0), "partly-refunded"),
    ]
    money = query(database, "SELECT orders, gross, refunds, refunded FROM model.customer_money")
    assert money == [(2, Decimal("30.00"), 1, Decimal("4.00"))]
