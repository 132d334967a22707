"""People at the lists, in a real browser."""

import csv
import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from api.pages.lists.catalogue import LISTS
from commands.command import ChooseTimeZone
from tests.pages.browsing import PHONE, Site, assert_no_sideways_scroll, axe
from tests.pages.business import ann, double, order, payment, refund
from tests.pages.test_customer import ask
from tests.pages.test_lists import many

NewPage = Callable[..., Page]


@pytest.mark.parametrize("name", LISTS)
def test_axe_finds_nothing_on_a_list_full_or_empty(new_page: NewPage, site: Site, name: str) -> None:
    page = new_page("rep")
    page.goto(f"/{name}")
    expect(page.get_by_role("heading", name=f"No {name} yet")).to_be_visible()
    axe(page)
    ann(site)
    page.goto(f"/{name}?from=2026-01-01")
    expect(page.locator("#rows > tr").first).to_be_visible()
    axe(page)


@pytest.mark.parametrize("kind", ["lead", "deal", "order", "refund", "invoice"])
def test_a_row_leads_to_its_page_by_mouse_and_by_keyboard(new_page: NewPage, site: Site, kind: str) -> None:
    ann(site)
    page = new_page("rep")
    page.goto(f"/{kind}s")
    page.locator("#rows > tr").first.locator("td").last.click()
    page.wait_for_url(re.compile(f"/{kind}s/"))
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    axe(page)
    page.go_back()
    page.locator("#rows > tr").first.get_by_role("link").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="As it stands")).to_be_visible()


def test_a_filter_is_kept_shared_used_and_removed(new_page: NewPage, site: Site) -> None:
    ann(site)
    page, colleague = new_page("rep"), new_page("rep")
    page.goto("/deals")
    page.get_by_label("Outcome").select_option("open")
    page.wait_for_url(re.compile("outcome=open"))
    page.get_by_role("link", name="Amount").click()
    page.wait_for_url(re.compile("sort=-amount"))
    page.get_by_role("button", name="Save filter").click()
    page.get_by_label("Name").fill("Open by size")
    page.get_by_label("Share with everyone here").check()
    axe(page)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Filter saved.")).to_be_visible()
    colleague.goto("/deals")
    colleague.get_by_role("link", name=re.compile("^Open by size")).click()
    colleague.wait_for_url(re.compile(r"/deals\?outcome=open&sort=-amount$"))
    expect(colleague.get_by_label("Outcome")).to_have_value("open")
    expect(colleague.get_by_role("button", name="Remove the filter")).to_have_count(0)
    page.get_by_role("button", name="Remove the filter Open by size").click()
    expect(page.get_by_text("Filter removed.")).to_be_visible()
    colleague.reload()
    expect(colleague.get_by_role("link", name=re.compile("^Open by size"))).to_have_count(0)


def test_what_others_change_is_offered_quietly_and_shown_when_asked(new_page: NewPage, site: Site) -> None:
    ann(site)
    page = new_page("rep")
    streams = site.app.state.live.streams
    tabs = {name: page.context.new_page() for name in ("orders", "refunds", "deals", "leads")}
    for name, tab in tabs.items():
        tab.goto(f"/{name}?from=2026-01-01")
        expect(tab.locator("#freshness")).to_have_attribute("data-state", "live")
        expect(tab.locator("#newer")).to_be_hidden()
    assert site.app.state.live.streams == streams + 1
    site.do(order("1003", "33.00", email="ann@example.org", day=9), source="shop")
    orders = tabs["orders"]
    line = orders.get_by_role("button", name="1 record changed · Show")
    expect(line).to_be_visible()
    expect(orders.get_by_role("link", name="1003")).to_have_count(0)
    axe(orders)
    line.press("Enter")
    expect(orders.get_by_role("link", name="1003")).to_be_visible()
    expect(orders.locator("#count")).to_have_text("3")
    expect(line).to_be_hidden()
    expect(orders.locator("#main")).to_be_focused()
    orders.wait_for_url(re.compile(r"/orders\?from=2026-01-01$"))
    site.do(refund("r-9", "1.00", of="1003", day=10), source="shop")
    expect(tabs["refunds"].get_by_role("button", name="1 record changed · Show")).to_be_visible(
        timeout=15_000
    )
    for name in ("deals", "leads"):
        expect(tabs[name].locator("#newer")).to_be_hidden()


def test_what_would_not_show_in_a_list_is_not_said_to_have_changed(new_page: NewPage, site: Site) -> None:
    ann(site)
    page = new_page("rep")
    page.goto("/orders?currency=USD")
    expect(page.locator("#freshness")).to_have_attribute("data-state", "live")
    with page.expect_response("**/orders?currency=USD") as looked:
        site.do(order("1003", "33.00", email="ann@example.org", day=9), source="shop")
    looked.value.finished()
    expect(page.locator("#newer")).to_be_hidden()
    site.do(order("1004", "44.00", currency="USD", email="ann@example.org", day=9), source="shop")
    page.get_by_role("button", name="1 record changed · Show").click(timeout=15_000)
    expect(page.get_by_role("link", name="1004")).to_be_visible()
    expect(page.get_by_role("link", name="1003")).to_have_count(0)


def test_an_open_record_says_that_it_has_changed(new_page: NewPage, site: Site) -> None:
    ann(site)
    page = new_page("rep")
    page.goto("/orders?q=1001")
    page.locator("#rows > tr").first.get_by_role("link").first.click()
    expect(page.locator("#freshness")).to_have_attribute("data-state", "live")
    site.do(order("1004", "1.00", email="ann@example.org", day=9), source="shop")
    site.do(payment("1001", "20.00", day=9), source="shop")
    page.get_by_role("button", name="This has changed · Show").click()
    expect(page.get_by_role("feed").get_by_text("Paid EUR 20.00")).to_be_visible()
    expect(page.locator("#newer")).to_be_hidden()


def test_the_file_that_is_downloaded_equals_the_screen(new_page: NewPage, site: Site) -> None:
    many(site, 70)
    double(site)
    page = new_page("rep")
    page.goto("/orders?currency=EUR&sort=-total")
    rows = page.locator("#rows > tr[data-href]")
    expect(rows).to_have_count(36)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    with download.value.path().open(newline="", encoding="utf-8-sig") as file:
        table = list(csv.DictReader(file))
    addresses = rows.evaluate_all("all => all.map(one => one.dataset.href)")
    assert addresses == [f"/orders/{row['order_id']}" for row in table]
    screen = page.locator(".total[data-currency=EUR] .num").all_text_contents()
    assert [Decimal(told.replace(",", "")) for told in screen] == [
        sum(Decimal(row[column]) for row in table) for column in ("total", "paid", "refunded")
    ]


def test_days_and_times_are_the_tenants_wherever_the_browser_is(new_page: NewPage, site: Site) -> None:
    site.do(ChooseTimeZone(time_zone="America/New_York"))
    site.do(order("late", "1.00", email=None, day=-0.3), source="shop")  # 02:18 on 1 March in UTC
    page = new_page("rep", timezone_id="Asia/Tokyo")
    page.goto("/orders?from=2026-02-28&until=2026-02-28")
    told = page.locator("#rows relative-time")
    expect(told).to_have_attribute("title", "28 Feb 2026, 21:18 Eastern Standard Time")
    assert told.evaluate("one => one.shadowRoot.textContent") == "28 Feb"
    expect(page.get_by_text("Days are days in America/New_York.")).to_be_visible()


def test_more_rows_are_added_below(new_page: NewPage, site: Site) -> None:
    many(site, 120)
    page = new_page("rep")
    page.goto("/orders")
    rows = page.locator("#rows > tr[data-href]")
    for count in (50, 100):
        expect(rows).to_have_count(count)
        page.get_by_role("link", name="More rows").click()
    expect(rows).to_have_count(120)
    expect(page.get_by_role("link", name="More rows")).to_have_count(0)
    assert len(set(rows.evaluate_all("all => all.map(one => one.dataset.href)"))) == 120


def test_a_phone_filters_and_scrolls_a_list_inside_its_frame(new_page: NewPage, site: Site) -> None:
    ann(site)
    page = new_page("rep")
    page.set_viewport_size(PHONE)
    page.goto("/orders")
    assert_no_sideways_scroll(page)
    expect(page.get_by_label("Payment")).not_to_be_visible()
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Payment").select_option("unpaid")
    expect(page.locator("#rows > tr[data-href]")).to_have_count(1)
    frame = page.get_by_role("region", name="Orders")
    frame.evaluate("one => one.scrollTo(400, 0)")
    expect(frame.get_by_role("link", name="1002")).to_be_in_viewport()
    assert_no_sideways_scroll(page)
    assert ask(site, "SELECT count(*) FROM read.orders") == [(2,)]
