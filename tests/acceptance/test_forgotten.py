"""What must be gone of a forgotten person, and what must never be printed of anybody."""

import json
from pathlib import Path

import pytest

from tests.acceptance.running import Up, backstory, everything_stored, lines, until

PERSON = "SELECT customer_id, name, email, phone FROM customers WHERE name IS NOT NULL ORDER BY name LIMIT 1"
EVERYBODY = "SELECT name, email, phone FROM customers"
TOTALS = (
    "SELECT currency, sum(orders) AS orders, sum(gross) AS gross, sum(refunded) AS refunded, sum(net) AS net "
    "FROM customer_money GROUP BY 1 ORDER BY 1"
)
MODELS = ("customers", "leads", "orders", "deals", "invoices", "timeline")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Run the demo, forget a person, rebuild; return all that was printed, logged and stored."""
    data: Path = tmp_path_factory.mktemp("forget")
    with Up(data, "--demo") as up:
        up.wait_ready()
    with Up(data) as up:  # the demo does not go on: nobody comes back
        up.wait_ready()
        [person] = lines(backstory(data, "sql", "--json", PERSON).stdout)
        everybody = [
            str(value)
            for row in lines(backstory(data, "sql", "--json", EVERYBODY).stdout)
            for value in row.values()
        ]
        customer = str(person["customer_id"])
        found = {
            "person": json.dumps(person),
            "everybody": json.dumps(everybody),
            "before": everything_stored(up.conninfo()),
        }
        found["totals before"] = backstory(data, "sql", TOTALS).stdout
        asked = ("forget", customer, "--reason", "asked to be forgotten")
        found["dry run"] = backstory(data, *asked, "--dry-run", "--json").stdout
        found["still there"] = everything_stored(up.conninfo())
        done = backstory(data, *asked, "--json")
        assert done.returncode == 0, done.stderr
        found["forget"] = done.stdout
        found["after"] = everything_stored(up.conninfo())
        found["totals after"] = backstory(data, "sql", TOTALS).stdout
        rebuilt = backstory(data, "replay", "rebuild", *MODELS, "--reason", "a drill")
        assert rebuilt.returncode == 0, rebuilt.stdout
        found["rebuilt"] = everything_stored(up.conninfo())
        up.kill("project")
        until(up.is_ready, "ready again")
        found["doctor"] = backstory(data, "doctor").stdout
        up.kill("postgres")
        until(up.is_ready, "ready again")
        up.stop()
        found["printed"] = up.printed + found["doctor"] + rebuilt.stdout + rebuilt.stderr + done.stderr
    found["server log"] = (data / "postgres" / "server.log").read_text()
    return found


def personal(told: dict[str, str]) -> list[str]:
    person = json.loads(told["person"])
    return [person["name"], person["email"], person["phone"]]


def test_a_forgotten_person_is_in_no_row_of_any_table(told: dict[str, str]) -> None:
    assert all(value in told["before"] for value in personal(told))
    assert [value for value in personal(told) if value in told["after"]] == []


def test_a_dry_run_erases_nothing_and_names_the_fields(told: dict[str, str]) -> None:
    assert all(value in told["still there"] for value in personal(told))
    report = json.loads(told["dry run"])
    assert report["erased"] is False
    assert {"name", "email", "phone"} <= {field for fields in report["streams"].values() for field in fields}


def test_the_report_of_what_was_erased_is_that_of_the_dry_run(told: dict[str, str]) -> None:
    assert json.loads(told["forget"])["streams"] == json.loads(told["dry run"])["streams"]
    assert [value for value in personal(told) if value in told["forget"]] == []


def test_forgetting_changes_no_total(told: dict[str, str]) -> None:
    assert told["totals before"] == told["totals after"]
    assert "EUR" in told["totals before"]


def test_a_rebuild_does_not_bring_a_person_back(told: dict[str, str]) -> None:
    assert [value for value in personal(told) if value in told["rebuilt"]] == []


def test_nobody_is_named_in_what_processes_print_and_log(told: dict[str, str]) -> None:
    values = [value for value in json.loads(told["everybody"]) if value != "None"]
    assert len(values) > 50
    for where in ("printed", "server log"):
        assert told[where]
        assert [value for value in values if value in told[where]] == []


def test_the_log_itself_holds_personal_data_only_sealed(told: dict[str, str]) -> None:
    """Plain text lives in read models alone: in the log there is none, even of those nobody has forgotten."""
    values = [value for value in json.loads(told["everybody"]) if "@" in value]
    logged = "\n".join(line for line in told["before"].splitlines() if "$sealed" in line)
    assert logged
    assert [value for value in values if value in logged] == []
