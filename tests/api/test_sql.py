import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest

from commands.command import Context, RecordOrder
from commands.handle import handle
from projections.projector import Projector
from projections.schema import prepare
from streams.log import Log
from tests.api.conftest import Command

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def two_tenants(log: Log) -> None:
    """One order of each of two tenants, in the read models."""
    for tenant, total in (("main", "9007199254740993.10"), ("rival", "7.00")):
        order = RecordOrder(source_id="1", currency="EUR", total=Decimal(total), occurred_at=NOON)
        handle(log, order, Context(tenant=tenant, actor="shop", source="shop", now=NOON))
    prepare(log.conninfo)
    Projector(log, log.conninfo).catch_up()


@pytest.mark.usefixtures("two_tenants")
def test_an_analyst_sees_the_rows_of_the_tenant_asked_for_and_no_other(backstory: Command) -> None:
    asked = "SELECT tenant, total FROM read.orders"
    assert backstory("sql", asked, "--format", "csv").out == "tenant,total\nmain,9007199254740993.10\n"
    assert backstory("sql", asked, "--tenant", "rival", "--format", "csv").out == "tenant,total\nrival,7.00\n"
    assert backstory("sql", asked, "--tenant", "nobody", "--format", "csv").out == "tenant,total\n"


def test_the_schema_need_not_be_named(backstory: Command) -> None:
    assert backstory("sql", "SELECT count(*) FROM orders", "--format", "csv").out == "count\n0\n"


def test_json_is_one_object_a_line_with_every_digit(backstory: Command) -> None:
    asked = (
        "SELECT 9007199254740993 AS id, 0.10000000000000000001 AS exact, true AS yes, NULL AS nothing, "
        "'{\"a\": [12.30, null]}'::jsonb AS doc, 'a\"b\n' AS text, 'NaN'::numeric AS nan, "
        "timestamptz '2026-03-01 13:00:00.5+01' AS at, 1 AS id FROM generate_series(1, 2)"
    )
    lines = backstory("sql", asked, "--format", "json").out.splitlines()
    assert lines[0] == lines[1]
    assert lines[0] == (
        '{"id": 9007199254740993, "exact": 0.10000000000000000001, "yes": true, "nothing": null, '
        '"doc": {"a": [12.30, null]}, "text": "a\\"b\\n", "nan": "NaN", "at": "2026-03-01T12:00:00.5+00:00", "id_2": 1}'
    )
    assert json.loads(lines[0], parse_float=Decimal)["exact"] == Decimal("0.10000000000000000001")
    assert backstory("sql", "SELECT 1 AS a", "--json").out == '{"a": 1}\n'


def test_csv_has_a_header_and_an_empty_field_for_null(backstory: Command) -> None:
    told = backstory("sql", "SELECT 'a,\"b' AS x, NULL AS y, false AS z", "--format", "csv")
    assert told == (0, 'x,y,z\n"a,""b",,false\n', "")


def test_a_table_shows_null_aligns_numbers_and_hides_control_characters(backstory: Command) -> None:
    told = backstory("sql", "SELECT * FROM (VALUES (1, 'a'), (22, NULL), (3, E'\\x1b[2J')) AS t (n, s)")
    assert told.out == " n  s\n--  -------\n 1  a\n22  ∅\n 3  \\x1b[2J\n(3 rows)\n"


def test_an_answer_without_rows_still_has_its_columns(backstory: Command) -> None:
    assert backstory("sql", "SELECT 1 AS n WHERE false").out == "n\n-\n(0 rows)\n"


def test_a_refusal_of_the_database_is_one_line_with_its_place(backstory: Command) -> None:
    told = backstory("sql", "SELECT nonsense FROM orders")
    assert told == (1, "", 'backstory: column "nonsense" does not exist (at character 8)\n')


REFUSED = {
    "a second statement": "SELECT 1; SELECT 2",
    "a second statement that resets the role": "SELECT 1; RESET ROLE",
    "the end of the transaction": "SELECT 1; COMMIT; DROP SCHEMA read CASCADE",
    "reset role": "RESET ROLE",
    "set role": "SET ROLE postgres",
    "reset session authorization": "RESET SESSION AUTHORIZATION",
    "set": "SET backstory.tenant = 'rival'",
    "read write": "SET TRANSACTION READ WRITE",
    "commit": "COMMIT",
    "do": "DO $$ BEGIN EXECUTE 'RESET ROLE'; RAISE NOTICE '%', (SELECT count(*) FROM log.keys); END $$",
    "copy out": "COPY read.orders TO PROGRAM 'cat'",
    "insert": "INSERT INTO model.orders (tenant) VALUES ('main')",
    "update in with": "WITH x AS (UPDATE model.orders SET tenant = 'x' RETURNING 1) SELECT * FROM x",
    "a new table": "SELECT 1 AS a INTO TEMPORARY t",
    "a table": "CREATE TEMPORARY TABLE t (a int)",
    "a lock": "SELECT 1 FROM read.projections FOR UPDATE",
    "another role by set_config": "SELECT set_config('role', 'none', true)",
    "another session by set_config": "SELECT set_config('session_authorization', 'postgres', true)",
    "another tenant by set_config": "SELECT set_config('backstory.tenant', 'rival', true), total FROM read.orders",
    "set_config by another spelling": "SELECT pg_catalog.U&\"set\\005fconfig\"('backstory.tenant', 'rival', true)",
    "set_config in a query in a string": (
        "SELECT query_to_xml('SELECT set_c' || 'onfig(''role'', ''none'', true)', true, true, '')"
    ),
    "writing by set_config": "SELECT set_config('transaction_read_only', 'off', true)",
    "the log": "SELECT * FROM log.events",
    "the keys": "SELECT * FROM log.keys",
    "the log in a string": "SELECT query_to_xml('TABLE log.events', true, true, '')",
    "the passwords": "SELECT * FROM pg_authid",
    "a file": "SELECT pg_read_file('PG_VERSION')",
    "a folder": "SELECT pg_ls_dir('.')",
    "a written file": "SELECT lo_export(1, '/dev/null')",
    "a large object": "SELECT lo_from_bytea(0, 'x')",
    "the end of another session": (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    ),
    "the server's settings": "SELECT pg_reload_conf()",
}


@pytest.mark.usefixtures("two_tenants")
@pytest.mark.parametrize("statement", REFUSED.values(), ids=REFUSED)
def test_no_statement_gets_out_of_its_role_tenant_or_transaction(backstory: Command, statement: str) -> None:
    told = backstory("sql", statement)
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith("backstory: ")
    assert told.err.count("\n") == 1


@pytest.mark.usefixtures("two_tenants")
def test_without_the_guard_another_tenant_could_be_read(backstory: Command, database: str) -> None:
    """What the guard is for: were set_config free, the statement above would show the rival's row."""
    backstory("sql", "SELECT 1")
    with psycopg.connect(database) as connection:
        connection.execute("SELECT set_config('backstory.tenant', 'main', true)")
        connection.execute("GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO PUBLIC")
        connection.execute("SET LOCAL ROLE backstory_analyst")
        escaped = connection.execute(
            "WITH o AS MATERIALIZED (SELECT set_config('backstory.tenant', 'rival', true)) "
            "SELECT tenant FROM o, LATERAL (SELECT tenant FROM read.orders WHERE o.set_config IS NOT NULL) AS r"
        ).fetchall()
        connection.rollback()
    assert escaped == [("rival",)]


def test_a_statement_that_takes_too_long_is_given_up(backstory: Command) -> None:
    told = backstory("sql", "SELECT pg_sleep(30)", "--sql-timeout", "0.2")
    assert told == (1, "", "backstory: canceling statement due to statement timeout\n")


@pytest.mark.usefixtures("two_tenants")
def test_read_models_that_are_behind_are_named_on_stderr(backstory: Command, log: Log) -> None:
    assert backstory("sql", "SELECT 1").err == ""
    order = RecordOrder(source_id="2", currency="EUR", total=Decimal(1), occurred_at=NOON)
    handle(log, order, Context(tenant="main", actor="shop", source="shop", now=NOON))
    told = backstory("sql", "SELECT 1", "--format", "csv")
    assert told.out == "?column?\n1\n"
    assert "behind the log" in told.err


def test_a_big_answer_is_streamed_in_little_memory(database: str) -> None:
    script = (
        "from resource import *; import sys; from api.cli import main; peak = lambda: getrusage(RUSAGE_SELF).ru_maxrss;"
        "main([*sys.argv[1:], 'SELECT 1']); small = peak();"
        "main([*sys.argv[1:], 'SELECT n, md5(n::text) FROM generate_series(1, 300000) AS n']);"
        "sys.stderr.write(str(peak() - small))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, "sql", "--format", "csv", "--database", database],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout.count("\n") == 300_003
    assert int(ended.stderr.splitlines()[-1]) < 40_000
