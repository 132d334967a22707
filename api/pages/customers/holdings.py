"""What a customer has with us: money by currency, deals, orders, refunds and invoices."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import psycopg
from psycopg.rows import class_row
from psycopg.types.numeric import NumericLoader

from api.pages.customers.standing import Standing

MOST = 8
"""How many records of a kind the page shows before it leads to the list."""


def due(total: Decimal, paid: Decimal, status: str) -> Decimal:
    """Return what is still to be paid of an order; nothing of a cancelled one."""
    return Decimal(0) if status == "cancelled" else max(total - paid, Decimal(0))


@dataclass(frozen=True, slots=True)
class Money:
    """What a customer bought and was given back, in one currency."""

    currency: str
    orders: int
    gross: Decimal
    refunds: int
    refunded: Decimal
    net: Decimal


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal on the page."""

    deal_id: str
    title: str | None
    pipeline: str | None
    stage: str | None
    outcome: str
    amount: Decimal | None
    currency: str | None
    opened_at: datetime
    stage_since: datetime | None
    closed_at: datetime | None
    owner: str | None
    next_follow_up_on: date | None


@dataclass(frozen=True, slots=True)
class Order:
    """An order on the page."""

    order_id: str
    source: str | None
    source_id: str | None
    placed_at: datetime | None
    currency: str
    total: Decimal
    paid: Decimal
    refunded: Decimal
    status: str
    payment_status: str
    fulfilment_status: str

    @property
    def due(self) -> Decimal:
        """What is still to be paid."""
        return due(self.total, self.paid, self.status)


@dataclass(frozen=True, slots=True)
class Refund:
    """Money back, perhaps for an order that nobody knows."""

    refund_id: str
    order_id: str | None
    order_source_id: str | None
    refunded_at: datetime
    currency: str
    amount: Decimal
    reason: str | None


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice on the page."""

    invoice_id: str
    number: str | None
    source_id: str | None
    issued_at: datetime
    due_at: datetime | None
    currency: str
    total: Decimal
    paid: Decimal
    due: Decimal
    status: str


@dataclass(frozen=True, slots=True)
class Holdings:
    """Everything a customer has with us; of each kind the first MOST, and how many there are."""

    money: tuple[Money, ...]
    deals: tuple[Deal, ...]
    orders: tuple[Order, ...]
    refunds: tuple[Refund, ...]
    invoices: tuple[Invoice, ...]
    counts: dict[str, int]


T = TypeVar("T")
_MONEY = """
SELECT currency, sum(orders)::bigint AS orders, sum(gross) AS gross, sum(refunds)::bigint AS refunds,
       sum(refunded) AS refunded, sum(gross) - sum(refunded) AS net
FROM model.customer_money WHERE customer_id = ANY(%(ids)s) GROUP BY currency ORDER BY currency
"""
_DEALS = """
SELECT deal_id, title, pipeline, stage, outcome, amount, currency, opened_at, stage_since, closed_at, owner,
       next_follow_up_on
FROM model.deals WHERE customer_id = ANY(%(ids)s) AND opened_at IS NOT NULL
ORDER BY outcome = 'open' DESC, opened_at DESC, deal_id DESC LIMIT %(most)s
"""
_ORDERS = """
SELECT order_id, source, source_id, placed_at, currency, total, paid, refunded, status, payment_status,
       fulfilment_status
FROM model.orders WHERE customer_id = ANY(%(ids)s) AND currency IS NOT NULL
ORDER BY placed_at DESC, order_id DESC LIMIT %(most)s
"""
_REFUNDS = """
SELECT r.refund_id, r.order_id, o.source_id AS order_source_id, r.refunded_at, r.currency, r.amount, r.reason
FROM (
    SELECT * FROM read.refunds WHERE customer_id = %(customer)s ORDER BY refunded_at DESC, refund_id DESC LIMIT %(most)s
) r LEFT JOIN model.orders o ON o.order_id = r.order_id AND o.currency IS NOT NULL
ORDER BY r.refunded_at DESC, r.refund_id DESC
"""
_INVOICES = """
SELECT invoice_id, number, source_id, issued_at, due_at, currency, total, paid, due, status
FROM model.invoices WHERE customer_id = ANY(%(ids)s) AND currency IS NOT NULL
ORDER BY due > 0 DESC, issued_at DESC, invoice_id DESC LIMIT %(most)s
"""
_COUNTS = """
SELECT d.deals, d.open_deals, o.orders, l.leads, i.invoices
FROM (SELECT count(*) AS deals, count(*) FILTER (WHERE outcome = 'open') AS open_deals FROM model.deals
      WHERE customer_id = ANY(%(ids)s) AND opened_at IS NOT NULL) d,
     (SELECT count(*) AS orders FROM model.orders WHERE customer_id = ANY(%(ids)s) AND currency IS NOT NULL) o,
     (SELECT count(*) AS leads FROM model.leads WHERE customer_id = ANY(%(ids)s) AND captured_at IS NOT NULL) l,
     (SELECT count(*) AS invoices FROM model.invoices WHERE customer_id = ANY(%(ids)s) AND currency IS NOT NULL) i
"""


def holdings(connection: psycopg.Connection, who: Standing) -> Holdings:
    """Return what a customer that stands has with us, of those merged into it too."""
    asked = {"customer": who.customer_id, "ids": who.ids, "most": MOST}
    money = _rows(connection, Money, _MONEY, asked)
    [counts] = _rows(connection, dict, _COUNTS, asked)
    return Holdings(
        money=money,
        deals=_rows(connection, Deal, _DEALS, asked),
        orders=_rows(connection, Order, _ORDERS, asked),
        refunds=_rows(connection, Refund, _REFUNDS, asked),
        invoices=_rows(connection, Invoice, _INVOICES, asked),
        counts={**counts, "refunds": sum(one.refunds for one in money)},
    )


def _rows(connection: psycopg.Connection, kind: type[T], query: str, asked: dict[str, Any]) -> tuple[T, ...]:
    cursor = connection.cursor(row_factory=class_row(kind))
    cursor.adapters.register_loader("numeric", NumericLoader)
    return tuple(cursor.execute(query.encode(), asked).fetchall())
