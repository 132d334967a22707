import json
import random
import re
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from api.failures import Misuse
from streams.records import Append, Asked
from tests.api.imports.workshop import Workshop

MONEY = "SELECT currency, orders, gross, refunds, refunded, net FROM read.customer_money ORDER BY 1, 3"


def test_orders_are_read_as_the_file_says(shop: Workshop, orders: Path) -> None:
    report = shop.imports("orders-csv", orders)
    assert (report.rows, report.used, report.skipped) == (3, 3, {})
    assert report.commands == {"order": 3, "payment": 2, "refund": 1}
    assert shop.sql("SELECT source_id, currency, total, paid, refunded FROM read.orders ORDER BY 1") == [
        ("1001", "EUR", 30, 30, 5),
        ("1002", "EUR", 20.5, 20.5, 0),
        ("1003", "GBP", Decimal("9.99"), 0, 0),
    ]
    assert shop.value("SELECT count(*) FROM read.customers") == 2
    assert shop.value("SELECT count(*) FROM read.orders WHERE customer_id IS NULL") == 1


def test_the_same_content_again_shuffled_or_renamed_records_nothing(shop: Workshop, orders: Path) -> None:
    shop.imports("orders-csv", orders)
    head = shop.log.head()
    assert shop.imports("orders-csv", orders).repeated == 6
    header, *rows = orders.read_text().splitlines(keepends=True)
    random.Random(1).shuffle(rows)  # noqa: S311 - the same order in every run
    renamed = orders.with_name("renamed.csv")
    renamed.write_text("".join([header, *rows]))
    report = shop.imports("orders-csv", renamed)
    assert (report.events, report.repeated) == (0, 6)
    assert shop.log.head() == head


def test_a_later_export_revises_what_changed(shop: Workshop, orders: Path) -> None:
    shop.imports("orders-csv", orders)
    orders.write_text(orders.read_text().replace("20.50,c2", "21.50,c2"))
    shop.imports("orders-csv", orders, as_of="2024-06-01T00:00:00Z")
    assert shop.value("SELECT total FROM read.orders WHERE source_id = '1002'") == 21.5
    assert shop.value("SELECT count(*) FROM read.orders") == 3
    head = shop.log.head()
    shop.imports("orders-csv", orders, as_of="2024-06-01T00:00:00Z")
    assert shop.log.head() == head


def test_a_dry_run_tells_what_would_be_recorded_and_writes_nothing(shop: Workshop, orders: Path) -> None:
    would = shop.imports("orders-csv", orders, dry_run=True)
    assert shop.log.head() == 0
    assert shop.value("SELECT count(*) FROM read.orders") == 0
    did = shop.imports("orders-csv", orders)
    assert (would.events, would.commands, would.anomalies) == (did.events, did.commands, did.anomalies)
    assert (would.batch, would.repeated) == (None, 0)
    again = shop.imports("orders-csv", orders, dry_run=True)
    assert (again.events, again.repeated) == (0, 6)


def test_undoing_a_batch_leaves_what_earlier_batches_recorded(
    shop: Workshop, orders: Path, tmp_path: Path
) -> None:
    shop.imports("orders-csv", orders)
    before = shop.shown()
    more = tmp_path / "more.csv"
    more.write_text(
        "id,placed_at,currency,total,customer_id,email,paid,refunded\n"
        "1001,2024-05-01T10:00:00+02:00,EUR,30.00,c1,ann@example.org,30.00,25.00\n"
        "2001,2024-05-09T10:00:00+02:00,EUR,99.00,c1,ann@example.org,,\n"
        "2002,2024-05-09T10:00:00+02:00,EUR,50.00,c9,eve@example.org,,\n"
    )
    second = shop.imports("orders-csv", more)
    after = shop.shown()
    assert after != before
    assert shop.undo(second.batch) > 0
    assert shop.shown() == before
    assert shop.undo(second.batch) == 0
    again = shop.imports("orders-csv", more)
    assert (again.events, again.repeated) == (second.events, second.repeated)
    assert shop.shown() == after


def rows_of(shop: Workshop) -> dict[str, list[str]]:
    """Return every row of every view but the timeline, which tells what was news when it came."""
    return {view: rows for view, rows in shop.shown().items() if view != "timeline"}


def test_what_two_imports_told_is_back_when_the_second_is_imported_again_after_undoing_the_first(
    shop: Workshop, orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = tmp_path / "more.csv"
    more.write_text(orders.read_text() + "2001,2024-05-09T10:00:00+02:00,EUR,99.00,c1,ann@example.org,,\n")
    alone = shop.imports("orders-csv", more)
    told_by_it = rows_of(shop)
    shop.undo(alone.batch)
    first = shop.imports("orders-csv", orders)
    shop.imports("orders-csv", more)
    assert shop.run("--undo", str(first.batch), "--reason", "a mistake") == 0
    assert "import its files again" in capsys.readouterr().out
    assert rows_of(shop) != told_by_it
    shop.imports("orders-csv", more)
    assert rows_of(shop) == told_by_it


def test_command_ids_and_actors_hold_no_personal_data(shop: Workshop, orders: Path) -> None:
    report = shop.imports("orders-csv", orders)
    with psycopg.connect(shop.conninfo) as connection:
        ids = connection.execute("SELECT command_id FROM log.commands").fetchall()
        events = connection.execute(
            "SELECT DISTINCT actor, source, correlation_id FROM log.events"
        ).fetchall()
    assert all(
        re.fullmatch(r"import-([0-9a-f]{40}|orders-csv-\d{8}T\d{6}-[0-9a-f]{6})", name) for (name,) in ids
    )
    assert set(events) == {("import", "csv", f"import:{report.batch}"), ("import", "csv", None)}


def test_the_report_is_one_json_document(
    shop: Workshop, orders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shop.run("orders-csv", str(orders), "--json") == 0
    [line] = capsys.readouterr().out.splitlines()
    report = json.loads(line)
    assert (report["rows"], report["used"], report["skipped"]) == (3, 3, {})
    assert report["records"] == {"order": 3, "payment": 2, "refund": 1}
    assert report["events"] == shop.value("SELECT position FROM read.projections LIMIT 1") - 1
    assert report["batch"].startswith("orders-csv-")
    assert shop.run("--undo", report["batch"], "--reason", "a test", "--json") == 0
    assert json.loads(capsys.readouterr().out)["withdrawn_from"] == 5
    assert shop.run("--undo", report["batch"], "--reason", "a test") == 1


def test_the_report_for_people_has_every_figure(
    shop: Workshop, orders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shop.run("orders-csv", str(orders)) == 0
    told = capsys.readouterr().out
    assert re.search(r"rows read +3\nrows used +3\n", told)
    assert re.search(r"records +1  refund\n", told)
    assert re.search(r"events +\d+  recorded\n", told)
    assert re.search(r"batch +orders-csv-", told)
    assert shop.run("orders-csv", str(orders), "--dry-run") == 0
    assert re.search(r"events +0  would be recorded\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ((), "takes a MAPPING"),
        (("orders-csv",), "at least one FILE"),
        (("orders-csv", "gone.csv"), "is not a file"),
        (("--undo", "batch"), "takes --reason"),
    ],
)
def test_wrong_usage_is_told(shop: Workshop, argv: tuple[str, ...], told: str) -> None:
    with pytest.raises(Misuse, match=told):
        shop.run(*argv)


def test_a_missing_column_is_told_before_anything_is_recorded(shop: Workshop, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("id,placed_at,sum\n1,2024-05-01,1\n")
    with pytest.raises(
        Misuse, match=r"orders-csv: orders\.csv: column 'total' is missing; it has id, placed_at, sum"
    ):
        shop.imports("orders-csv", file)
    assert shop.log.head() == 0


def test_another_tenant_imports_the_same_file_for_itself(shop: Workshop, orders: Path) -> None:
    shop.imports("orders-csv", orders)
    other = Workshop(shop.conninfo, shop.log, tenant="other")
    assert other.imports("orders-csv", orders).repeated == 0
    assert (
        other.value("SELECT count(*) FROM read.orders") == shop.value("SELECT count(*) FROM read.orders") == 3
    )


def test_a_deal_that_an_earlier_version_imported_is_not_imported_again(
    shop: Workshop, tmp_path: Path
) -> None:
    content = (
        '{"pipeline":"sales","stage":"Offer","title":"Lamps","source_id":"d1","owner":null,"amount":null,'
        '"currency":null,"profile":null,"customer_id":null,"lead_source_id":null,"lead_id":null,"company":null,'
        '"sequence":0,"occurred_at":"2024-03-01T00:00:00Z"}'
    )
    digest = shop.log.keyring.digest
    asked = Asked(
        command_id=f"import-{digest('import', 'main', 'csv', 'deal', content).hex()[:40]}",
        fingerprint=digest("command", "OpenDeal", "csv", content),
        answer={"id": "1", "anomalies": ()},
    )
    shop.log.append(Append(tenant="main", changes=[], actor="import", source="csv", asked=asked))
    deals = tmp_path / "deals.csv"
    deals.write_text("id,title,stage,opened_at\nd1,Lamps,Offer,2024-03-01T00:00:00Z\n")
    report = shop.imports("deals-csv", deals)
    assert (report.events, report.repeated, report.refused) == (0, 1, {})
