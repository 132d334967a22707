"""One journey over the real processes: an engineer, a service and an analyst, until a person is forgotten."""

import json
import re
import urllib.request
from pathlib import Path

from tests.acceptance.running import Up, backstory, everything_stored, lines

ORDERS = """\
id,placed_at,currency,total,customer_id,name,email,paid,refunded
1001,2026-03-01T10:00:00+01:00,EUR,30.00,c1,Annegret Quellmann,annegret@example.org,30.00,
1002,2026-03-02T10:00:00+01:00,EUR,12.35,c2,Bob Miller,bob@example.org,12.35,2.35
1003,2026-03-03T10:00:00+01:00,USD,99.95,c1,Annegret Quellmann,annegret@example.org,,
"""
WRONG = """\
id,placed_at,currency,total,customer_id,name,email,paid,refunded
2001,2026-03-04T10:00:00+01:00,EUR,7000.00,c1,Annegret Quellmann,annegret@example.org,,
2002,2026-03-04T11:00:00+01:00,EUR,8000.00,c3,Eve Moss,eve@example.org,,
"""
EVENT = {
    "specversion": "1.0",
    "id": "8d6f",
    "source": "webshop",
    "type": "order-placed.v1",
    "time": "2026-03-05T09:30:00Z",
    "data": {
        "source_id": "W-1",
        "currency": "EUR",
        "total": "7.65",
        "customer": {"name": "Annegret Quellmann", "email": "Annegret@example.org"},
    },
}
TOTALS = (
    "SELECT currency, sum(orders) AS orders, sum(gross) AS gross, sum(refunded) AS refunded, sum(net) AS net, "
    "count(DISTINCT customer_id) AS customers FROM customer_money GROUP BY 1 ORDER BY 1"
)
RIGHT = [
    "currency,orders,gross,refunded,net,customers",
    "EUR,3,50.00,2.35,47.65,2",
    "USD,1,99.95,0,99.95,1",
]


def posted(up: Up, key: str) -> dict[str, object]:
    """Post the event, with the read models to answer for it, and return the answer."""
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{up.url}/v1/events",
        data=json.dumps(EVENT).encode(),
        headers={
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/cloudevents+json",
            "Prefer": "wait=projected",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return dict(json.load(answer))


def test_from_an_empty_folder_by_import_and_events_to_numbers_that_outlive_a_forgotten_person(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "wrong.csv").write_text(WRONG)

    def run(*arguments: str) -> str:
        done = backstory(data, *arguments)
        assert done.returncode == 0, done
        printed.append(done.stdout + done.stderr)
        return done.stdout

    def totals() -> list[str]:
        return run("sql", TOTALS, "--format", "csv").splitlines()

    printed: list[str] = []
    with Up(data) as up:
        up.wait_ready()
        report = json.loads(run("import", "orders-csv", str(tmp_path / "orders.csv"), "--json"))
        assert (report["rows"], report["used"], report["skipped"]) == (3, 3, {})
        [key] = re.findall(r"admin key (bsk_\S+)", up.printed)
        assert posted(up, key)["id"]
        assert totals() == RIGHT

        wrong = json.loads(run("import", "orders-csv", str(tmp_path / "wrong.csv"), "--json"))
        assert totals() != RIGHT
        run("import", "--undo", wrong["batch"], "--reason", "the wrong file")
        assert totals() == RIGHT

        tables = [str(row["name"]) for row in lines(run("sql", "SELECT name FROM projections", "--json"))]
        rebuilt = json.loads(
            run("replay", "rebuild", *tables, "--workers", "1", "--reason", "a drill", "--json")
        )
        assert {one["differing"] for one in rebuilt["models"]} == {0}

        assert "Annegret Quellmann" in everything_stored(up.conninfo())
        [ann] = lines(
            run(
                "sql",
                "SELECT DISTINCT customer_id FROM identities WHERE value = 'annegret@example.org'",
                "--json",
            )
        )
        printed.clear()  # so far the analyst asked for names
        run("forget", str(ann["customer_id"]), "--reason", "asked to be forgotten")
        assert totals() == RIGHT
        stored = everything_stored(up.conninfo())
        examined = json.loads(run("doctor", "--json"))
        assert examined["ok"], examined
    kept = stored + up.printed + "".join(printed) + (data / "postgres" / "server.log").read_text()
    assert "bob@example.org" in stored
    assert [name for name in ("Annegret", "Quellmann", "annegret@example.org") if name in kept] == []
