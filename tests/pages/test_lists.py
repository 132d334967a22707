"""What the lists show, add up, keep and give out, asked over HTTP."""

import asyncio
import codecs
import csv
import io
import re
from collections.abc import Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest

from api.pages.lists import exporting
from api.pages.lists.asking import asked_for
from api.pages.lists.catalogue import LISTS
from api.pages.lists.exporting import harmless
from api.pages.lists.rows import select
from commands.command import (
    ChooseTimeZone,
    IssueInvoice,
    MergeCustomers,
    OpenDeal,
    RecordCancellation,
    RecordCustomer,
    RecordOrder,
    WinDeal,
)
from domain.customer import Profile
from domain.invoice import InvoiceLine
from domain.order import OrderLine
from domain.tenant import ListExported
from tests.pages.browsing import Site
from tests.pages.business import T0, ann, days, double, order, refund, shown, tell
from tests.pages.test_customer import ask, text_of

SUMS = {
    "deals": ["amount"],
    "orders": ["total", "paid", "refunded"],
    "refunds": ["amount"],
    "invoices": ["due"],
}


def rows_of(page: str) -> list[str]:
    body = re.search(r'<tbody id="rows">(.*?)</tbody>', page, re.DOTALL)
    return re.findall(r"<tr data-href=.*?</tr>|<tr>.*?</tr>", body[1], re.DOTALL) if body else []


def totals_of(page: str) -> dict[str, list[Decimal]]:
    found = re.findall(r'<dl class="total" data-currency="(\w*)">(.*?)</dl>', page, re.DOTALL)
    return {
        currency: [Decimal(told.replace(",", "")) for told in re.findall(r'strong num">([\d.,-]+)<', sums)]
        for currency, sums in found
        if currency
    }


def table(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(codecs.BOM_UTF8), "spreadsheets would take it for another encoding"
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def many(site: Site, count: int) -> None:
    """Tell of many orders in two currencies, some on the same minute, of one customer or of nobody."""
    tell(
        site,
        "shop",
        *(
            order(
                str(3000 + n),
                f"{n * 7 % 100}.{n % 100:02}",
                email="many@example.org" if n % 3 else None,
                currency=("EUR", "USD")[n % 2],
                day=n // 4,
            )
            for n in range(1, count + 1)
        ),
    )
    shown(site)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_counts_and_sums_what_the_read_model_holds(site: Site, name: str) -> None:
    ann(site)
    double(site)
    page = LISTS[name]
    with site.client("analyst") as client:
        shown_page = client.get(f"/{name}").text
    [(count,)] = ask(site, f"SELECT count(*) FROM {page.view} WHERE {page.rows.where}")
    assert re.search(r'id="count">([\d,]+)<', shown_page)[1] == str(count)  # type: ignore[index]
    assert len(rows_of(shown_page)) == count > 0
    sums = ", ".join(f"sum({column})" for column in page.sums)
    held = ask(site, f"SELECT currency, {sums} FROM {page.view} GROUP BY 1") if sums else []
    assert totals_of(shown_page) == {
        str(currency): [Decimal(str(one)) for one in rest] for currency, *rest in held if currency
    }


@pytest.mark.parametrize("name", LISTS)
def test_a_file_holds_exactly_what_the_screen_counts_and_sums(site: Site, name: str) -> None:
    ann(site)
    double(site)
    many(site, 60)
    page = LISTS[name]
    query = {"deals": "?outcome=open", "orders": "?currency=USD&sort=total", "customers": "?q=example"}.get(
        name, ""
    )
    with site.client("analyst") as client:
        screen = client.get(f"/{name}{query}").text
        rows = table(client.get(f"/{name}.csv{query}"))
    assert str(len(rows)) == re.search(r'id="count">([\d,]+)<', screen)[1]  # type: ignore[index]
    assert len({row[page.key] for row in rows}) == len(rows) > 0
    for currency, sums in totals_of(screen).items():
        ours = [row for row in rows if row["currency"] == currency]
        assert [sum(Decimal(row[column]) for row in ours) for column in page.sums] == sums


@pytest.mark.parametrize("name", [name for name, page in LISTS.items() if page.of_customers])
def test_what_was_recorded_with_a_merged_customer_is_listed_under_the_one_that_stands(
    site: Site, name: str
) -> None:
    stays, goes = ann(site), double(site)
    site.do(MergeCustomers(loser=goes, survivor=stays, reason="one"))
    page = LISTS[name]
    held = set(ask(site, f"SELECT {page.key}, customer_id FROM {page.view} WHERE {page.rows.where}"))
    assert {customer for _, customer in held} == {stays}
    with site.client("analyst") as client:
        for query in ("", f"?customer_id={stays}", "?q=ann@example.org"):
            rows = table(client.get(f"/{name}.csv{query}"))
            assert {(row[page.key], row["customer_id"]) for row in rows} == held
            shown_page = client.get(f"/{name}{query}").text
            assert len(rows_of(shown_page)) == len(rows) == len(held)
            assert goes not in shown_page
        assert table(client.get(f"/{name}.csv?customer_id={goes}")) == []


def test_sums_of_deals_are_those_of_the_view_whatever_is_asked(site: Site) -> None:
    tell(
        site,
        "backstory",
        *(
            OpenDeal(
                title=f"{('Lamps', 'Chairs')[n % 2]} {n}",
                pipeline="sales",
                stage=("New", "Qualified", "Proposal")[n % 3],
                owner=("mara", "noah", None)[n % 3] or ("mara" if n % 4 else None),
                amount=Decimal(n * 37 % 101),
                currency=("EUR", "USD")[n % 5 == 0],
                occurred_at=days(n),
            )
            for n in range(40)
        ),
        OpenDeal(title="Lamps", pipeline="sales", stage="New", occurred_at=days(1)),
    )
    asked = {
        "": "true",
        "owner=mara": "owner = 'mara'",
        "owner=noah&stage=Qualified": "owner = 'noah' AND stage = 'Qualified'",
        "outcome=won": "outcome = 'won'",
        "pipeline=sales&outcome=open": "outcome = 'open'",
        "q=lAmPs&owner=mara": "title LIKE 'Lamps%%' AND owner = 'mara'",
        "from=2026-03-20": "opened_at >= '2026-03-20Z'",
    }
    shown(site)
    won = ask(site, "SELECT deal_id FROM read.deals WHERE owner = 'mara' ORDER BY 1 LIMIT 5")
    for (deal_id,) in won:
        site.do(WinDeal(deal_id=str(deal_id)))
    with site.client("analyst") as client:
        for query, condition in asked.items():
            page = client.get(f"/deals?{query}").text
            held = ask(
                site, f"SELECT currency, count(*), sum(amount) FROM read.deals WHERE {condition} GROUP BY 1"
            )
            assert totals_of(page) == {str(c): [Decimal(str(told))] for c, _, told in held if c}, query
            count = re.search(r'id="count">([\d,]+)<', page)
            assert count is not None
            assert int(count[1]) == sum(int(str(one)) for _, one, _ in held) > 0


@pytest.mark.parametrize("filtered", ["currency=EUR", "q=MANY%40example", "q=3"])
def test_pages_follow_one_another_without_a_gap_whatever_they_are_sorted_by(
    site: Site, filtered: str
) -> None:
    many(site, 120)
    with site.client("rep") as client:
        for sort in ("-placed_at", "placed_at", "total", "-total", "source_id", "-refunded"):
            seen: list[str] = []
            totals: list[dict[str, list[Decimal]]] = []
            path: str | None = f"/orders?sort={sort}&{filtered}"
            while path:
                page = client.get(path).text
                seen += [re.search(r'href="/orders/([^"]+)"', row)[1] for row in rows_of(page)]  # type: ignore[index]
                totals.append(totals_of(page))
                following = re.search(r'class="button" href="\?([^"]*cursor=[^"]+)"', page)
                path = f"/orders?{following[1].replace('&amp;', '&')}" if following else None
            in_file = [row["order_id"] for row in table(client.get(f"/orders.csv?sort={sort}&{filtered}"))]
            assert len(seen) == len(set(seen)) > 50
            assert seen == in_file
            assert len(totals) > 1
            assert totals == [totals[0]] * len(totals)


@pytest.mark.parametrize("name", [name for name, page in LISTS.items() if page.stored and page.of_customers])
def test_who_the_rows_of_a_page_are_about_is_looked_up_by_index(site_database: str, name: str) -> None:
    query, values = select(asked_for(LISTS[name], {}), "UTC", None, 51)
    with psycopg.connect(site_database) as connection:
        connection.execute(
            "INSERT INTO model.customers (tenant, customer_id) SELECT 'many', n FROM generate_series(1, 5000) n"
        )
        connection.execute("ANALYZE model.customers")
        connection.execute("SET LOCAL ROLE backstory_analyst; SET LOCAL backstory.tenant = 'many'")
        plan = connection.execute(f"EXPLAIN {query}".encode(), values).fetchall()
        connection.rollback()
    assert re.search(r"customers_pkey on customers c\b.*?Index Cond: .*?customer_id = CASE", str(plan))


def test_pages_of_refunds_show_one_of_each_order_that_its_id_was_told_of(site: Site) -> None:
    told = [refund("r-1", f"{n}.00", of=str(n)) for n in range(1, 121)]
    tell(site, "shop", *told)
    shown(site)
    with site.client("rep") as client:
        for sort in ("-refunded_at", "amount", "reason"):
            seen: list[str] = []
            path: str | None = f"/refunds?sort={sort}"
            while path:
                page = client.get(path).text
                seen += re.findall(r"EUR ([\d.]+)", " ".join(rows_of(page)))
                following = re.search(r'class="button" href="\?([^"]*cursor=[^"]+)"', page)
                path = f"/refunds?{following[1].replace('&amp;', '&')}" if following else None
            assert sorted(map(Decimal, seen)) == [Decimal(n) for n in range(1, 121)]


def test_rows_without_the_value_they_are_sorted_by_come_last_both_ways(site: Site) -> None:
    tell(
        site,
        "backstory",
        *(
            OpenDeal(
                title=f"Deal {n}",
                pipeline="sales",
                stage="New",
                amount=None if n % 2 else Decimal(n),
                currency=None if n % 2 else "EUR",
                occurred_at=days(n),
            )
            for n in range(110)
        ),
    )
    shown(site)
    with site.client("rep") as client:
        for sort, way in (("amount", 1), ("-amount", -1)):
            first = client.get(f"/deals?sort={sort}").text
            cursor = re.search(r"cursor=([^\"&]+)", first)
            second = client.get(f"/deals?sort={sort}&cursor={cursor[1]}").text  # type: ignore[index]
            rows = table(client.get(f"/deals.csv?sort={sort}"))
            known = [Decimal(row["amount"]) for row in rows if row["amount"]]
            assert known == sorted(known)[::way]
            assert [bool(row["amount"]) for row in rows] == [True] * 55 + [False] * 55
            shown_ids = [re.search(r'href="/deals/([^"]+)"', r)[1] for r in rows_of(first) + rows_of(second)]  # type: ignore[index]
            assert shown_ids == [row["deal_id"] for row in rows[:100]]


def test_days_of_a_filter_are_days_of_the_tenant(site: Site) -> None:
    site.do(ChooseTimeZone(time_zone="Pacific/Auckland"))
    tell(site, "shop", order("1", "1.00", email=None, day=0), order("2", "1.00", email=None, day=0.2))
    shown(site)
    with site.client("rep") as client:
        assert len(rows_of(client.get("/orders?from=2026-03-01&until=2026-03-01").text)) == 1
        assert len(rows_of(client.get("/orders?from=2026-03-02&until=2026-03-02").text)) == 1
        assert len(rows_of(client.get("/orders?from=2026-03-01&until=2026-03-02").text)) == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("sort=secret", "sort"),
        ("from=yesterday", "from"),
        ("attention=all", "attention"),
        (f"q={'x' * 201}", "q"),
        ("cursor=abc", "cursor"),
    ],
)
def test_what_an_address_cannot_ask_is_refused_by_name(site: Site, query: str, field: str) -> None:
    with site.client("rep") as client:
        answer = client.get(f"/orders?{query}")
    assert answer.status_code == 400
    assert field in text_of(answer.text)


def test_a_search_finds_by_what_people_remember_and_a_percent_sign_is_one(site: Site) -> None:
    ident = ann(site)
    with site.client("rep") as client:
        assert f"/customers/{ident}" in client.get("/customers?q=ANN EX").text
        assert len(rows_of(client.get("/orders?q=ann@example").text)) == 2
        assert len(rows_of(client.get("/deals?q=lamps & co").text)) == 1
        assert "No orders match" in client.get("/orders?q=%25").text


def test_who_was_merged_is_found_by_what_was_known_of_either(site: Site) -> None:
    stays, goes = ann(site), double(site)
    [third] = tell(site, "crm", RecordCustomer(profile=Profile(email="c@example.org"), occurred_at=T0))
    site.do(MergeCustomers(loser=goes, survivor=stays, reason="one"))
    with site.client("manager") as client:
        for q in ("ann@example.org", "a.example@example.net"):
            assert [one for one in (stays, goes) if one in client.get(f"/customers?q={q}").text] == [stays]
            assert table(client.get(f"/customers.csv?q={q}"))[0]["customer_id"] == stays
            assert len(rows_of(client.get(f"/orders?q={q}").text)) == 3
            offered = client.get(f"/customers/{third}/merge?q={q}").text
            assert [one for one in (stays, goes) if f"?with={one}" in offered] == [stays]
        assert "No orders match" in client.get("/orders?q=c@example.org").text


def test_a_list_of_nothing_says_what_will_be_there(site: Site) -> None:
    with site.client("rep") as client:
        for name, page in LISTS.items():
            words = text_of(client.get(f"/{name}").text)
            assert f"No {name} yet" in words
            assert page.empty in words
            assert table(client.get(f"/{name}.csv")) == []


def test_another_tenants_rows_are_in_no_list_and_no_file(site: Site) -> None:
    ann(site)
    with site.of(f"{site.tenant}-other").client("admin") as client:
        for name in LISTS:
            assert rows_of(client.get(f"/{name}").text) == []
            assert table(client.get(f"/{name}.csv")) == []


@pytest.mark.parametrize("kind", ["lead", "deal", "order", "refund", "invoice"])
def test_each_record_has_a_page_with_its_events_in_its_tenant_alone(site: Site, kind: str) -> None:
    ann(site)
    [(ident,)] = ask(site, f"SELECT {kind}_id FROM read.{kind}s ORDER BY 1 LIMIT 1")
    with site.client("rep") as client:
        words = text_of(client.get(f"/{kind}s/{ident}").text)
        assert "Ann Example" in words
        assert "What happened" in words
        unknown = client.get(f"/{kind}s/nothing")
    with site.of(f"{site.tenant}-other").client("rep") as client:
        foreign = client.get(f"/{kind}s/{ident}")
    assert (unknown.status_code, foreign.status_code) == (404, 404)


def test_a_refund_has_a_page_of_its_own_that_its_order_its_customer_and_the_list_lead_to(site: Site) -> None:
    ident = ann(site)
    again = replace(refund("r-1", "30.00", of="1001", day=6), lines=order("1001", "30.00", email=None).lines)
    tell(site, "shop", refund("r-4", "1.00", of="1001"), again)
    shown(site)
    [(refund_id, order_id)] = ask(site, "SELECT refund_id, order_id FROM read.refunds WHERE amount = 30")
    [(loose,)] = ask(site, "SELECT refund_id FROM read.refunds WHERE order_id IS NULL")
    with site.client("rep") as client:
        for path in (f"/orders/{order_id}", f"/customers/{ident}", "/refunds"):
            assert f'href="/refunds/{refund_id}"' in client.get(path).text
        words = text_of(client.get(f"/refunds/{refund_id}").text)
        alone = text_of(client.get(f"/refunds/{loose}").text)
    assert "Refund of EUR 30.00 Ann Example" in words
    assert "Lamp LAMP 2 15.00 30.00" in words
    assert "Order 1001" in words
    assert "Source shop Source id r-1" in words
    assert re.findall(r"Refunded [^:]*: broken", words) == [f"Refunded {one}: broken" for one in MONEY]
    assert "Refund of EUR 5.00 Ann Example order not known" in alone
    assert "Source id r-2" in alone
    assert len(re.findall("Refunded [^:]*: broken", alone)) == 1


MONEY = ("EUR 30.00", "EUR 20.50")


def test_an_invoice_shows_its_lines_their_sum_and_tax_and_what_it_is_for(site: Site) -> None:
    ident = ann(site)
    [(order_id,)] = ask(site, "SELECT order_id FROM read.orders WHERE source_id = '1001'")
    line = InvoiceLine(title="Mounting", quantity=Decimal("1.5"), unit_price=Decimal("80.00"))
    [invoice] = tell(
        site,
        "backstory",
        IssueInvoice(
            number="2026-8",
            customer_id=ident,
            order_id=str(order_id),
            currency="EUR",
            subtotal=Decimal("120.00"),
            tax=Decimal("22.80"),
            lines=(line,),
            occurred_at=days(8),
        ),
    )
    shown(site)
    with site.client("rep") as client:
        words = text_of(client.get(f"/invoices/{invoice}").text)
    assert "Lines in EUR What Quantity Price Amount Mounting 1.5 80.00 120.00" in words
    assert "Subtotal EUR 120.00 Tax EUR 22.80 Total EUR 142.80 Paid EUR 0.00 Due EUR 142.80" in words
    assert "Order 1001" in words


@pytest.mark.parametrize(
    ("prices", "more", "says"),
    [
        (
            {"3": "18.00"},
            {"discount": "5.40", "shipping": "4.90", "tax": "9.72", "total": "63.22"},
            "54.00 Subtotal 54.00 Discount -5.40 Shipping 4.90 Tax 9.72 Total 63.22 What",
        ),
        ({"3": "18.00", "2": "1.00"}, {"total": "56.00"}, "54.00 Tea TEA 2 1.00 2.00 Total 56.00 What"),
        (
            {"3": "18.00"},
            {"shipping": "4.90", "total": "50.00"},
            "54.00 Subtotal 54.00 Shipping 4.90 Difference -8.90 Total 50.00 What",
        ),
        (
            {"3": "3.333333"},
            {"total": "10"},
            "9.999999 Subtotal 9.999999 Difference 0.000001 Total 10.00 What",
        ),
        (
            {},
            {"shipping": "4.90", "total": "58.90"},
            "Amount Shipping 4.90 Not told in lines 54.00 Total 58.90 What",
        ),
        ({"1": "0"}, {"total": "0"}, "0.00 Total 0.00 What"),
    ],
    ids=["whole", "lines alone", "mismatch", "divided price", "no lines", "nothing"],
)
def test_an_order_shows_how_its_lines_come_to_its_total_and_what_nothing_explains(
    site: Site, prices: dict[str, str], more: dict[str, str], says: str
) -> None:
    lines = tuple(
        OrderLine(sku="TEA", title="Tea", quantity=Decimal(quantity), unit_price=Decimal(price))
        for quantity, price in prices.items()
    )
    told = {name: Decimal(amount) for name, amount in more.items()}
    ident = site.do(
        RecordOrder(source_id="1", currency="EUR", lines=lines, occurred_at=T0, **told), source="shop"
    ).id
    with site.client("analyst") as client:
        words = text_of(client.get(f"/orders/{ident}").text)
    assert "Lines in EUR What Quantity Price Amount" in words
    assert f"{says} happened" in words
    assert ("total mismatch" in words) == (says.count("-8.90") == 1)


def test_an_order_of_which_a_total_alone_is_told_has_no_lines(site: Site) -> None:
    ident = site.do(
        RecordOrder(source_id="1", currency="EUR", total=Decimal(5), occurred_at=T0), source="shop"
    ).id
    with site.client("analyst") as client:
        assert "Lines" not in text_of(client.get(f"/orders/{ident}").text)


def test_an_order_says_what_is_due_and_of_a_cancelled_one_nothing_is(site: Site) -> None:
    ann(site)
    [(ident,)] = ask(site, "SELECT order_id FROM read.orders WHERE source_id = '1001'")
    with site.client("rep") as client:
        open_ = client.get(f"/orders/{ident}").text
        tell(site, "shop", RecordCancellation(order_source_id="1001", occurred_at=days(9)))
        shown(site)
        cancelled = client.get(f"/orders/{ident}").text
    assert "Total EUR 120.00 Paid EUR 100.00 Refunded EUR 20.50 Due EUR 20.00" in text_of(open_)
    assert "due EUR 20.00 of EUR 120.00" in open_
    assert "Due EUR 0.00" in text_of(cancelled)
    assert "due EUR 0.00 of EUR 120.00" in cancelled


def test_an_event_of_a_record_that_was_never_told_leads_to_no_page_of_it(site: Site) -> None:
    ident = ann(site)
    tell(site, "shop", refund("r-9", "9.00", of="never-told", email="ann@example.org"))
    shown(site)
    [(untold,)] = ask(site, "SELECT order_id FROM read.refunds WHERE amount = 9")
    with site.client("rep") as client:
        assert client.get(f"/orders/{untold}").status_code == 404
        page = client.get(f"/customers/{ident}").text
        links = set(re.findall(r'class="entry-record small" href="([^"]+)"', page))
        assert links
        assert f"/orders/{untold}" not in page
        assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_a_file_is_noted_in_the_log_before_it_leaves(site: Site) -> None:
    ann(site)
    with site.client("analyst") as client:
        client.get("/customers.csv?q=ann%40example.org")
    events = site.log.stream(site.tenant, "tenant-operations")
    exported = events[-1].event
    assert isinstance(exported, ListExported)
    assert (exported.list, exported.rows, exported.query) == ("customers", 1, "q=ann%40example.org")
    with site.log.connection() as connection:
        row = connection.execute(
            "SELECT data::text FROM log.events WHERE position = %s", (events[-1].position,)
        )
        assert "example.org" not in str(row.fetchone())


def test_no_cell_of_a_file_is_a_formula(site: Site) -> None:
    evil = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1"]  # noqa: RUF001
    tell(
        site,
        "crm",
        *(
            RecordCustomer(profile=Profile(source_id=str(n), name=text, company='a,b\n"c"'), occurred_at=T0)
            for n, text in enumerate(evil)
        ),
    )
    shown(site)
    with site.client("analyst") as client:
        answer = client.get("/customers.csv?sort=name")
    rows = table(answer)
    assert sorted(row["name"] for row in rows) == sorted(f"'{text.strip()}" for text in evil)
    assert {row["company"] for row in rows} == {'a,b\n"c"'}
    assert answer.headers["content-type"].startswith("text/csv; charset=utf-8")
    assert harmless("Ann") == "Ann"


def test_numbers_in_a_file_are_exact_and_stay_numbers(site: Site) -> None:
    tell(site, "shop", order("1", "-12.345", email=None), order("2", "12345678901234.10", email=None))
    shown(site)
    with site.client("analyst") as client:
        rows = table(client.get("/orders.csv?sort=total"))
        page = client.get("/orders?sort=total").text
    assert [row["total"] for row in rows] == ["-12.345", "12345678901234.10"]
    assert totals_of(page)["EUR"][0] == Decimal("12345678901221.755")
    assert "EUR -12.345" in text_of(page)
    assert datetime.fromisoformat(rows[0]["placed_at"]) == days(1).astimezone(UTC)


def test_too_many_files_at_once_are_asked_to_wait_and_each_gives_its_place_back(site: Site) -> None:
    many(site, 5)
    with site.client("analyst") as client:
        for _ in range(4):
            assert len(table(client.get("/orders.csv"))) == 5
        with exporting.AT_ONCE, exporting.AT_ONCE:
            refused = client.get("/orders.csv")
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        assert len(table(client.get("/orders.csv"))) == 5


@pytest.mark.parametrize("how", ["goes away at once", "stops reading"])
def test_who_goes_away_or_stops_reading_gives_its_place_back(
    site: Site, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = f"backstory-session={site.session('analyst')}".encode()
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/orders.csv",
        "query_string": b"",
        "headers": [(b"cookie", cookie)],
    }

    async def receive() -> dict[str, str]:
        if how == "stops reading":
            await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await asyncio.sleep(60)

    with monkeypatch.context() as patched, ThreadPoolExecutor(1) as threads:
        patched.setattr("api.http.streaming.STALLED", 0.1)
        for _ in range(3):  # in a thread of its own: a browser's loop runs in this one
            threads.submit(asyncio.run, site.app(scope, receive, send)).result()
    with site.client("analyst") as client:
        assert client.get("/orders.csv").status_code == 200


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2026-02-30", "yesterday"])
def test_a_day_that_is_none_or_beyond_reason_is_refused_with_its_field(site: Site, day: str) -> None:
    with site.client("rep") as client:
        for name in ("from", "until"):
            answer = client.get("/orders", params={name: day})
            assert (answer.status_code, f"{name} must be a day from 1900 to 2199" in answer.text) == (
                400,
                True,
            )


def saved(page: str) -> list[tuple[str, str]]:
    listed = re.search(r'aria-label="Saved filters">(.*?)</ul>', page, re.DOTALL)
    return re.findall(r'href="([^"]+)"[^>]*>.*?</svg>(\w+)', listed[1], re.DOTALL) if listed else []


@pytest.fixture
def two(site: Site) -> Iterator[tuple[Any, Any]]:
    with site.client("rep") as one, site.client("rep") as other:
        yield one, other


def test_a_saved_filter_is_its_persons_own_until_it_is_shared(site: Site, two: tuple[Any, Any]) -> None:
    ann(site)
    one, other = two
    form = {"name": "Open", "query": "outcome=open&sort=-amount&cursor=x&evil=1", "once": "1"}
    for _ in range(2):
        assert one.post("/deals/filters", data=form).headers["location"] == "/deals?outcome=open&sort=-amount"
    assert saved(one.get("/deals").text) == [("/deals?outcome=open&amp;sort=-amount", "Open")]
    assert saved(one.get("/orders").text) == saved(other.get("/deals").text) == []
    one.post("/deals/filters", data=form | {"shared": "yes", "once": "2"})
    assert saved(other.get("/deals").text) == [("/deals?outcome=open&amp;sort=-amount", "Open")]


def test_a_shared_filter_is_removed_by_its_person_or_an_admin_alone(site: Site, two: tuple[Any, Any]) -> None:
    one, other = two
    one.post("/deals/filters", data={"name": "Ours", "query": "q=lamp", "shared": "yes", "once": "1"})
    found = re.search(r"/deals/filters/([^/]+)/removed", one.get("/deals").text)
    assert found
    assert "/removed" not in other.get("/deals").text
    assert other.post(found[0], data={"once": "2"}).status_code == 404
    with site.client("admin") as admin:
        assert found[0] in admin.get("/deals").text
        assert admin.post(found[0], data={"once": "3"}).status_code == 303
    assert saved(one.get("/deals").text) == []
    assert one.post("/deals/filters", data={"name": " ", "query": "", "once": "4"}).status_code == 422


@pytest.mark.parametrize("name", LISTS)
def test_every_link_of_a_row_leads_to_a_page(site: Site, name: str) -> None:
    ann(site)
    tell(site, "shop", refund("r-untold", "5.00", of="never-told"), refund("r-loose", "6.00", of=None))
    shown(site)
    with site.client("rep") as client:
        rows = client.get(f"/{name}").text.partition('id="rows"')[2]
        links = set(re.findall(r'href="(/[^"]+)"', rows))
        assert links
        assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)
