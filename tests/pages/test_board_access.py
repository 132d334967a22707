"""The board for everyone: axe, keyboard alone, and the states between."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from playwright.sync_api import Page, expect

from commands.command import (
    CaptureLead,
    ChangeAmount,
    DefineLeadHandling,
    MoveToStage,
    RecordCustomer,
    ScheduleFollowUp,
)
from domain.customer import Profile
from domain.deal import DealOpened
from tests.pages.boarding import card, column, define, expect_in, opened, show
from tests.pages.browsing import PHONE, Site, Watch, axe

NewPage = Callable[..., Page]


def furnished(site: Site) -> str:
    """Give the board deals in every state that a card can show; return one."""
    define(site)
    deal = opened(site, "Lamps", amount="1200", owner="mara", days=3)
    opened(site, "Chairs", amount="80", owner="noah", days=6, company="Example Ltd")
    opened(site, "Desks", days=40)
    won = opened(site, "Shelves", stage="Proposal", amount="99", days=12)
    site.do(MoveToStage(deal_id=won, stage="Won"))
    site.do(ScheduleFollowUp(deal_id=deal, follow_up_id="f", due_on=date(2027, 3, 1), task="Call"))
    return deal


def test_axe_finds_nothing_on_the_board(site: Site, new_page: NewPage) -> None:
    furnished(site)
    page = new_page("rep")
    show(page, "/board?closed=true")
    axe(page)


def test_the_age_of_a_card_says_which_event_set_the_clock_and_which_did_not(
    site: Site, new_page: NewPage
) -> None:
    define(site)
    deal = opened(site, "Lamps", days=40, owner="mara")
    site.do(MoveToStage(deal_id=deal, stage="Qualified"))
    site.do(ChangeAmount(deal_id=deal, amount=Decimal(900), currency="EUR"))
    old = opened(site, "Chairs", days=9)
    page = new_page("analyst")
    show(page)
    tip = page.get_by_role("tooltip")
    chip = card(page, deal).get_by_role("link", name="0 d / 14 d in this stage")
    chip.focus()
    expect(tip).to_contain_text("0 days in Qualified, of 14 allowed")
    expect(tip).to_contain_text("Deal moved to Qualified (test)")
    expect(tip).to_contain_text("Deal is worth EUR 900.00 (test). That does not set the clock back.")
    expect(chip).to_have_accessible_description(re.compile("Counted from"))
    axe(page)
    card(page, deal).get_by_role("link", name="Lamps").focus()
    expect(tip).to_be_hidden()
    chip.focus()
    expect(tip).to_be_visible()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    expect(chip).to_be_focused()
    card(page, old).get_by_role("link", name="9 d / 7 d in this stage").hover()
    expect(tip).to_contain_text("9 days in New, of 7 allowed")
    expect(tip).to_contain_text("Deal opened in New of sales")
    expect(tip).to_contain_text("nothing happened")
    tip.hover()
    expect(tip).to_be_visible()
    page.get_by_role("heading", level=1).hover()
    expect(tip).to_be_hidden()
    with site.of(f"{site.tenant}-other").client("admin") as client:
        told = client.get(f"/board/deals/{deal}/age", headers={"HX-Request": "true"})
        assert told.status_code == 404


def test_a_filter_of_the_board_is_kept_shared_picked_and_removed(site: Site, new_page: NewPage) -> None:
    furnished(site)
    page, colleague = new_page("rep"), new_page("manager")
    show(page, "/board?show=New:50")
    page.get_by_label("Owner").select_option("mara")
    page.wait_for_url(re.compile("owner=mara"))
    expect(column(page, "New").get_by_role("listitem")).to_have_count(1)  # the filtered board is there
    page.get_by_role("button", name="Save filter").press("Enter")
    page.get_by_label("Name").fill("Mara's deals")
    page.get_by_label("Share with everyone here").press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Filter saved.")).to_be_visible()
    page.wait_for_url(re.compile(r"/board\?owner=mara$"))
    picked = colleague.get_by_role("link", name=re.compile("^Mara's deals"))
    show(colleague)
    picked.press("Enter")
    expect(picked).to_have_attribute("aria-current", "true")
    expect(colleague.get_by_label("Owner")).to_have_value("mara")
    expect(column(colleague, "New").get_by_role("listitem")).to_have_count(1)
    axe(colleague)
    page.get_by_role("button", name="Remove the filter Mara's deals").click()
    expect(page.get_by_text("Filter removed.")).to_be_visible()
    expect(page.get_by_role("list", name="Saved filters")).to_have_count(0)


def test_a_filter_is_saved_while_no_script_has_run(site: Site, new_page: NewPage) -> None:
    furnished(site)
    page = new_page("rep", java_script_enabled=False)
    page.goto("/board?owner=mara")
    page.get_by_role("button", name="Save filter").press("Enter")
    page.get_by_label("Name").fill("Mara's deals")
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    expect(page.get_by_text("Filter saved.")).to_be_visible()


def test_of_a_lead_that_is_closed_no_deal_is_opened(site: Site) -> None:
    lead = site.do(CaptureLead(form="contact")).id
    form = {"lead_id": lead, "pipeline": "sales", "stage": "New", "title": "Lamps", "once": "1"}
    with site.client("rep") as client:
        assert client.post("/board/new", data=form).status_code == 303
        head = site.log.head()
        refused = client.post("/board/new", data=form | {"once": "2"})
        odd = client.post("/board/new", data=form | {"lead_id": "\0", "once": "3"})
    assert (refused.status_code, odd.status_code, site.log.head()) == (422, 400, head)
    [opened, converted] = site.log.read(head - 2, 2)
    assert (opened.type, converted.type) == ("deal-opened.v1", "lead-converted.v1")
    assert converted.event.deal_id == opened.stream.removeprefix("deal-")  # type: ignore[attr-defined]


def test_a_deal_is_opened_from_the_page_of_its_customer(site: Site, new_page: NewPage, watch: Watch) -> None:
    watch.allow(422)
    define(site)
    ann = Profile(email="ann@example.org", name="Ann Example", company="Lamps and Co")
    customer = site.do(RecordCustomer(profile=ann)).id
    page = new_page("rep")
    page.goto(f"/customers/{customer}")
    page.get_by_role("link", name="New deal").click()
    expect(page.get_by_text("With Ann Example")).to_be_visible()
    page.get_by_label("What is it about?").fill("Lamps")
    page.get_by_label("Value").fill("a lot")
    page.get_by_role("button", name="Open the deal").click()
    expect(page.get_by_text("With Ann Example")).to_be_visible()
    page.get_by_label("Value").fill("900")
    page.get_by_role("button", name="Open the deal").click()
    expect(page.get_by_text("The deal is open.")).to_be_visible()
    opened = site.log.read(site.log.head() - 1, 1)[0].event
    assert isinstance(opened, DealOpened)
    assert (opened.title, opened.customer_id, opened.company) == ("Lamps", customer, "Lamps and Co")


def test_no_deal_is_opened_for_a_customer_who_is_not_there(site: Site) -> None:
    form = {"pipeline": "sales", "stage": "New", "title": "Lamps", "once": "1"}
    with site.client("rep") as client:
        head = site.log.head()
        for customer in ("nobody", "\0"):
            assert client.get("/board/new", params={"customer": customer}).status_code in {400, 404}
            assert client.post("/board/new", data=form | {"customer_id": customer}).status_code in {400, 404}
    assert site.log.head() == head


def test_an_enquiry_whose_deal_is_opened_by_itself_leads_to_the_board(site: Site) -> None:
    enquiry = {"name": "Ann Example", "email": "ann@example.org"}
    for forms, address in ((("contact",), "/board/new"), ((), "/board"), (("enquiry",), "/board")):
        site.do(DefineLeadHandling(owners=("olga",), pipeline="sales", forms=forms))
        with site.client("rep") as client:
            went = client.post("/enquire", data=enquiry).headers["location"]
        assert went.partition("?")[0] == address


def test_what_the_board_cannot_be_asked_for_is_not_kept(site: Site) -> None:
    with site.client("rep") as client:
        wrong = client.post("/board/filters", data={"name": "Old", "query": "age=ancient", "once": "1"})
        assert (wrong.status_code, "Old" in client.get("/board").text) == (422, False)
        kept = {"name": "Big", "query": "evil=1&q=&least=1000&closed=true", "once": "2"}
        assert client.post("/board/filters", data=kept).headers["location"] == "/board?least=1000&closed=true"


def test_axe_finds_nothing_on_forms_dialogs_and_toasts(site: Site, new_page: NewPage, watch: Watch) -> None:
    watch.allow(422, 409)
    deal = furnished(site)
    page = new_page("rep")
    show(page)
    card(page, deal).get_by_label("Move Lamps to…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    axe(page)
    page.get_by_role("dialog").get_by_role("button", name="Lost").click()
    page.get_by_label("Why was it lost?").fill("price")
    page.get_by_role("button", name="Move to Lost").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    axe(page)
    for address in ("/board/new", "/enquire", f"/board/deals/{deal}/move?stage=Lost"):
        page.goto(address)
        axe(page)
    with site.client("rep") as client:
        answer = client.post(f"/board/deals/{deal}/move", data={"stage": "New", "seen": "1"})
        assert answer.status_code == 409
    page.route("**/conflict", lambda route: route.fulfill(body=answer.text, content_type="text/html"))
    page.goto("/conflict")
    axe(page)


def test_axe_finds_nothing_on_an_empty_board(site: Site, new_page: NewPage) -> None:
    page = new_page("rep")
    show(page)
    expect(page.get_by_role("heading", name="Nothing in this pipeline yet")).to_be_visible()
    expect(page.get_by_role("link", name="Open the first deal")).to_be_visible()
    expect(column(page, "New")).to_contain_text("No deals. Drop one here.")
    axe(page)
    opened(site, "Lamps")
    expect(column(page, "New").get_by_role("listitem")).to_have_count(1)
    expect(page.get_by_role("heading", name="Nothing in this pipeline yet")).to_be_hidden()


def test_a_day_at_the_board_by_keyboard_alone(site: Site, new_page: NewPage, watch: Watch) -> None:
    watch.allow(422)
    define(site)
    page = new_page("rep")
    show(page)
    reach(page, "Open the first deal")
    page.keyboard.press("Enter")
    expect(page.get_by_label("What is it about?")).to_be_focused()
    page.keyboard.type("Lamps")
    page.keyboard.press("Enter")
    expect(page.locator("#freshness")).to_have_attribute("data-state", "live")
    [deal] = page.locator(".deal").evaluate_all("cards => cards.map(card => card.dataset.deal)")
    reach(page, "Lamps")
    page.keyboard.press("m")
    page.keyboard.press("ArrowLeft")  # round to the last stage, Lost
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Value")).to_be_focused()
    page.keyboard.type("250")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("mara")
    page.keyboard.press("Enter")
    expect_in(page, deal, "Negotiation")
    expect(card(page, deal).locator(".deal-title")).to_be_focused()
    reach(page, "Undo")
    page.keyboard.press("Enter")
    expect_in(page, deal, "New")
    reach(page, "Move Lamps to…")
    page.keyboard.press("Enter")
    reach(page, "2 Qualified")
    page.keyboard.press("Enter")
    expect_in(page, deal, "Qualified")


def reach(page: Page, name: str) -> None:
    """Press Tab until what is named so has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        told = page.evaluate(
            "() => document.activeElement.getAttribute('aria-label') || document.activeElement.innerText || ''"
        )
        if " ".join(told.split()).startswith(name):
            return
    raise AssertionError(f"no Tab leads to {name}")


def test_a_phone_shows_everything_that_a_desk_does(site: Site, new_page: NewPage) -> None:
    deal = furnished(site)
    page = new_page("rep", has_touch=True, is_mobile=True)
    page.set_viewport_size(PHONE)
    show(page)
    expect(page.get_by_label("Search deals")).to_be_visible()
    expect(card(page, deal)).to_be_in_viewport()
    tabs = page.get_by_role("navigation", name="Stages").get_by_role("link")
    expect(tabs.first).to_have_attribute("aria-current", "true")
    expect(tabs).to_have_text(["New 3", "Qualified 0", "Proposal 0", "Negotiation 0", "Won 1", "Lost 0"])
