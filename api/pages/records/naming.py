"""The records that events are about: what people call them, and where their page is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import psycopg

from api.http.v1.listing import STORED_DEALS, STORED_INVOICES, STORED_LEADS, STORED_ORDERS, Stored
from domain.ids import id_of, kind_of

_NAMED: Mapping[str, tuple[str, Stored]] = {
    "deal": ("deal_id, title", STORED_DEALS),
    "order": ("order_id, source_id", STORED_ORDERS),
    "refund": ("order_id, NULL", Stored("model.orders", "told_refunds IS NOT NULL")),
    "invoice": ("invoice_id, coalesce(number, source_id)", STORED_INVOICES),
    "lead": ("lead_id, form", STORED_LEADS),
}
"""By the kind of a stream, the id and the name of the records, and where those that were told are."""


@dataclass(frozen=True, slots=True)
class Record:
    """A lead, deal, order, refund or invoice: its kind, its id and its name for people."""

    kind: str
    ident: str
    name: str | None

    @property
    def label(self) -> str:
        """How people call it."""
        kind = self.kind.capitalize()
        return f"{kind} {self.name}" if self.name and self.kind != "deal" else self.name or kind

    @property
    def address(self) -> str:
        """Where its page is."""
        return f"/{self.kind}s/{self.ident}"


def records_of(connection: psycopg.Connection, streams: Collection[str]) -> dict[str, Record]:
    """Return, by stream, the records that have a page; of one that was never told itself, nothing."""
    found: dict[str, Record] = {}
    for kind, (columns, (table, where)) in _NAMED.items():
        idents = [id_of(stream) for stream in streams if kind_of(stream) == kind]
        if idents:
            key = columns.partition(",")[0]
            query = f"SELECT {columns} FROM {table} WHERE {key} = ANY(%s) AND {where}"
            for ident, name in connection.execute(query.encode(), (idents,)).fetchall():
                found[f"{kind}-{ident}"] = Record(kind, ident, name)
    return found
