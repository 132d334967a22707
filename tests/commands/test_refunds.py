"""A refund counts once, whether its source tells it with its order, without, or in both ways."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from typing import Any

import psycopg
import pytest

from commands.command import RecordCustomer, RecordRefund, UndoBatch
from commands.handle import handle
from domain.customer import Profile
from projections.projector import Projector
from projections.schema import prepare
from streams.log import Log
from tests.commands.asking import NOW, an_order, context

ANN = Profile(source_id="42", email="ann@example.org", name="Ann")
ALONE = RecordRefund(source_id="r-1", currency="EUR", amount=Decimal(5), profile=ANN, occurred_at=NOW)
OF_ORDER = replace(ALONE, order_source_id="1001")


def counted(log: Log) -> tuple[Any, ...]:
    """Return the refunds shown, those of an order, their sum; and the number and sum in the customers' money."""
    prepare(log.conninfo)
    Projector(log, log.conninfo).catch_up()
    with psycopg.connect(log.conninfo) as connection:
        refunds = connection.execute(
            "SELECT count(*), count(order_id), sum(amount) FROM read.refunds"
        ).fetchone()
        money = connection.execute("SELECT sum(refunds), sum(refunded) FROM read.customer_money").fetchone()
    assert refunds is not None
    assert money is not None
    return *refunds, *money


ONCE = (1, 1, 5, 1, 5)


@pytest.mark.parametrize("told", list(permutations([an_order(profile=ANN), ALONE, OF_ORDER])))
def test_a_refund_told_with_and_without_its_order_counts_once_with_it(
    log: Log, told: tuple[Any, ...]
) -> None:
    for command in told:
        handle(log, command, context())
        handle(log, command, context())
    assert counted(log) == ONCE


def test_a_refund_told_of_two_orders_counts_for_each_and_the_second_telling_is_answered_so(log: Log) -> None:
    other = replace(OF_ORDER, order_source_id="1002")
    for command in (an_order(profile=ANN), replace(an_order(profile=ANN), source_id="1002")):
        handle(log, command, context())
    first, second, again = [handle(log, one, context()) for one in (OF_ORDER, other, OF_ORDER)]
    assert (first.anomalies, second.anomalies, again.events) == ((), ("refund-of-two-orders",), 0)
    assert counted(log) == (2, 2, 10, 2, 10)


@pytest.mark.parametrize("told", [(OF_ORDER, ALONE), (ALONE, OF_ORDER)])
@pytest.mark.parametrize("undone", [OF_ORDER, ALONE])
def test_when_one_telling_is_withdrawn_the_other_counts(
    log: Log, told: tuple[RecordRefund, ...], undone: RecordRefund
) -> None:
    for command in told:
        handle(log, command, context(batch="b1" if command is undone else None))
    handle(log, UndoBatch(batch="b1", reason="wrong file"), context())
    assert counted(log) == (1, int(undone is ALONE), 5, 1, 5)


def test_a_telling_that_was_withdrawn_and_comes_again_counts_as_before(log: Log) -> None:
    handle(log, OF_ORDER, context(batch="b1"))
    handle(log, ALONE, context())
    handle(log, UndoBatch(batch="b1", reason="wrong file"), context())
    assert counted(log) == (1, 0, 5, 1, 5)
    handle(log, OF_ORDER, context(batch="b2"))
    assert counted(log) == ONCE


def test_both_tellings_at_the_same_moment_count_once(log: Log) -> None:
    handle(log, RecordCustomer(profile=ANN), context())
    told = [replace(one, source_id=f"r-{n}") for n in range(20) for one in (ALONE, OF_ORDER)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda command: handle(log, command, context()), told))
    assert counted(log) == (20, 20, 100, 20, 100)
