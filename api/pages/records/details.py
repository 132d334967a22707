"""One lead, deal, order, refund or invoice: its row, what belongs to it, and its events."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row

from api.pages.customers.holdings import due
from api.pages.customers.timeline import Timeline, of_positions, of_stream
from api.pages.lists.definition import ListPage
from api.pages.records.naming import Record, records_of
from api.pages.templates import money
from domain.event import stored_as
from domain.invoice import InvoiceLine
from domain.order import OrderLine, RefundIssued
from projections.deals import Deal, to_do
from projections.invoices import Invoice
from projections.orders import ZERO, Content, Order
from streams.log import COLUMNS, Log

_REFUNDS = """
SELECT refund_id, refunded_at, amount, currency, reason FROM read.refunds
WHERE order_id = %s ORDER BY refunded_at DESC, refund_id DESC
"""
_STAGES = """
SELECT changed_at, from_stage, to_stage, seconds_in_from::float8 AS seconds, actor, source
FROM read.stage_changes WHERE deal_id = %s ORDER BY entry DESC
"""
_FIELDS = "SELECT fields FROM read.leads WHERE lead_id = %s"
_QUERIES: Mapping[str, Mapping[str, str]] = {
    "orders": {"refunds": _REFUNDS},
    "leads": {"answers": _FIELDS},
}
_ORDER = "SELECT state FROM model.orders WHERE order_id = %s"
_INVOICE = "SELECT state FROM model.invoices WHERE invoice_id = %s"
_DEAL = "SELECT state FROM model.deals WHERE deal_id = %s"
_WHOSE = "SELECT coalesce(name, company, email, phone) FROM model.customers WHERE customer_id = %s"
_decode = msgspec.json.Decoder(Invoice).decode
_decode_order = msgspec.json.Decoder(Order).decode
_decode_deal = msgspec.json.Decoder(Deal).decode

Row = Mapping[str, Any]
Parts = Mapping[str, Sequence[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """A record as its page shows it.

    `related` holds, by column, the records that its row names; `parts`, by name, the rows that belong to it.
    """

    page: ListPage
    ident: str
    row: Row
    customer: str | None
    related: Mapping[str, Record]
    parts: Parts
    events: Timeline

    @property
    def title(self) -> str:
        """How people call the record."""
        one = self.page.one.capitalize()
        if self.page.name == "refunds":
            return f"{one} of {money(self.row['amount'], self.row['currency'])}"
        name = self.row[self.page.columns[0].name]
        if self.page.name == "leads" and self.customer:
            return f"{self.customer} · {name}" if name else self.customer
        return name if name and self.page.name == "deals" else f"{one} {name}" if name else one

    @property
    def due(self) -> Decimal:
        """What is still to be paid of an order."""
        return due(Decimal(self.row["total"]), Decimal(self.row["paid"]), self.row["status"])

    @property
    def heard_by(self) -> tuple[str, str]:
        """The kind and the id by which it is told that the record has changed: a refund's are those of its order."""
        if self.page.name == "refunds" and self.row["order_id"]:
            return "order", self.row["order_id"]
        return self.page.one, self.ident


def details(
    connection: psycopg.Connection, log: Log, tenant: str, page: ListPage, ident: str
) -> Details | None:
    """Return a record of a list of a tenant by its id, None where there is none."""
    columns = ", ".join(column.name for column in page.columns if column.name not in {"customer", "order"})
    cursor = connection.cursor(row_factory=dict_row)
    row = cursor.execute(
        f"SELECT {columns}, position FROM {page.view} WHERE {page.key} = %s".encode(), (ident,)
    ).fetchone()
    if row is None:
        return None
    whose = row["customer_id"] and connection.execute(_WHOSE, (row["customer_id"],)).fetchone()
    if page.name == "refunds":
        parts, events = _of_refund(connection, log, tenant, row)
    else:
        parts, events = _of_record(cursor, page, ident), of_stream(connection, f"{page.one}-{ident}")
    return Details(
        page=page,
        ident=ident,
        row=row,
        customer=whose[0] if whose else None,
        related=_related(connection, page, row),
        parts=parts,
        events=events,
    )


def _related(connection: psycopg.Connection, page: ListPage, row: Row) -> Mapping[str, Record]:
    streams = {
        column.name: f"{column.name.removesuffix('_id')}-{row[column.name]}"
        for column in page.columns
        if column.shown == "record" and row[column.name]
    }
    known = records_of(connection, streams.values())
    return {name: known[stream] for name, stream in streams.items() if stream in known}


def _of_record(cursor: psycopg.Cursor[dict[str, Any]], page: ListPage, ident: str) -> Parts:
    if page.name == "deals":
        [deal] = cursor.execute(_DEAL.encode(), (ident,)).fetchall()
        return {
            "to_do": [asdict(planned) for planned in to_do(_decode_deal(deal["state"]))],
            "stages": cursor.execute(_STAGES.encode(), (ident,)).fetchall(),
        }
    if page.name == "invoices":
        [found] = cursor.execute(_INVOICE.encode(), (ident,)).fetchall()
        invoice = _decode(found["state"]).issued.value
        return {"lines": _lines(invoice.lines) if invoice else ()}
    parts: dict[str, Sequence[Row]] = {
        name: cursor.execute(query.encode(), (ident,)).fetchall()
        for name, query in _QUERIES[page.name].items()
    }
    if page.name == "orders":
        [found] = cursor.execute(_ORDER.encode(), (ident,)).fetchall()
        content = _decode_order(found["state"]).content.value
        return parts | (_priced(content) if content else {})
    return parts


def _of_refund(connection: psycopg.Connection, log: Log, tenant: str, row: Row) -> tuple[Parts, Timeline]:
    """Return what the events of a refund tell beside its row, and those events: its order's, or in its own stream."""
    streams = [f"refund-{row['refund_id']}", f"order-{row['order_id']}"]
    with log.connection() as stored:
        rows = stored.execute(
            f"SELECT {COLUMNS} FROM log.events WHERE tenant = %s AND stream = ANY(%s) AND type = %s "
            "ORDER BY position",
            (tenant, streams, stored_as(RefundIssued).name),
        ).fetchall()
    told = [
        (event, recorded.position)
        for recorded in log.decode(rows, strict=False)
        if isinstance(event := recorded.event, RefundIssued) and event.refund_id == row["refund_id"]
    ]
    newest = [max(told, key=lambda one: (one[0].occurred_at, one[1]))[0]] if told else []
    parts: Parts = {
        "told": [{"source": one.source, "source_id": one.source_id} for one in newest],
        "lines": [line for one in newest for line in _lines(one.lines)],
    }
    return parts, of_positions(connection, [position for _, position in told])


def _lines(lines: Iterable[OrderLine | InvoiceLine]) -> list[Row]:
    """Return lines with the amount of each."""
    return [{"sku": None, **asdict(line), "amount": line.quantity * line.unit_price} for line in lines]


def _priced(content: Content) -> dict[str, Sequence[Row]]:
    """Return the lines of an order, and how they come to its total: what they do not explain is told, too."""
    lines = _lines(content.lines)
    told = {
        "Subtotal": sum((line["amount"] for line in lines), ZERO),
        "Discount": -content.discount,
        "Shipping": content.shipping,
        "Tax": content.tax,
    }
    told["Difference" if lines else "Not told in lines"] = content.total - sum(told.values(), ZERO)
    added = [(name, amount) for name, amount in told.items() if amount]
    summed = [*(added if len(added) > 1 else ()), ("Total", content.total)]
    return {
        "lines": lines,
        "sums": [{"name": name, "amount": amount} for name, amount in summed],
    }
