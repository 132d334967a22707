import json
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from api.demo.year import YEAR, story
from tests.acceptance.running import Up, backstory, lines, until


def processes(folder: Path) -> list[psutil.Process]:
    return [
        found
        for found in psutil.process_iter(["cmdline"])
        if str(folder) in " ".join(found.info["cmdline"] or [])
    ]


@pytest.fixture(scope="module")
def demoed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A data folder with the demo's year in it, and what was printed meanwhile."""
    data = tmp_path_factory.mktemp("running")
    with Up(data, "--demo") as up:
        up.wait_ready()
        until(lambda: lines(backstory(data, "sql", "--json", LIVE).stdout)[0]["live"], "the demo goes on")
        assert up.stop(signal.SIGINT) == 0
    assert up.postgres() is None
    return data, up.printed


@pytest.fixture(scope="module")
def running(demoed: tuple[Path, str]) -> Iterator[Up]:
    """One `up` on the demo's year, which does not go on, for the tests that leave it as they found it."""
    with Up(demoed[0]) as up:
        up.wait_ready()
        yield up


LIVE = "SELECT count(*) AS live FROM timeline WHERE occurred_at > now() - interval '1 minute'"


def test_a_fresh_folder_becomes_ready_with_a_demo_that_sql_and_doctor_know(
    demoed: tuple[Path, str], running: Up
) -> None:
    up, tmp_path = running, running.data
    assert demoed[1].count("admin key bsk_") == 1
    tables = (
        "orders",
        "leads",
        "deals",
        "invoices",
        "refunds",
        "order_lines",
        "stage_changes",
        "identities",
    )
    counts = ", ".join(f"(SELECT count(*) FROM {table}) AS {table}" for table in tables)
    [counted] = lines(backstory(tmp_path, "sql", "--json", f"SELECT {counts}").stdout)
    assert int(str(counted["orders"])) > 500
    assert int(str(counted["leads"])) > 300
    assert int(str(counted["deals"])) > 150
    assert all(counted.values())
    anomalies = lines(
        backstory(tmp_path, "sql", "--json", "SELECT kind FROM anomalies WHERE settled_at IS NULL").stdout
    )
    assert {"order-unknown", "over-refunded"} <= {str(found["kind"]) for found in anomalies}
    told = backstory(tmp_path, "doctor", "--json")
    assert (told.returncode, json.loads(told.stdout)["ok"]) == (0, True), told.stdout
    assert up.answer("/health/live") == (200, '{"live":true}')
    assert "<h1>Sign in</h1>" in up.answer("/")[1]
    [link] = [line.split()[2] for line in demoed[1].splitlines() if line.startswith("sign in http")]
    assert "<h1>Welcome</h1>" in up.answer(urlsplit(link).path)[1]
    assert "sign in" not in up.printed
    assert 'backstory_model_lag_events{model="orders"} 0' in up.answer("/metrics")[1]


def test_a_second_start_hands_out_no_key_and_tells_no_second_demo(running: Up) -> None:
    assert "admin key" not in running.printed
    assert told_twice(running) == 0
    assert steps_told(running) == story_steps(running)


def test_a_demo_that_was_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    with Up(tmp_path, "--demo") as up:
        until(lambda: "admin key" in up.printed, "begun")
        up.kill("up")
    with Up(tmp_path, "--demo") as up:
        up.wait_ready()
        assert steps_told(up) == story_steps(up)
        assert told_twice(up) == 0
        up.kill("demo")
        until(lambda: "demo: was ended by SIGKILL, starts again in" in up.printed, "said so")
        before = asked(up, LAST_LIVE)
        until(lambda: asked(up, LAST_LIVE) > before, "goes on")
        assert asked(up, "SELECT count(*) - count(DISTINCT command_id) FROM log.commands") == 0


LAST_LIVE = "SELECT coalesce(max(command_id), '') FROM log.commands WHERE command_id LIKE 'demo-live-%'"


def asked(up: Up, question: str) -> Any:
    with psycopg.connect(up.conninfo()) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


def steps_told(up: Up) -> int:
    return int(asked(up, "SELECT count(*) FROM log.commands WHERE command_id ~ '^demo-([0-9]+|last)$'"))


def story_steps(up: Up) -> int:
    began = asked(up, "SELECT occurred_at FROM log.events WHERE command_id = 'demo-0'")
    return sum(step.at <= began + YEAR for step in story("main", began + YEAR))


def told_twice(up: Up) -> int:
    placed = "SELECT count(*) - count(DISTINCT data ->> 'source_id' || source) FROM log.events"
    return int(asked(up, f"{placed} WHERE type = 'order-placed.v1'"))


def test_a_link_to_sign_in_leads_to_where_it_listens_now(running: Up) -> None:
    made = backstory(running.data, "people", "link", "admin@backstory.invalid", "--json")
    link = json.loads(made.stdout)["link"]
    assert link.startswith(f"{running.url}/sign-in/")
    assert "<h1>Welcome</h1>" in running.answer(urlsplit(link).path)[1]


def test_two_at_once_on_one_folder_are_one_too_many(running: Up) -> None:
    told = backstory(running.data, "up", "--port", "0")
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == f"backstory: another `backstory up` runs on {running.data}\n"


@pytest.mark.parametrize("role", ["project", "api"])
def test_a_role_that_dies_is_started_again_and_said_so(running: Up, role: str) -> None:
    before = running.role(role)
    running.kill(role)
    until(lambda: running.role(role) not in {None, before}, f"{role} again")
    until(running.is_ready, "ready again")
    until(lambda: f"{role}: was ended by SIGKILL, starts again in" in running.printed, "said so")


def test_a_killed_database_is_started_again_and_readiness_is_refused_meanwhile(running: Up) -> None:
    running.kill("postgres")
    until(lambda: running.answer("/health/ready")[0] == 503, "not ready without a database")
    until(running.is_ready, "ready again")
    assert running.postgres() is not None
    assert backstory(running.data, "doctor").returncode == 0


def test_when_up_is_killed_its_roles_and_its_database_end_too(tmp_path: Path) -> None:
    up = Up(tmp_path)
    up.wait_ready()
    roles = [up.role("project"), up.role("api")]
    up.kill("up")
    until(lambda: not any(role is not None and role.is_running() for role in roles), "the roles end")
    until(lambda: up.postgres() is None, "the database ends")
    up.stop()
    with Up(tmp_path) as again:
        again.wait_ready()


def test_what_one_command_records_the_next_one_reads(tmp_path: Path) -> None:
    made = backstory(tmp_path, "keys", "create", "the shop", "--role", "service", "--json")
    key = json.loads(made.stdout)
    assert key["secret"].startswith("bsk_")
    [listed] = lines(backstory(tmp_path, "keys", "list", "--json").stdout)
    assert (listed["id"], listed["name"], listed["role"], listed["revoked_at"]) == (
        key["id"],
        "the shop",
        "service",
        None,
    )
    assert key["secret"] not in json.dumps(listed)
    assert backstory(tmp_path, "keys", "list", "--tenant", "rival").stdout == ""
    assert not [
        p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or [])
    ]


def test_a_read_model_is_rebuilt_and_swapped_while_everything_runs(running: Up) -> None:
    asked = ("sql", "SELECT sum(total) AS total FROM orders", "--json")
    before = backstory(running.data, *asked).stdout
    told = backstory(running.data, "replay", "rebuild", "orders", "--reason", "a drill", "--json")
    report = json.loads(told.stdout)
    assert told.returncode == 0, told
    assert (report["swapped"], report["models"][0]["differing"]) == (True, 0)
    assert backstory(running.data, *asked).stdout == before
    assert Decimal(str(lines(before)[0]["total"])) > 0


def test_what_another_version_made_is_rebuilt_by_itself_and_followed_again(tmp_path: Path) -> None:
    data, orders = tmp_path / "data", tmp_path / "orders.csv"
    orders.write_text("id,placed_at,currency,total\n1,2026-03-01T10:00:00Z,EUR,20.00\n")
    with Up(data) as up:
        up.wait_ready()
        assert backstory(data, "import", "orders-csv", str(orders)).returncode == 0
        with psycopg.connect(up.conninfo(), autocommit=True) as connection:
            connection.execute("UPDATE model.checkpoints SET version = version - 1 WHERE name = 'orders'")
            connection.execute("UPDATE model.orders SET total = 1")
    assert "orders: made by another version" not in up.printed
    with Up(data) as up:
        until(lambda: "\norders: rebuilt\n" in up.printed, "rebuilt")
        orders.write_text("id,placed_at,currency,total\n2,2026-03-02T10:00:00Z,EUR,3.00\n")
        assert backstory(data, "import", "orders-csv", str(orders)).returncode == 0
        assert asked(up, "SELECT sum(total) FROM read.orders") == 23
        assert asked(up, "SELECT data ->> 'reason' FROM log.events WHERE type = 'read-model-rebuilt.v1'") == (
            "made by another version"
        )
