"""Which customer a page is about: the one that stands, and every record that was merged into it."""

from dataclasses import dataclass

import psycopg

_MOST = 50  # merges one after the other that are followed

_UP = """
WITH RECURSIVE up AS (
    SELECT c.customer_id, c.merged_into, 0 AS step FROM model.customers c WHERE c.customer_id = %(customer)s
    UNION ALL
    SELECT c.customer_id, c.merged_into, up.step + 1 FROM up JOIN model.customers c ON c.customer_id = up.merged_into
    WHERE up.step < %(most)s
)
SELECT customer_id FROM up WHERE merged_into IS NULL
"""
_DOWN = """
WITH RECURSIVE down AS (
    SELECT c.customer_id, 0 AS step FROM model.customers c WHERE c.customer_id = %(customer)s
    UNION ALL
    SELECT c.customer_id, down.step + 1 FROM down JOIN model.customers c ON c.merged_into = down.customer_id
    WHERE down.step < %(most)s
)
SELECT customer_id FROM down
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """A customer that stands for itself, and the others that are shown under it."""

    customer_id: str
    merged: tuple[str, ...] = ()

    @property
    def ids(self) -> list[str]:
        """Every record of the person."""
        return [self.customer_id, *self.merged]


def standing(connection: psycopg.Connection, customer_id: str) -> Standing | None:
    """Return whom an id stands for within the tenant of this connection, None where it names nobody."""
    asked = {"customer": customer_id, "most": _MOST}
    found = connection.execute(_UP, asked).fetchone()
    if found is None:
        return None
    stands: str = found[0]
    rows = connection.execute(_DOWN, asked | {"customer": stands}).fetchall()
    return Standing(stands, tuple(sorted({ident for (ident,) in rows} - {stands})))
