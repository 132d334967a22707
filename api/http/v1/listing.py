"""Lists and single records: filters, search, pages by cursor, and the position they stand at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

import msgspec
import psycopg
from fastapi import Response
from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict, Field

from api.http.errors import Problem, malformed
from api.http.v1.asking import Ask
from api.http.v1.cursors import Place, read_cursor, write_cursor
from api.http.v1.service import after_passed, json_response
from api.http.v1.strict import given_twice

_LARGEST = 2**62
OF_REFUND = "refund_id || coalesce(order_id, '')"
"""What tells refunds apart: their source may tell one id of several orders."""
OF_PERSON = (
    "customer_id = ANY(ARRAY(SELECT %(customer_id)s::text WHERE NOT EXISTS (SELECT FROM model.customers c "
    "WHERE c.customer_id = %(customer_id)s AND c.merged_into IS NOT NULL) "
    "UNION ALL SELECT m.customer_id FROM read.merges m WHERE m.canonical_id = %(customer_id)s))"
)
"""The condition of the rows of a customer that stands: recorded with it, or with one who was merged into it."""
STANDS = "CASE WHEN m.canonical_id IS NULL THEN t.customer_id ELSE m.canonical_id END"
STANDING = f"{STANDS} AS customer_id"
MERGES = "LEFT JOIN read.merges m ON m.customer_id = t.customer_id"
"""Who stands for the customer of a row of `t`, and the join that it takes.

CASE, since under row-level security no index is used for what is equal to a coalesce: PostgreSQL fears that it leaks.
"""


class Stored(NamedTuple):
    """What a view shows, row by row: the rows of a table where a condition holds."""

    table: str
    where: str


STORED_LEADS = Stored("model.leads", "captured_at IS NOT NULL")
STORED_DEALS = Stored("model.deals", "opened_at IS NOT NULL")
STORED_ORDERS = Stored("model.orders", "currency IS NOT NULL")
STORED_INVOICES = Stored("model.invoices", "currency IS NOT NULL")


class Reading(BaseModel):
    """What every read takes."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    after: int | None = Field(
        None,
        ge=0,
        le=_LARGEST,
        description="Answer only when the read models have passed this position; 503 where that takes too long.",
        examples=[0],
    )
    as_of: str | None = Field(
        None, max_length=100, description="Not supported yet: refused with code `as-of-unsupported`."
    )


class Page(Reading):
    """What every list takes."""

    limit: int = Field(50, ge=1, le=200, description="How many rows.", examples=[10])
    cursor: str | None = Field(None, max_length=1000, description="`next` of the page before.")


Search = Annotated[
    str | None, Field(max_length=200, description="Rows that contain this text, in any case.", examples=["e"])
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list: a view of schema `read`, its columns, its key, what it is ordered by (newest first) and its filters.

    A filter is a condition with the filter's own name as its parameter. Where rows are `stored`, pages are read from
    there in the order of the table's index, then customers stand for those merged. Where several rows have one key,
    `tie` is what tells them apart.
    """

    view: str
    key: str
    order: str
    columns: tuple[str, ...]
    filters: Mapping[str, str] = field(default_factory=dict)
    order_type: str = "timestamptz"
    stored: Stored | None = None
    tie: str = ""

    def answer(self, ask: Ask, query: Page, **fixed: str) -> Response:
        """Return a page: `data`, `next` (the cursor of the next page, or null) and `position`."""
        begin(ask, query)
        given = {
            name: value
            for name, value in query.model_dump(exclude={"limit", "cursor", "after", "as_of"}).items()
            if value is not None
        } | fixed
        about = msgspec.json.encode([ask.caller.tenant, self.view, given], order="sorted").decode()
        keyring = ask.service.log.keyring
        last = None if query.cursor is None else read_cursor(keyring, about, query.cursor)
        with ask.service.reads.of(ask.caller.tenant) as connection:
            position = reached(connection)
            rows = self._rows(connection, given, last, query.limit + 1)
        more = len(rows) > query.limit
        places = [Place(row.pop("_order"), row.pop("_tie")) for row in rows]
        following = write_cursor(keyring, about, places[query.limit - 1]) if more else None
        return json_response({"data": rows[: query.limit], "next": following, "position": position})

    def _rows(
        self, connection: psycopg.Connection, given: Mapping[str, Any], last: Place | None, most: int
    ) -> list[dict[str, Any]]:
        conditions = [self.filters[name] for name in given]
        values = {name: like(value) if name == "q" else value for name, value in given.items()}
        if last is not None:
            conditions.append(self._beyond(last))
            values |= {"_value": last.value, "_key": last.key}
        tie = self.tie or self.key
        order = f"ORDER BY {self.order} DESC, {tie} DESC"
        columns, joined = ", ".join(self.columns), ""
        source, where = self.stored or (self.view, "true")
        if self.stored is not None:
            columns = ", ".join(STANDING if name == "customer_id" else f"t.{name}" for name in self.columns)
            joined = MERGES
        rows = f"SELECT * FROM {source} WHERE {' AND '.join([where, *conditions])} {order}"
        cursor = connection.cursor(row_factory=dict_row)
        cursor.execute(
            f"SELECT {columns}, {self.order}::text AS _order, {tie}::text AS _tie "
            f"FROM ({rows} LIMIT {most}) t {joined} {order}".encode(),
            values,
        )
        return cursor.fetchall()

    def _beyond(self, last: Place) -> str:
        """Return the condition of the rows after a place; those without an order come first, as the index has them."""
        tie = self.tie or self.key
        if last.value is None:
            return f"({self.order} IS NOT NULL OR {tie} < %(_key)s)"
        return f"({self.order}, {tie}) < (%(_value)s::{self.order_type}, %(_key)s)"

    def one(self, connection: psycopg.Connection, ident: str) -> dict[str, Any] | None:
        """Return the row of a key, or None."""
        cursor = connection.cursor(row_factory=dict_row)
        cursor.execute(
            f"SELECT {', '.join(self.columns)} FROM {self.view} WHERE {self.key} = %s".encode(), (ident,)
        )
        return cursor.fetchone()


def begin(ask: Ask, query: Reading) -> None:
    """Wait for what the reader has seen.

    Raises Problem 503, or 400 for a parameter that is given twice and for the past, which is not shown yet.
    """
    twice = given_twice(name for name, _ in ask.request.query_params.multi_items())
    if twice is not None:
        raise malformed([{"loc": ("query", twice), "msg": "given once"}])
    if query.as_of is not None:
        title = "The past is not shown here yet; leave out as_of."
        raise Problem(400, "as-of-unsupported", title)
    after_passed(ask.service, query.after)


def reached(connection: psycopg.Connection) -> int:
    """Return the position that every read model has passed."""
    row = connection.execute("SELECT coalesce(min(position), 0) FROM model.places").fetchone()
    return int(row[0]) if row else 0


def like(text: str) -> str:
    """Return the pattern of texts that contain this one."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def searched(*columns: str) -> str:
    """Return the condition that one of these columns contains the text searched for, in any case."""
    wanted = '(SELECT lower(%(q)s COLLATE "default"))'  # once, where ILIKE would do so for every row
    found = (f'lower({column} COLLATE "default") LIKE {wanted}' for column in columns)
    return f"({' OR '.join(found)})"


OTHERWISE_CALLED = (
    "customer_id IN (SELECT m.canonical_id FROM read.merges m "
    "JOIN model.customers s ON s.customer_id = m.customer_id "
    f"WHERE {searched('s.name', 's.email', 's.phone', 's.company')})"
)
"""The condition that a customer was merged into this one of whom the text searched for is known."""
_LONG_DEALS = (
    f"SELECT FROM model.deals l WHERE l.deal_id = deals.deal_id AND {searched('l.title', 'l.company')}"
)
DEALS_SEARCHED = f"({searched('found_by')} OR (found_by IS NULL AND EXISTS ({_LONG_DEALS})))"
"""The condition that title or company of a row of model.deals contains the text searched for: mostly by an index."""


def shown(ask: Ask, kind: str, ident: str, row: dict[str, Any], position: int) -> Response:
    """Return a record's row, with the version that its stream had at a position as `version` and ETag."""
    with ask.service.log.connection() as connection:
        found = connection.execute(
            "SELECT version FROM log.events WHERE tenant = %s AND stream = %s AND position <= %s "
            "ORDER BY version DESC LIMIT 1",
            (ask.caller.tenant, f"{kind}-{ident}", max(position, row["position"])),
        ).fetchone()
    version = found[0] if found else 0
    return json_response(row | {"version": version}, headers={"ETag": f'"{version}"'})
