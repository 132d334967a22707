import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.cli import main
from api.deliver.idle import follow_up
from commands.command import Context, DefineFollowUps, OpenDeal, RecordOrder
from commands.handle import handle
from domain.tenant import FollowUpRule
from projections.projector import Projector
from projections.schema import prepare
from streams.log import Log
from tests.api.conftest import Command

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def three_orders(log: Log) -> None:
    for number in ("1", "2", "3"):
        order = RecordOrder(source_id=number, currency="EUR", total=Decimal(1), occurred_at=NOON)
        handle(log, order, Context(tenant="main", actor="shop", source="shop", now=NOON))
    prepare(log.conninfo)
    Projector(log, log.conninfo).catch_up()


def found(backstory: Command) -> tuple[int, dict[str, dict[str, Any]]]:
    told = backstory("doctor", "--json")
    document = json.loads(told.out)
    assert document["ok"] is (told.code == 0)
    return told.code, {part["part"]: part for part in document["parts"]}


def test_an_idle_deal_that_nobody_follows_up_is_found(backstory: Command, log: Log) -> None:
    prepare(log.conninfo)
    then = Context(tenant="main", actor="mara", source="app", now=NOON)
    handle(
        log, DefineFollowUps(rules=(FollowUpRule(pipeline="sales", stage="New", days=7, task="Call"),)), then
    )
    handle(log, OpenDeal(pipeline="sales", stage="New", title="Lamps"), then)
    Projector(log, log.conninfo).catch_up()
    assert backstory("doctor", "--role", "deliver").code == 0, "it was told just now"
    tampered(log.conninfo, "UPDATE log.events SET recorded_at = recorded_at - interval '1 hour'")
    code, parts = found(backstory)
    assert (code, parts["deliver"]["ok"], parts["deliver"]["idle_deals_waiting"]) == (1, False, 1)
    assert backstory("doctor", "--role", "deliver").code == 1
    with psycopg.connect(log.conninfo, autocommit=True) as connection:
        follow_up(log, connection)
    assert backstory("doctor", "--role", "deliver").code == 0


def tampered(database: str, *statements: str) -> None:
    """Change what nobody but the owner of the database could, its guards off."""
    with psycopg.connect(database) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            connection.execute(statement.encode())


@pytest.mark.usefixtures("three_orders")
def test_everything_is_well_when_nothing_is_wrong(backstory: Command) -> None:
    backstory("sql", "SELECT 1")
    code, parts = found(backstory)
    assert code == 0
    assert {
        "database",
        "migrations",
        "master key",
        "log",
        "projector",
        "read model orders",
        "analysts",
    } <= parts.keys()
    assert (parts["log"]["head"], parts["log"]["complete"]) == (3, True)
    assert parts["read model orders"]["lag_events"] == 0


def test_a_folder_where_nothing_was_started_is_said_and_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--data", str(tmp_path / "none")]) == 1
    assert "nothing was ever started there" in capsys.readouterr().out
    assert not (tmp_path / "none").exists()


def test_a_database_that_is_not_there_is_a_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "postgresql://user:secret@127.0.0.1:1/x"
    assert main(["doctor", "--json", "--data", str(tmp_path), "--database", url]) == 1
    [part] = json.loads(capsys.readouterr().out)["parts"]
    assert (part["part"], part["ok"]) == ("database", False)
    assert "secret" not in part["says"]


@pytest.mark.usefixtures("three_orders")
@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM log.events WHERE position = 2", "there are 2 events"),
        ("DELETE FROM log.events WHERE position = 3", "there are 2 events"),
        ("UPDATE log.head SET position = 4", "the head is 4"),
        ("UPDATE log.events SET version = 2 WHERE position = 1", "1 streams lack a version"),
    ],
)
def test_a_log_that_is_not_whole_is_found(
    backstory: Command, database: str, statement: str, says: str
) -> None:
    tampered(database, statement)
    code, parts = found(backstory)
    assert code == 1
    assert (parts["log"]["ok"], parts["log"]["complete"]) == (False, False)
    assert says in parts["log"]["says"]


@pytest.mark.usefixtures("three_orders")
def test_a_migration_that_was_not_applied_is_named(backstory: Command, database: str) -> None:
    tampered(database, "DELETE FROM log.migrations")
    code, parts = found(backstory)
    assert code == 1
    assert "missing: 0001_log" in parts["migrations"]["says"]


@pytest.mark.usefixtures("three_orders")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log.migrations SET digest = 'x' WHERE name = '0001_log'",
        "UPDATE log.migrations SET name = '9999_later' WHERE name = '0001_log'",
    ],
)
def test_a_database_of_another_version_is_told_as_the_commands_find_it(
    backstory: Command, database: str, statement: str
) -> None:
    tampered(database, statement)
    code, parts = found(backstory)
    assert (code, parts["migrations"]["ok"]) == (1, False)
    assert "applied by another version of Backstory" in parts["migrations"]["says"]
    refused = backstory("sql", "SELECT 1")
    assert (refused.code, refused.err.count("\n")) == (1, 1)


@pytest.mark.usefixtures("three_orders")
def test_read_models_behind_with_no_projector_are_wrong(backstory: Command, log: Log, database: str) -> None:
    tampered(database, "UPDATE model.places SET heartbeat_at = '2026-01-01'")
    assert found(backstory)[0] == 0 or found(backstory)[1]["projector"]["ok"]
    order = RecordOrder(source_id="4", currency="EUR", total=Decimal(1), occurred_at=NOON)
    handle(log, order, Context(tenant="main", actor="shop", source="shop", now=NOON))
    code, parts = found(backstory)
    assert code == 1
    assert parts["projector"]["ok"] is False
    assert parts["read model orders"]["lag_events"] == 1
    behind = [one for one in parts["projector"]["partitions"] if one["lag_events"]]
    assert {one["model"] for one in behind} >= {"orders", "customers"}
    assert len({one["partition"] for one in behind}) == 1
    assert all((one["lag_events"], one["lag_seconds"] > 0) == (1, True) for one in behind)


@pytest.mark.usefixtures("three_orders")
def test_each_projector_at_work_is_named_with_its_partitions(backstory: Command, database: str) -> None:
    backstory("sql", "SELECT 1")
    tampered(
        database,
        "UPDATE model.places SET heartbeat_at = now(), worker = CASE WHEN partition < 6 THEN 'a:1' ELSE 'b:2' END",
    )
    _, parts = found(backstory)
    assert parts["projector"]["says"] == "at work: a:1 in 6 partitions; b:2 in 6 partitions"
    assert [(one["worker"], one["partitions"]) for one in parts["projector"]["projectors"]] == [
        ("a:1", list(range(6))),
        ("b:2", list(range(6, 12))),
    ]


@pytest.mark.usefixtures("three_orders")
def test_another_master_key_is_found(backstory: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    backstory("keys", "list")
    monkeypatch.setenv("BACKSTORY_MASTER_KEY", "A" * 43 + "=")
    code, parts = found(backstory)
    assert (code, parts["master key"]["ok"]) == (1, False)


@pytest.mark.usefixtures("three_orders")
def test_no_read_model_is_rebuilt_from_a_log_with_a_hole(backstory: Command, database: str) -> None:
    tampered(database, "DELETE FROM log.events WHERE position = 2")
    refused = backstory("replay", "rebuild", "orders", "--approve", "--reason", "test")
    assert refused.code == 1
    assert "nothing is folded from a log that is not whole: the head is 3" in refused.err
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM model.orders").fetchone() == (3,)
