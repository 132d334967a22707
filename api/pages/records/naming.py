"""The records that events are about: what people call them, and where their page is."""

from collections.abc import Collection
from dataclasses import dataclass

import psycopg

from domain.ids import id_of, kind_of

_NAMED = {
    "deal": "SELECT deal_id, title FROM model.deals WHERE deal_id = ANY(%s)",
    "order": "SELECT order_id, source_id FROM model.orders WHERE order_id = ANY(%s)",
    "invoice": "SELECT invoice_id, coalesce(number, source_id) FROM model.invoices WHERE invoice_id = ANY(%s)",
    "lead": "SELECT lead_id, form FROM model.leads WHERE lead_id = ANY(%s)",
}


@dataclass(frozen=True, slots=True)
class Record:
    """A lead, deal, order or invoice: its kind, its id and its name for people."""

    kind: str
    ident: str
    name: str | None

    @property
    def label(self) -> str:
        """How people call it."""
        return (
            f"{self.kind.capitalize()} {self.name}"
            if self.name and self.kind != "deal"
            else self.name or self.kind
        )

    @property
    def address(self) -> str:
        """Where its page is."""
        return f"/{self.kind}s/{self.ident}"


def records_of(connection: psycopg.Connection, streams: Collection[str]) -> dict[str, Record]:
    """Return, by stream, the records that have a page; of a stream that no read model shows, nothing."""
    found: dict[str, Record] = {}
    for kind, query in _NAMED.items():
        idents = [id_of(stream) for stream in streams if kind_of(stream) == kind]
        if idents:
            for ident, name in connection.execute(query.encode(), (idents,)).fetchall():
                found[f"{kind}-{ident}"] = Record(kind, ident, name)
    return found
