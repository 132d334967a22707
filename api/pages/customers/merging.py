"""Merging: whom a customer may be joined with, and what would move."""

from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from api.http.v1.listing import OTHERWISE_CALLED, like, searched

_MOST = 10
_KNOWN = "merged_into IS NULL AND (erased_at IS NULL OR coalesce(name, email, phone) IS NOT NULL)"
_FOUND = f"""
SELECT customer_id, name, email, phone, company FROM model.customers
WHERE {_KNOWN} AND customer_id <> %(customer)s
  AND ({searched("name", "email", "phone", "company", "customer_id")} OR {OTHERWISE_CALLED})
ORDER BY name, customer_id LIMIT %(most)s
"""
_NAMED = f"""
SELECT customer_id, name, email, phone, company FROM model.customers
WHERE {_KNOWN} AND customer_id = ANY(
    SELECT coalesce(m.canonical_id, asked.id) FROM unnest(%s::text[]) asked (id)
    LEFT JOIN read.merges m ON m.customer_id = asked.id)
ORDER BY name, customer_id
"""
_MOVES = """
SELECT (SELECT count(*) FROM read.deals WHERE customer_id = %(customer)s) AS deals,
       (SELECT count(*) FROM read.orders WHERE customer_id = %(customer)s) AS orders,
       (SELECT count(*) FROM read.refunds WHERE customer_id = %(customer)s) AS refunds,
       (SELECT count(*) FROM read.invoices WHERE customer_id = %(customer)s) AS invoices,
       (SELECT count(*) FROM read.leads WHERE customer_id = %(customer)s) AS leads,
       (SELECT count(*) FROM read.timeline WHERE customer_id = %(customer)s) AS events
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A customer who may be the same person."""

    customer_id: str
    name: str | None
    email: str | None
    phone: str | None
    company: str | None

    @property
    def title(self) -> str:
        """How the customer is called."""
        return self.name or self.company or self.email or self.phone or "Customer without a name"


@dataclass(frozen=True, slots=True)
class Moves:
    """How much of a customer's is shown under another after a merge."""

    deals: int
    orders: int
    refunds: int
    invoices: int
    leads: int
    events: int


def candidates(connection: psycopg.Connection, customer_id: str, q: str) -> tuple[Candidate, ...]:
    """Return customers whose name, address, number or company contains a text, but not the one given.

    Neither those who were merged into another, nor those who were forgotten.
    """
    cursor = connection.cursor(row_factory=class_row(Candidate))
    asked = {"customer": customer_id, "q": like(q), "most": _MOST}
    return tuple(cursor.execute(_FOUND.encode(), asked).fetchall())


def named(connection: psycopg.Connection, customer_ids: tuple[str, ...]) -> tuple[Candidate, ...]:
    """Return who stands for these customers; of those who were forgotten, nobody."""
    cursor = connection.cursor(row_factory=class_row(Candidate))
    return tuple(cursor.execute(_NAMED, (list(customer_ids),)).fetchall())


def moves(connection: psycopg.Connection, customer_id: str) -> Moves:
    """Return what is shown under a customer, and would be under another after a merge."""
    cursor = connection.cursor(row_factory=class_row(Moves))
    return cursor.execute(_MOVES, {"customer": customer_id}).fetchall()[0]
