"""Bad input: every reason has a name, no bad row stops an import, none is dropped silently."""

import csv
from pathlib import Path

import pytest

from api.imports import groups, passes
from api.imports.problems import REASONS
from tests.api.imports.workshop import Workshop

MAPPING = """
source = "shop"

[[inputs]]
name = "lines"
group_by = "order"

[[inputs.records]]
make = "nothing"
reason = "sample"
when = [{ column = "kind", equals = "sample" }]

[[inputs.records]]
make = "order"
when = [{ column = "kind", equals = "order" }]
set.source_id = "order"
set.occurred_at = "at"
set.currency = "currency"
set.total = { column = "total", take = "sum" }
profile.email = "email"
lines.sku = "sku"
lines.title = "sku"
lines.quantity = { value = "1" }
lines.unit_price = "total"

[[inputs.records]]
make = "lead-progress"
when = [{ column = "kind", equals = "lead" }]
set.source_id = "order"
set.progress = "sku"
set.occurred_at = "at"
"""
HEADER = "kind,order,at,currency,total,sku,email\n"
GOOD = "order,{},2024-05-01T10:00:00Z,EUR,10.00,a,ann.secret@example.org\n"


@pytest.fixture
def mapping(tmp_path: Path) -> str:
    path = tmp_path / "shop.toml"
    path.write_text(MAPPING)
    return str(path)


ROWS = {
    "malformed-row": "order,2,2024-05-01T10:00:00Z,EUR\n",
    "encoding-error": "order,2,2024-05-01T10:00:00Z,EUR,1,\udcff,\n",
    "id-missing": "order,,2024-05-01T10:00:00Z,EUR,1,a,\n",
    "id-mangled": "order,1.23E+17,2024-05-01T10:00:00Z,EUR,1,a,\n",
    "value-missing": "order,2,2024-05-01T10:00:00Z,EUR,1,,\n",
    "value-unknown": "lead,2,2024-05-01T10:00:00Z,EUR,1,hesitant,\n",
    "value-too-long": f"order,{'9' * 201},2024-05-01T10:00:00Z,EUR,1,a,\n",
    "number-missing": "order,2,2024-05-01T10:00:00Z,EUR,,a,\n",
    "number-malformed": "order,2,2024-05-01T10:00:00Z,EUR,1.5e3,a,\n",
    "unknown-currency": "order,2,2024-05-01T10:00:00Z,EURO,1,a,\n",
    "date-missing": "order,2,,EUR,1,a,\n",
    "date-malformed": "order,2,31.12.2024,EUR,1,a,\n",
    "date-without-zone": "order,2,2024-05-01 10:00:00,EUR,1,a,\n",
    "no-rule": "invoice,2,2024-05-01T10:00:00Z,EUR,1,a,\n",
    "sample": "sample,2,2024-05-01T10:00:00Z,EUR,1,a,\n",
}


@pytest.mark.parametrize("reason", ROWS)
def test_a_bad_row_is_skipped_by_name_and_the_others_are_imported(
    reason: str, shop: Workshop, mapping: str, tmp_path: Path
) -> None:
    file = tmp_path / "lines.csv"
    file.write_text(HEADER + GOOD.format(1) + ROWS[reason] + GOOD.format(3), errors="surrogateescape")
    report = shop.imports(mapping, file)
    assert (report.rows, report.used, report.skipped) == (3, 2, {reason: 1})
    assert [(r.file, r.line, r.reason) for r in report.rejects] == (
        [] if reason == "sample" else [("lines.csv", 3, reason)]
    )
    assert shop.sql("SELECT count(*), sum(total) FROM read.orders") == [(2, 20)]


def test_a_row_that_contradicts_another_of_its_record_takes_the_whole_record_with_it(
    shop: Workshop, mapping: str, tmp_path: Path
) -> None:
    file = tmp_path / "lines.csv"
    file.write_text(HEADER + GOOD.format(1) + GOOD.format(2) + GOOD.format(2).replace("EUR", "USD"))
    report = shop.imports(mapping, file)
    assert (report.used, report.skipped) == (1, {"duplicate-conflict": 1, "record-incomplete": 1})
    assert [(r.line, r.column) for r in report.rejects] == [(3, None), (4, "currency")]


def test_a_record_of_endless_rows_is_refused_before_it_fills_the_memory(
    shop: Workshop, mapping: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "LARGEST_GROUP", 10)
    file = tmp_path / "lines.csv"
    file.write_text(HEADER + GOOD.format(1) * 25 + GOOD.format(2))
    report = shop.imports(mapping, file)
    assert (report.used, report.skipped) == (1, {"record-too-large": 25})


def test_every_reason_of_the_list_is_tested_here() -> None:
    elsewhere = {"duplicate-conflict", "record-incomplete", "record-too-large"}
    assert set(REASONS) == (ROWS.keys() - {"sample"}) | elsewhere


def test_an_id_above_two_to_the_53_stays_exact(shop: Workshop, mapping: str, tmp_path: Path) -> None:
    file = tmp_path / "lines.csv"
    file.write_text(HEADER + GOOD.format(9007199254740993) + GOOD.format("00820982911946154508"))
    shop.imports(mapping, file)
    assert shop.sql("SELECT source_id FROM read.orders ORDER BY 1") == [
        ("00820982911946154508",),
        ("9007199254740993",),
    ]


def test_odd_facts_are_recorded_with_an_anomaly(shop: Workshop, tmp_path: Path) -> None:
    orders = tmp_path / "lines.csv"
    orders.write_text(
        "order_id,placed_at,currency,total,sku,quantity,unit_price\n7,2024-05-01T10:00:00Z,EUR,12,a,2,5.00\n"
    )
    assert shop.imports("order-lines-csv", orders).anomalies == {"total-mismatch": 1}
    deals = tmp_path / "deals.csv"
    deals.write_text(
        "id,title,stage,opened_at,updated_at\n1,Big,Dreaming,2024-05-01T10:00:00Z,2024-05-02T10:00:00Z\n"
    )
    mapping = tmp_path / "mine.toml"
    mapping.write_text(
        'source = "csv"\n[[pipelines]]\nname = "sales"\nsince = 2020-01-01T00:00:00Z\n'
        'stages = [{ name = "Open" }]\n[[inputs]]\nname = "deals"\n[[inputs.records]]\nmake = "deal"\n'
        'set.source_id = "id"\nset.title = "title"\nset.stage = "stage"\nset.pipeline = { value = "sales" }\n'
        'set.occurred_at = "opened_at"\n'
    )
    assert shop.imports(mapping, deals).anomalies == {"stage-unknown": 1}
    kinds = {kind for (kind,) in shop.sql("SELECT kind FROM read.anomalies")}
    assert kinds == {"total-mismatch", "stage-unknown"}


def test_rejects_name_place_and_rule_and_no_personal_value(
    shop: Workshop, mapping: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, rejects = tmp_path / "lines.csv", tmp_path / "rejects.csv"
    bad = GOOD.format(2).replace("10.00", "ten ann.secret@example.org")
    file.write_text(HEADER + GOOD.format(1) + "".join(bad.replace(",2,", f",{n},") for n in range(102, 142)))
    assert shop.run(mapping, str(file), "--rejects", str(rejects)) == 0
    told = capsys.readouterr().out
    assert (
        "bad row        lines.csv line 3, column total: number-malformed: expected an exact decimal number"
        in told
    )
    assert "and 20 more" in told
    rows = list(csv.DictReader(rejects.read_text().splitlines()))
    assert len(rows) == 40
    assert rows[0] == {
        "file": "lines.csv",
        "line": "3",
        "column": "total",
        "reason": "number-malformed",
        "rule": REASONS["number-malformed"],
    }
    assert "secret" not in told + rejects.read_text()


def test_an_import_of_bad_rows_alone_fails(shop: Workshop, mapping: str, tmp_path: Path) -> None:
    file = tmp_path / "lines.csv"
    file.write_text(HEADER + ROWS["date-malformed"])
    assert shop.run(mapping, str(file)) == 1
    assert shop.log.head() == 0


def test_files_of_one_input_may_differ_in_the_order_of_columns_but_not_lack_one(
    shop: Workshop, tmp_path: Path
) -> None:
    one, two, three = tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "c.csv"
    one.write_text("id,placed_at,currency,total\n1,2024-05-01T10:00:00Z,EUR,1\n")
    two.write_text("total,currency,placed_at,id\n2,EUR,2024-05-01T10:00:00Z,2\n")
    three.write_text("id,placed_at,total\n3,2024-05-01T10:00:00Z,1\n")
    shop.imports("orders-csv", one, two)
    assert shop.sql("SELECT source_id, total FROM read.orders ORDER BY 1") == [("1", 1), ("2", 2)]
    with pytest.raises(passes.Misuse, match=r"c\.csv: missing currency"):
        shop.imports("orders-csv", one, three)
