"""People at the page of a customer, in a real browser."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from commands.command import ForgetCustomer, RecordCustomer
from domain.customer import Profile
from tests.pages.browsing import DESK, PHONE, Site, Watch, assert_no_sideways_scroll, axe
from tests.pages.business import T0, ann, double, order, payment, shown, tell

NewPage = Callable[..., Page]


def busy(site: Site, orders: int = 45) -> str:
    """Tell of a customer with more events than a page of the timeline holds."""
    [ident] = tell(
        site,
        "crm",
        RecordCustomer(profile=Profile(email="busy@example.org", name="Busy Bee"), occurred_at=T0),
    )
    for n in range(orders):
        tell(
            site,
            "shop",
            order(f"b-{n}", "10.00", email="busy@example.org", day=n),
            payment(f"b-{n}", "10.00", day=n + 0.1),
        )
    shown(site)
    return ident


def test_a_person_finds_out_what_happened_and_why(new_page: NewPage, site: Site) -> None:
    page = new_page("rep")
    page.goto(f"/customers/{ann(site)}")
    expect(page.get_by_role("heading", name="Ann Example", level=1)).to_be_visible()
    axe(page)
    feed = page.get_by_role("feed")
    page.get_by_role("link", name=re.compile("^Refunds 2")).click()
    expect(feed.get_by_role("article")).to_have_count(2)
    page.wait_for_url(re.compile(r"\?kind=refunds$"))
    expect(page.locator("#kind-refunds")).to_be_focused()
    page.get_by_role("searchbox", name="Search the timeline").fill("20.5")
    page.keyboard.press("Enter")
    expect(feed.get_by_role("article")).to_have_count(1)
    feed.get_by_text("Refunded EUR 20.50: broken").click()
    expect(feed.get_by_role("row", name="Payment status partly-paid partly-refunded")).to_be_visible()
    expect(feed.get_by_text("mara, through shop")).to_be_visible()
    axe(page)
    page.get_by_role("link", name="Clear").click()
    expect(feed.get_by_role("article")).not_to_have_count(1)
    page.get_by_role("link", name="Milestones").click()
    expect(feed.get_by_text("Known to shop by an e-mail address")).to_have_count(0)
    page.go_back()
    expect(page).not_to_have_url(re.compile("milestones"))


def test_an_event_has_an_address_of_its_own(new_page: NewPage, site: Site) -> None:
    page = new_page("rep", permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"/customers/{ann(site)}?kind=invoices")
    page.get_by_text("Invoice over EUR 119.00").click()
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.goto(page.evaluate("navigator.clipboard.readText()"))
    expect(page.get_by_role("heading", name="Invoice over EUR 119.00")).to_be_visible()
    expect(page.get_by_role("link", name="Invoice 2026-7")).to_be_visible()
    axe(page)


def test_older_events_come_as_one_scrolls_each_once_and_numbered(new_page: NewPage, site: Site) -> None:
    ident = busy(site)
    page = new_page("rep")
    page.goto(f"/customers/{ident}?kind=orders")
    articles = page.locator("#feed > article[tabindex]")
    expect(articles).to_have_count(40)
    page.locator("#more").scroll_into_view_if_needed()
    expect(articles).to_have_count(80)
    page.locator("#more").scroll_into_view_if_needed()
    expect(articles).to_have_count(90)
    expect(page.locator("#more")).to_have_count(0)
    places = articles.evaluate_all("all => all.map(one => [one.ariaPosInSet, one.ariaSetSize, one.id])")
    assert [int(place) for place, _, _ in places] == list(range(1, 91))
    assert {size for _, size, _ in places} == {"90"}
    assert len({name for _, _, name in places}) == 90
    days = page.locator("#feed .day").all_text_contents()
    assert len(days) == len(set(days))


def test_the_feed_is_read_by_keyboard_alone(new_page: NewPage, site: Site) -> None:
    page = new_page("rep")
    page.goto(f"/customers/{ann(site)}?kind=refunds")
    expect(page.locator("#feed > article")).to_have_count(2)
    page.keyboard.press("j")
    first = page.locator("#feed > article").first
    expect(first).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("#feed > article").nth(1)).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(first.get_by_role("columnheader", name="What changed")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search the timeline")).to_be_focused()


def test_a_field_tells_its_whole_history(new_page: NewPage, site: Site) -> None:
    page = new_page("rep")
    page.goto(f"/customers/{ann(site)}")
    link = page.get_by_role("link", name="History of name")
    link.focus()
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text("offered, not the owner")).to_be_visible()
    expect(sheet.get_by_text("stands", exact=True)).to_be_visible()
    axe(page)
    page.keyboard.press("Escape")
    expect(sheet).not_to_be_visible()
    expect(link).to_be_focused()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_field_is_changed_taken_back_and_restored_by_keyboard(
    new_page: NewPage, site: Site, watch: Watch, size: dict[str, int]
) -> None:
    watch.allow(422)
    page = new_page("rep")
    page.set_viewport_size(size)
    page.goto(f"/customers/{ann(site)}")
    page.get_by_role("link", name="Change phone").focus()
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog")
    box = sheet.get_by_label("Phone")
    expect(box).to_be_focused()
    page.keyboard.type("call me")
    page.keyboard.press("Enter")
    expect(sheet.get_by_text("It must be a phone number such as +44 20 7946 0958.")).to_be_visible()
    expect(box).to_be_focused()
    expect(box).to_have_value("call me")
    if size == DESK:
        axe(page)
    assert_no_sideways_scroll(page)
    for number in ("+49 30 1234567", "+49 30 7654321"):
        if number.endswith("21"):
            page.get_by_role("link", name="Change phone").click()
        box.fill(number)
        page.keyboard.press("Enter")
        expect(page.get_by_text("Phone changed.")).to_be_visible()
        page.wait_for_load_state()  # before its scripts run, a link leads to a page instead of a dialog
        expect(page.locator("#customer-who").get_by_text(number).first).to_be_visible()
    axe(page)
    page.set_viewport_size(size)
    assert_no_sideways_scroll(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".who").get_by_text("+49 30 1234567")).to_be_visible()
    page.wait_for_load_state()
    page.get_by_role("link", name="History of phone").click()
    expect(sheet.get_by_role("button", name="Restore +49 30 7654321")).to_have_count(1)
    expect(sheet.get_by_role("button", name="Restore +49 30 1234567")).to_have_count(0)
    if size == DESK:
        axe(page)
    sheet.get_by_role("button", name="Restore +49 30 7654321").press("Enter")
    expect(page.locator(".who").get_by_text("+49 30 7654321")).to_be_visible()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_wrong_number_is_emptied_by_keyboard_and_brought_back(
    new_page: NewPage, site: Site, size: dict[str, int]
) -> None:
    ident = ann(site)
    site.do(RecordCustomer(customer_id=ident, profile=Profile(phone="+49 30 7654321")), source="backstory")
    page = new_page("rep")
    page.set_viewport_size(size)
    page.goto(f"/customers/{ident}")
    number = page.locator("#customer-who").get_by_text("+49 30 7654321")
    expect(number).to_have_count(1)
    expect(page.locator(".known").get_by_text("+49307654321")).to_be_visible()
    page.get_by_role("link", name="Change phone").focus()
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_label("Phone")).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Delete")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(sheet.get_by_role("button", name="Empty it")).to_be_focused()
    if size == DESK:
        axe(page)
    assert_no_sideways_scroll(page)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Phone emptied.")).to_be_visible()
    page.wait_for_load_state()
    expect(number).to_have_count(0)
    expect(page.locator(".known").get_by_text("+49307654321")).to_have_count(0)
    expect(page.get_by_text("Phone number emptied by backstory")).to_be_visible()
    if size == DESK:
        axe(page)
    page.get_by_role("link", name="History of phone").click()
    expect(sheet.get_by_text("emptied", exact=True)).to_be_visible()
    if size == DESK:
        axe(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Undo").click()
    expect(number).to_have_count(1)
    expect(page.locator(".known").get_by_text("+49307654321")).to_be_visible()


def test_of_two_who_change_a_field_the_second_sees_both_values_and_decides(
    new_page: NewPage, site: Site, watch: Watch
) -> None:
    watch.allow(409)
    ident = ann(site)
    first, second = new_page("rep"), new_page("manager")
    for page in (first, second):
        page.goto(f"/customers/{ident}")
        page.get_by_role("link", name="Change company").click()
    for page, company in ((first, "Lamps Ltd"), (second, "Lights & Co")):
        page.get_by_role("textbox", name="Company").fill(company)
        page.get_by_role("button", name="Change", exact=True).click()
    expect(first.get_by_text("Company changed.")).to_be_visible()
    sheet = second.get_by_role("dialog")
    expect(sheet.get_by_role("alert")).to_contain_text("Someone was faster. Nothing of yours was recorded.")
    expect(sheet.get_by_role("definition")).to_have_text(["Lamps Ltd", "Lights & Co", "Lamps & Co"])
    axe(second)
    sheet.get_by_role("button", name="Change it even so").click()
    for page in (first, second):
        expect(page.locator(".who").get_by_text("Lights & Co")).to_be_visible()


def test_a_value_for_a_field_that_a_shop_owns_is_offered_and_settled(new_page: NewPage, site: Site) -> None:
    page = new_page("rep")
    page.goto(f"/customers/{ann(site)}")
    page.get_by_role("link", name="Change e-mail").click()
    expect(page.get_by_role("dialog").get_by_text("shop owns this field.")).to_be_visible()
    page.get_by_role("textbox", name="E-mail").fill("ann@example.com")
    page.get_by_role("button", name="Offer", exact=True).click()
    expect(page.get_by_text("E-mail: shop owns it, so its value stands.")).to_be_visible()
    expect(page.locator(".who").get_by_text("ann@example.org")).to_be_visible()
    conflict = page.get_by_role("group", name="Conflict about e-mail")
    expect(conflict.get_by_text("ann@example.com")).to_be_visible()
    conflict.get_by_role("button", name="Take backstory's").click()
    expect(page.locator(".who").get_by_text("ann@example.com")).to_be_visible()


def test_a_conflict_is_settled_by_a_click(new_page: NewPage, site: Site) -> None:
    page = new_page("rep")
    page.goto(f"/customers/{ann(site)}")
    conflict = page.get_by_role("group", name="Conflict about name")
    expect(conflict.get_by_text("Anne Example")).to_be_visible()
    conflict.get_by_role("button", name="Take shop's").click()
    expect(page.get_by_role("heading", name="Anne Example", level=1)).to_be_visible()
    expect(page.get_by_text("Settled.")).to_be_visible()
    expect(page.get_by_role("group", name="Conflict about name")).to_have_count(0)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_two_customers_become_one_and_two_again(new_page: NewPage, site: Site, size: dict[str, int]) -> None:
    stays, goes = ann(site), double(site)
    page = new_page("manager")
    page.set_viewport_size(size)
    page.goto(f"/customers/{stays}")
    page.get_by_role("link", name="Merge", exact=True).click()
    page.get_by_role("searchbox").fill("a. exam")
    page.keyboard.press("Enter")
    page.get_by_role("link", name=re.compile("^A. Example")).click()
    expect(page.get_by_role("row", name=re.compile("^Name differs Ann Example A. Example"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^Orders 2 1"))).to_be_visible()
    if size == DESK:
        axe(page)
    assert_no_sideways_scroll(page)
    page.get_by_label("Why are they the same person?").fill("same phone number")
    page.get_by_role("button", name="Merge the two").click()
    page.wait_for_url(re.compile(stays))
    banner = page.locator(".merged-banner")
    expect(banner.get_by_text("2 customers are one here.")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^EUR 2 orders 160.00 26.50 133.50"))).to_be_visible()
    banner.locator("summary").click()
    if size == PHONE:
        axe(page)
        page.set_viewport_size(size)
    assert_no_sideways_scroll(page)
    banner.get_by_label("Why they are two people").fill("mother and daughter")
    banner.get_by_role("button", name="Unmerge").click()
    expect(page.get_by_text("They are two customers again.")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^EUR 1 order 120.00 25.50 94.50"))).to_be_visible()
    page.goto(f"/customers/{goes}")
    expect(page.get_by_role("heading", name="A. Example", level=1)).to_be_visible()


def test_someone_who_was_faster_is_told_and_nothing_is_done(
    new_page: NewPage, site: Site, watch: Watch
) -> None:
    watch.allow(409)
    page = new_page("rep")
    page.goto(f"/customers/{ann(site)}")
    site.do(
        RecordCustomer(profile=Profile(email="ann@example.org", country="GB"), occurred_at=T0), source="shop"
    )
    page.get_by_role("group", name="Conflict about name").get_by_role("button", name="Keep crm's").click()
    expect(page.get_by_role("heading", name="Someone was faster")).to_be_visible()


def test_a_forgotten_person_is_a_tombstone_and_an_empty_timeline_says_what_will_come(
    new_page: NewPage, site: Site
) -> None:
    ident = ann(site)
    page = new_page("admin")
    page.goto(f"/customers/{ident}?q=zebra")
    expect(page.get_by_role("heading", name="Nothing that fits")).to_be_visible()
    axe(page)
    site.do(ForgetCustomer(customer_id=ident, reason="asked"))
    page.goto(f"/customers/{ident}")
    expect(page.get_by_role("heading", name="Forgotten person")).to_be_visible()
    axe(page)


def test_a_phone_shows_everything_of_a_customer(new_page: NewPage, site: Site) -> None:
    page = new_page("rep")
    page.set_viewport_size(PHONE)
    page.goto(f"/customers/{ann(site)}")
    assert_no_sideways_scroll(page)
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Timeline").click()
    expect(page.get_by_role("heading", name="Timeline")).to_be_in_viewport()
    page.get_by_text("Refunded EUR 20.50: broken").click()
    expect(page.get_by_text("Payment status").first).to_be_visible()
    assert_no_sideways_scroll(page)


def test_the_page_works_without_scripts(new_page: NewPage, site: Site) -> None:
    ident = busy(site, 25)
    page = new_page("rep", java_script_enabled=False)
    page.goto(f"/customers/{ident}")
    page.get_by_role("link", name=re.compile("^Orders 50")).click()
    expect(page.locator("#feed > article[tabindex]")).to_have_count(40)
    page.get_by_role("link", name="Older events").click()
    expect(page.locator("#feed > article")).to_have_count(10)
    page.get_by_role("link", name="History of name").click()
    expect(page.get_by_role("heading", name="History of name")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Change country").click()
    page.get_by_label("Country").fill("GB")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_text("Country changed.")).to_be_visible()
    expect(page.locator(".who").get_by_text("GB")).to_be_visible()


def test_what_happens_to_a_customer_shows_by_itself(new_page: NewPage, site: Site) -> None:
    ident = ann(site)
    page, reading = new_page("rep"), new_page("rep")
    for one in (page, reading):
        one.goto(f"/customers/{ident}")
        expect(one.locator(".freshness")).to_contain_text("live")
    reading.get_by_text("Refunded EUR 20.50: broken").click()
    site.do(order("1003", "33.00", email="ann@example.org", day=9), source="shop")
    expect(page.get_by_role("row", name=re.compile("^EUR 2 orders 153.00"))).to_be_visible()
    expect(page.get_by_role("feed").get_by_text("Ordered for EUR 33.00 with 1 line")).to_be_visible()
    expect(reading.get_by_role("row", name=re.compile("^EUR 2 orders 153.00"))).to_be_visible()
    expect(reading.get_by_role("columnheader", name="What changed")).to_be_visible()
    reading.get_by_role("button", name=re.compile("Something new happened")).click()
    expect(reading.get_by_role("feed").get_by_text("Ordered for EUR 33.00 with 1 line")).to_be_visible()
