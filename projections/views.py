"""The views of schema `read`: one SQL file each, the columns of contracts.md, for analysts and the API."""

import hashlib
from importlib.resources import files
from string import Template

import psycopg

from domain.pipeline import DEFAULT
from projections.pipelines import encoded_stages

ORDER = (
    "merges",
    "customers",
    "identities",
    "leads",
    "deals",
    "stage_changes",
    "pipeline_board",
    "orders",
    "order_lines",
    "refunds",
    "customer_money",
    "invoices",
    "timeline",
    "anomalies",
    "projections",
    "partitions",
    "held",
)
"""Every view, each after those it stands on."""

_MERGED = {
    "customer": "m.canonical_id",
    "merges": "JOIN read.merges m ON m.tenant = t.tenant AND m.customer_id = t.customer_id",
    "unmerged": "true",
}
_UNMERGED = {
    "customer": "t.customer_id",
    "merges": "",
    "unmerged": "NOT EXISTS (SELECT FROM model.customers u WHERE u.tenant = t.tenant "
    "AND u.customer_id = t.customer_id AND u.merged_into IS NOT NULL)",
}


def view_sql(name: str) -> str:
    """Return the query of a view.

    One that names `$customer` shows each row under the customer that its `t.customer_id` stands for: once for rows of
    customers who were never merged, once for the others, so that a filter on customer_id finds both by index.
    """
    text = (files("projections") / "views" / f"{name}.sql").read_text(encoding="utf-8").strip()
    template = Template(text)
    default = {
        "default_name": quoted(DEFAULT.name),
        "default_stages": quoted(encoded_stages(DEFAULT)),
    }
    if "customer" not in template.get_identifiers():
        return template.substitute(default)
    return f"({template.substitute(_UNMERGED)})\nUNION ALL\n({template.substitute(_MERGED)})"


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def create_views(connection: psycopg.Connection, *, again: bool = False) -> bool:
    """Create every view as its file says, unless that is how they are; say whether anything was done.

    With `again` they are made in any case: tables below them were swapped.
    """
    statements = [
        f"CREATE VIEW read.{name} WITH (security_invoker = true) AS\n{view_sql(name)}" for name in ORDER
    ]
    digest = hashlib.sha256("\n".join(statements).encode()).hexdigest()
    if not again and connection.execute("SELECT digest FROM model.views").fetchone() == (digest,):
        return False
    drop_views(connection)
    for statement in statements:
        connection.execute(statement.encode())
    connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA read TO backstory_analyst")
    connection.execute(
        "INSERT INTO model.views (digest) VALUES (%s) ON CONFLICT (one) DO UPDATE SET digest = excluded.digest",
        (digest,),
    )
    return True


def drop_views(connection: psycopg.Connection) -> None:
    """Drop every view of schema `read`."""
    found = connection.execute(
        "SELECT string_agg(format('read.%I', viewname), ', ') FROM pg_views WHERE schemaname = 'read'"
    ).fetchone()
    if found is not None and found[0] is not None:
        connection.execute(f"DROP VIEW {found[0]}".encode())
