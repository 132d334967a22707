"""One lead, deal, order or invoice: its row, what belongs to it, and its events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from api.pages.customers.timeline import Timeline, of_stream
from api.pages.lists.definition import ListPage

_LINES = """
SELECT line, sku, title, quantity, unit_price, currency FROM read.order_lines WHERE order_id = %s ORDER BY line
"""
_REFUNDS = """
SELECT refunded_at, amount, currency, reason FROM read.refunds WHERE order_id = %s ORDER BY refunded_at DESC
"""
_STAGES = """
SELECT changed_at, from_stage, to_stage, seconds_in_from::float8 AS seconds, actor, source
FROM read.stage_changes WHERE deal_id = %s ORDER BY entry DESC
"""
_FIELDS = "SELECT fields FROM read.leads WHERE lead_id = %s"
_WHOSE = "SELECT coalesce(name, company, email, phone) FROM model.customers WHERE customer_id = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """A record as its page shows it; `parts` holds, by name, the rows that belong to it."""

    page: ListPage
    ident: str
    row: Mapping[str, Any]
    customer: str | None
    parts: Mapping[str, Sequence[Mapping[str, Any]]]
    events: Timeline

    @property
    def title(self) -> str:
        """How people call the record."""
        name = self.row[self.page.columns[0].name]
        one = self.page.one.capitalize()
        return name if name and self.page.name == "deals" else f"{one} {name}" if name else one


def details(connection: psycopg.Connection, page: ListPage, ident: str) -> Details | None:
    """Return a record of a list by its id, None where there is none."""
    columns = ", ".join(column.name for column in page.columns if column.name not in {"customer", "order"})
    cursor = connection.cursor(row_factory=dict_row)
    row = cursor.execute(
        f"SELECT {columns} FROM {page.view} WHERE {page.key} = %s".encode(), (ident,)
    ).fetchone()
    if row is None:
        return None
    whose = row["customer_id"] and connection.execute(_WHOSE, (row["customer_id"],)).fetchone()
    return Details(
        page=page,
        ident=ident,
        row=row,
        customer=whose[0] if whose else None,
        parts={
            name: cursor.execute(query.encode(), (ident,)).fetchall()
            for name, query in _PARTS[page.name].items()
        },
        events=of_stream(connection, f"{page.one}-{ident}"),
    )


_PARTS: Mapping[str, Mapping[str, str]] = {
    "orders": {"lines": _LINES, "refunds": _REFUNDS},
    "deals": {"stages": _STAGES},
    "leads": {"answers": _FIELDS},
    "invoices": {},
}
