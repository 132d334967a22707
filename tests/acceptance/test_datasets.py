"""Real data sets, imported whole: what an analyst reads equals what pandas counts in the raw files."""

import csv
import gzip
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from api.imports.report import Report
from tests.api.imports.workshop import DATA, MAPPINGS, Workshop, workshop

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the data sets are not on this machine")


@dataclass(frozen=True)
class Imported:
    """A data set in a database of its own, and the report of its import."""

    shop: Workshop
    report: Report
    mapping: Path
    files: list[Path]

    def again(self) -> Report:
        """Import the same files once more."""
        return self.shop.imports(self.mapping, *self.files)


@pytest.fixture(scope="session")
def template(prepared: str) -> str:
    """Each data set's database has its read models from the start."""
    return prepared


def imported(name: str, server: str, template: str) -> Iterator[Imported]:
    mapping = MAPPINGS / f"{name}.toml"
    files = sorted(path for path in (DATA / name).iterdir() if path.name != "README.md")
    with workshop(server, template) as shop:
        yield Imported(shop, shop.imports(mapping, *files), mapping, files)


@pytest.fixture(scope="module")
def online_retail(server: str, template: str) -> Iterator[Imported]:
    yield from imported("online_retail", server, template)


@pytest.fixture(scope="module")
def cdnow(server: str, template: str) -> Iterator[Imported]:
    yield from imported("cdnow", server, template)


@pytest.fixture(scope="module")
def olist_funnel(server: str, template: str) -> Iterator[Imported]:
    yield from imported("olist_funnel", server, template)


@pytest.fixture(scope="module")
def maven_crm(server: str, template: str) -> Iterator[Imported]:
    yield from imported("maven_crm", server, template)


@pytest.fixture(scope="module")
def bpi2012_loan(server: str, template: str) -> Iterator[Imported]:
    yield from imported("bpi2012_loan", server, template)


DATA_SETS = ("olist_funnel", "maven_crm", "cdnow", "online_retail", "bpi2012_loan")


def raw(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def exact(column: pd.Series) -> pd.Series:
    return column.map(Decimal)


def counted(shop: Workshop, query: str) -> dict[object, object]:
    return {row[0] if len(row) == 2 else tuple(row[:-1]): row[-1] for row in shop.sql(query)}


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_row_is_used_or_left_out_for_a_reason_of_the_mapping(
    name: str, request: pytest.FixtureRequest
) -> None:
    report: Report = request.getfixturevalue(name).report
    assert report.rows == report.used + sum(report.skipped.values())
    assert set(report.skipped) <= report.left_out
    assert not report.refused
    assert not report.rejects
    assert not report.anomalies


@pytest.mark.parametrize("name", DATA_SETS)
def test_a_second_import_records_nothing(name: str, request: pytest.FixtureRequest) -> None:
    data: Imported = request.getfixturevalue(name)
    head = data.shop.log.head()
    again = data.again()
    assert (again.events, again.repeated) == (0, sum(data.report.commands.values()))
    assert data.shop.log.head() == head


def test_online_retail_is_read_exactly(online_retail: Imported) -> None:
    shop = online_retail.shop
    df = raw(DATA / "online_retail" / "online_retail.csv.gz")
    df["quantity"], df["price"] = exact(df.Quantity), exact(df.UnitPrice)
    df["value"] = df.quantity * df.price
    df["customer"] = df.CustomerID.str.removesuffix(".0")
    numeric = df.InvoiceNo.str.isdigit()
    stock = numeric & df.assign(out=(df.quantity < 0) & (df.price == 0)).groupby("InvoiceNo").out.transform(
        "all"
    )
    sales, refunds = df[numeric & ~stock], df[df.InvoiceNo.str.startswith("C")]
    invoices = sales.groupby("InvoiceNo").agg(value=("value", "sum"), customer=("customer", "max"))

    assert online_retail.report.rows == len(df) == 541_909
    assert online_retail.report.skipped == {"stock-adjustment": stock.sum(), "bad-debt": 3}
    assert shop.sql("SELECT currency, count(*), sum(total) FROM read.orders GROUP BY 1") == [
        ("GBP", len(invoices), invoices.value.sum())
    ]
    assert (
        shop.value("SELECT count(*) FROM read.orders WHERE customer_id IS NULL")
        == (invoices.customer == "").sum()
    )
    assert shop.sql("SELECT count(*), sum(quantity), sum(quantity * unit_price) FROM read.order_lines") == [
        (len(sales), sales.quantity.sum(), sales.value.sum())
    ]
    assert shop.sql("SELECT currency, count(*), sum(amount) FROM read.refunds GROUP BY 1") == [
        ("GBP", refunds.InvoiceNo.nunique(), -refunds.value.sum())
    ]
    known = df[(df.customer != "") & ~stock]
    assert shop.value("SELECT count(*) FROM read.customers") == known.customer.nunique()
    gross = sales[sales.customer != ""].groupby("customer").value.sum()
    refunded = -refunds[refunds.customer != ""].groupby("customer").value.sum()
    expected = {
        customer: (gross.get(customer, Decimal(0)), refunded.get(customer, Decimal(0)))
        for customer in known.customer.unique()
    }
    read = shop.sql(
        "SELECT i.value, m.gross, m.refunded, m.net FROM read.identities i "
        "JOIN read.customer_money m USING (customer_id) WHERE i.kind = 'external'"
    )
    assert {customer: (bought, back) for customer, bought, back, _ in read} == expected
    assert all(net == bought - back for _, bought, back, net in read)
    first = pd.to_datetime(known.groupby("customer").InvoiceDate.min()).dt.tz_localize("Europe/London")
    assert (
        counted(
            shop, "SELECT value, first_seen_at FROM read.customers JOIN read.identities USING (customer_id)"
        )
        == first.to_dict()
    )


def test_cdnow_is_read_exactly(cdnow: Imported) -> None:
    shop = cdnow.shop
    with gzip.open(DATA / "cdnow" / "CDNOW_master.txt.gz", "rt") as lines:
        rows = [line.split() for line in lines][1:]
    df = pd.DataFrame(rows, columns=["customer", "date", "cds", "value"])
    df["cds"], df["value"] = exact(df.cds), exact(df.value)
    assert shop.sql(
        "SELECT currency, count(*), sum(total), count(DISTINCT customer_id) FROM read.orders GROUP BY 1"
    ) == [("USD", 69_659, df.value.sum(), 23_570)]
    assert shop.value("SELECT sum(quantity) FROM read.order_lines") == df.cds.sum()
    assert (
        counted(
            shop,
            "SELECT i.value, m.gross FROM read.customer_money m JOIN read.identities i USING (customer_id)",
        )
        == df.groupby("customer").value.sum().to_dict()
    )
    assert (
        counted(
            shop,
            "SELECT to_char(placed_at AT TIME ZONE 'America/New_York', 'YYYYMMDD'), count(*) "
            "FROM read.orders GROUP BY 1",
        )
        == df.date.value_counts().to_dict()
    )


def test_olist_funnel_is_read_exactly(olist_funnel: Imported) -> None:
    shop = olist_funnel.shop
    folder = DATA / "olist_funnel"
    leads = raw(folder / "olist_marketing_qualified_leads_dataset.csv.gz")
    deals = raw(folder / "olist_closed_deals_dataset.csv.gz")
    for column, name in (("first_source", "origin"), ("first_campaign", "landing_page_id")):
        expected = leads[name].replace("", None).value_counts(dropna=False)
        assert counted(shop, f"SELECT {column}, count(*) FROM read.leads GROUP BY 1") == {
            None if pd.isna(key) else key: count for key, count in expected.items()
        }
    assert shop.value("SELECT count(*) FROM read.leads WHERE converted_at IS NOT NULL") == len(deals) == 842
    assert counted(shop, "SELECT owner, count(*) FROM read.leads WHERE owner <> '' GROUP BY 1") == (
        deals.sdr_id.value_counts().to_dict()
    )
    assert shop.sql(
        "SELECT stage, outcome, currency, count(*), sum(amount) FROM read.deals GROUP BY 1, 2, 3"
    ) == [("Won", "won", "BRL", 842, exact(deals.declared_monthly_revenue).sum())]
    assert (
        counted(shop, "SELECT owner, count(*) FROM read.deals GROUP BY 1")
        == deals.sr_id.value_counts().to_dict()
    )
    assert shop.value("SELECT count(*) FROM read.customers") == deals.seller_id.nunique()
    closed = pd.to_datetime(deals.won_date, format="%d-%m-%Y %H:%M").dt.tz_localize("America/Sao_Paulo")
    assert shop.sql("SELECT min(closed_at), max(closed_at) FROM read.deals") == [(closed.min(), closed.max())]


def test_maven_crm_is_read_exactly(maven_crm: Imported) -> None:
    shop = maven_crm.shop
    df = raw(DATA / "maven_crm" / "sales_pipeline.csv.gz")
    prices = raw(DATA / "maven_crm" / "products.csv").set_index("product").sales_price
    df["amount"] = df["product"].replace("GTXPro", "GTX Pro").map(prices).map(Decimal)
    closed = df.close_date != ""
    df.loc[closed, "amount"] = exact(df[closed].close_value)
    assert (
        counted(shop, "SELECT stage, count(*) FROM read.deals GROUP BY 1")
        == df.deal_stage.value_counts().to_dict()
    )
    assert counted(shop, "SELECT stage, sum(amount) FROM read.deals GROUP BY 1") == (
        df.groupby("deal_stage").amount.sum().to_dict()
    )
    outcome = df.deal_stage.map({"Won": "won", "Lost": "lost"}).fillna("open")
    assert (
        counted(shop, "SELECT outcome, count(*) FROM read.deals GROUP BY 1")
        == outcome.value_counts().to_dict()
    )
    assert (
        counted(shop, "SELECT owner, count(*) FROM read.deals GROUP BY 1")
        == df.sales_agent.value_counts().to_dict()
    )
    assert shop.value("SELECT count(*) FROM read.deals WHERE customer_id IS NULL") == (df.account == "").sum()
    assert counted(
        shop,
        "SELECT from_stage, to_stage, count(*) FROM read.stage_changes WHERE from_stage IS NOT NULL GROUP BY 1, 2",
    ) == {
        ("Prospecting", "Engaging"): (df.engage_date != "").sum(),
        ("Engaging", "Won"): (df.deal_stage == "Won").sum(),
        ("Engaging", "Lost"): (df.deal_stage == "Lost").sum(),
    }
    won = df[df.deal_stage == "Won"]
    assert (
        counted(
            shop,
            "SELECT i.value, m.gross FROM read.customer_money m JOIN read.identities i USING (customer_id)",
        )
        == won.groupby("account").amount.sum().to_dict()
    )
    assert shop.value("SELECT sum(deals) FROM read.pipeline_board") == len(df)


def test_bpi2012_loan_is_read_exactly(bpi2012_loan: Imported) -> None:
    shop = bpi2012_loan.shop
    df = raw(DATA / "bpi2012_loan" / "BPI_Challenge_2012.csv.gz")
    df.columns = ["registered", "case", "amount", "index", "resource", "transition", "activity", "time"]
    df = df.assign(index=df["index"].astype(int)).sort_values(["case", "index"])
    stages = df[df.activity.str.startswith("A_")]
    last = stages.groupby("case").activity.last()
    assert shop.value("SELECT count(*) FROM read.leads") == df.case.nunique() == 13_087
    assert counted(shop, "SELECT stage, count(*) FROM read.deals GROUP BY 1") == last.value_counts().to_dict()
    closed = stages.assign(
        outcome=stages.activity.map(
            dict.fromkeys(("A_APPROVED", "A_REGISTERED", "A_ACTIVATED"), "won")
            | dict.fromkeys(("A_DECLINED", "A_CANCELLED"), "lost")
        ).fillna("open")
    )
    outcome = closed.groupby("case").outcome.last()
    assert (
        counted(shop, "SELECT outcome, count(*) FROM read.deals GROUP BY 1")
        == outcome.value_counts().to_dict()
    )
    owner = df[df.resource != ""].groupby("case").resource.last()
    assert (
        counted(shop, "SELECT owner, count(*) FROM read.deals GROUP BY 1") == owner.value_counts().to_dict()
    )
    amount = exact(df.groupby("case").amount.first())
    assert shop.sql("SELECT currency, sum(amount) FROM read.deals GROUP BY 1") == [("EUR", amount.sum())]
    before = stages.groupby("case").activity.shift()
    pairs = pd.DataFrame({"before": before, "to": stages.activity}).dropna().value_counts().to_dict()
    assert (
        counted(
            shop,
            "SELECT from_stage, to_stage, count(*) FROM read.stage_changes WHERE from_stage IS NOT NULL GROUP BY 1, 2",
        )
        == pairs
    )
    assert shop.events()["deal-activity-recorded.v1"] == len(df) - len(stages)


def shuffled(source: Path, target: Path) -> Path:
    text = source.read_bytes()
    text = gzip.decompress(text) if source.suffix == ".gz" else text
    header, *rows = csv.reader(io.StringIO(text.decode(), newline=""))
    random.Random(7).shuffle(rows)  # noqa: S311 - the same order in every run
    with target.open("w", newline="") as out:
        csv.writer(out).writerows([header, *rows])
    return target


def test_any_order_of_the_rows_of_maven_crm_reads_the_same(
    maven_crm: Imported, server: str, template: str, tmp_path: Path
) -> None:
    files = [shuffled(path, tmp_path / path.name.removesuffix(".gz")) for path in maven_crm.files]
    pipeline = next(path for path in files if path.stem == "sales_pipeline")
    header, *rows = pipeline.read_text().splitlines(keepends=True)
    half = tmp_path / "sales_pipeline_half.csv"
    half.write_text("".join([header, *rows[:4_000]]))
    pipeline.write_text("".join([header, *rows[4_000:]]))
    with workshop(server, template) as shop:
        shop.imports(maven_crm.mapping, *files)
        shop.imports(maven_crm.mapping, *[half if path == pipeline else path for path in files])
        assert shop.shown() == maven_crm.shop.shown()


def test_any_order_of_a_month_of_online_retail_reads_the_same(
    server: str, template: str, tmp_path: Path
) -> None:
    source = DATA / "online_retail" / "online_retail.csv.gz"
    mapping = MAPPINGS / "online_retail.toml"
    with gzip.open(source, "rt") as lines:
        header, *rows = lines
    month = tmp_path / "month.csv"
    month.write_text("".join([header, *(row for row in rows if ",2010-12-" in row)]))
    with workshop(server, template) as shop, workshop(server, template) as other:
        report = shop.imports(mapping, month)
        assert report.used > 40_000
        other.imports(mapping, shuffled(month, tmp_path / "shuffled.csv"))
        assert other.shown() == shop.shown()
        head = shop.log.head()
        assert shop.imports(mapping, tmp_path / "shuffled.csv").events == 0
        assert shop.log.head() == head


def test_an_undone_batch_leaves_nothing_and_may_be_imported_again(olist_funnel: Imported) -> None:
    shop, report = olist_funnel.shop, olist_funnel.report
    shown = shop.shown()
    assert shop.undo(report.batch) > 0
    assert {view for view, rows in shop.shown().items() if rows} == set()
    again = olist_funnel.again()
    assert (again.events, again.repeated) == (report.events, 0)
    assert shop.shown() == shown
