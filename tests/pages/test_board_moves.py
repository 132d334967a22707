"""Every way to move a deal, and every answer to it."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from commands.command import AssignDealOwner, DefinePipeline, MoveToStage, WinDeal
from domain.pipeline import Stage
from tests.pages.boarding import card, column, define, drag, expect_in, opened, show, stage_of
from tests.pages.browsing import PHONE, Site, Watch

NewPage = Callable[..., Page]


def test_a_deal_is_moved_by_pointer_and_both_columns_count_anew(site: Site, new_page: NewPage) -> None:
    define(site)
    deal = opened(site, "Lamps", amount="100")
    opened(site, "Chairs", stage="Qualified", amount="50")
    page = new_page("rep")
    show(page)
    drag(page, deal, "Qualified")
    expect_in(page, deal, "Qualified")
    expect(column(page, "New").locator("[data-count]")).to_have_text("0 deals")
    expect(column(page, "Qualified").locator("[data-count]")).to_have_text("2 deals")
    expect(column(page, "Qualified").locator(".column-head")).to_contain_text("EUR 150.00")
    expect(page.locator("#live")).to_have_text("Lamps moved to Qualified, 2 deals, EUR 150.00")
    assert stage_of(site, deal) == "Qualified"


def test_a_deal_is_moved_by_keyboard_and_keeps_the_focus(site: Site, new_page: NewPage) -> None:
    define(site)
    deal = opened(site, "Lamps", amount="100")
    page = new_page("rep")
    show(page)
    card(page, deal).locator(".deal-title").focus()
    page.keyboard.press("m")
    expect(page.locator("#move-mode")).to_contain_text("Move “Lamps” to New")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect_in(page, deal, "New")
    page.keyboard.press("m")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect_in(page, deal, "Qualified")
    expect(card(page, deal).locator(".deal-title")).to_be_focused()
    page.keyboard.press("m")
    page.keyboard.press("3")
    expect_in(page, deal, "Proposal")
    expect(card(page, deal).locator(".deal-title")).to_be_focused()
    assert stage_of(site, deal) == "Proposal"


def test_a_move_that_is_refused_changes_nothing_of_the_deal(site: Site) -> None:
    stages = (Stage(name="New"), Stage(name="Talks"), Stage(name="Deal", enters_from=("Talks",)))
    site.do(DefinePipeline(name="sales", stages=(*stages, Stage(name="Won", outcome="won"))))
    deal = opened(site, "Lamps")
    site.do(WinDeal(deal_id=deal))
    with site.client("rep") as client:
        head = site.log.head()
        form = {"amount": "5", "currency": "EUR", "owner": "mara", "seen": str(head)}
        refused = client.post(f"/board/deals/{deal}/move", data=form | {"stage": "Deal", "once": "1"})
        assert (refused.status_code, site.log.head()) == (422, head)
        moved = client.post(f"/board/deals/{deal}/move", data=form | {"stage": "Talks", "once": "2"})
        assert moved.status_code == 303
    told = [event.type for event in site.log.read(head, 10)]
    assert told[:3] == ["deal-amount-changed.v1", "deal-owner-assigned.v1", "deal-reopened.v1"]
    assert stage_of(site, deal) == "Talks"


def test_a_deal_is_moved_by_its_menu(site: Site, new_page: NewPage) -> None:
    define(site)
    deal = opened(site, "Lamps")
    page = new_page("rep")
    show(page)
    card(page, deal).get_by_label("Move Lamps to…").click()
    page.get_by_role("dialog").get_by_role("button", name="Qualified").click()
    expect_in(page, deal, "Qualified")


def test_a_deal_is_moved_by_touch_after_a_moments_hold(site: Site, new_page: NewPage) -> None:
    define(site)
    deal = opened(site, "Lamps")
    page = new_page("rep", has_touch=True)
    show(page)
    touch = page.context.new_cdp_session(page)
    start = card(page, deal).locator(".deal-handle").bounding_box()
    end = column(page, "Qualified").locator("[data-cards]").bounding_box()
    assert start is not None
    assert end is not None
    x, y = start["x"] + 12, start["y"] + 12
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    expect(page.locator(".sortable-chosen")).to_have_count(1)
    for part in range(1, 11):
        to = {"x": x + (end["x"] + 60 - x) * part / 10, "y": y + (end["y"] + 20 - y) * part / 10}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [to]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect_in(page, deal, "Qualified")


def test_a_deal_is_moved_without_scripts_and_taken_back(site: Site, new_page: NewPage, watch: Watch) -> None:
    watch.allow(422)
    define(site)
    deal = opened(site, "Lamps")
    page = new_page("rep", java_script_enabled=False)
    page.goto("/board?owner=-")
    card(page, deal).get_by_label("Move Lamps to…").click()
    page.get_by_role("button", name="Proposal").click()
    page.get_by_label("Value").fill("1200")
    page.get_by_role("button", name="Move to Proposal").click()
    expect_in(page, deal, "Proposal")
    assert "owner=-" in page.url
    expect(column(page, "Proposal")).to_contain_text("EUR 1,200.00")
    page.get_by_role("button", name="Undo").click()
    expect_in(page, deal, "New")
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)


def test_a_stage_asks_only_for_what_is_missing(site: Site, new_page: NewPage, watch: Watch) -> None:
    watch.allow(422)
    define(site)
    deal = opened(site, "Lamps", owner="mara")
    page = new_page("rep")
    show(page)
    drag(page, deal, "Negotiation")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Value")).to_be_focused()
    expect(dialog.get_by_label("Owner")).to_have_count(0)
    dialog.get_by_label("Value").fill("800")
    dialog.get_by_role("button", name="Move to Negotiation").click()
    expect_in(page, deal, "Negotiation")
    expect(card(page, deal)).to_contain_text("EUR 800.00")


def test_whoever_cancels_what_a_stage_asks_finds_the_card_where_it_was(
    site: Site, new_page: NewPage, watch: Watch
) -> None:
    watch.allow(422)
    define(site)
    deal = opened(site, "Lamps")
    page = new_page("rep")
    show(page)
    drag(page, deal, "Lost")
    expect(page.get_by_role("dialog").get_by_label("Why was it lost?")).to_be_visible()
    page.keyboard.press("Escape")
    expect_in(page, deal, "New")
    expect(card(page, deal).locator(".deal-title")).to_be_focused()
    assert stage_of(site, deal) == "New"


def test_a_refused_move_puts_the_card_back_and_says_why(site: Site, new_page: NewPage, watch: Watch) -> None:
    watch.allow(422)
    define(site)
    deal = opened(site, "Lamps", amount="5")
    page = new_page("rep")
    show(page)
    drag(page, deal, "Proposal")
    expect_in(page, deal, "Proposal")
    card(page, deal).get_by_label("Move Lamps to…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Lost").evaluate("button => button.value = 'Nowhere'")
    dialog.get_by_role("button", name="Lost").click()
    expect(page.get_by_role("alert")).to_contain_text("The pipeline has no such stage.")
    expect_in(page, deal, "Proposal")
    expect(card(page, deal).locator(".deal-title")).to_be_focused()


def test_a_move_is_taken_back_by_undo(site: Site, new_page: NewPage) -> None:
    define(site)
    deal = opened(site, "Lamps", amount="100", days=40)
    page = new_page("rep")
    show(page)
    drag(page, deal, "Won")
    expect(column(page, "Won").locator("[data-count]")).to_have_text("1 deal")
    page.get_by_role("button", name="Undo").click()
    expect_in(page, deal, "New")
    assert stage_of(site, deal) == "New"
    expect(card(page, deal)).to_contain_text("stuck 40 d / 7 d")


def test_whoever_is_slower_sees_current_yours_and_original_and_overwrites_nothing(
    site: Site, new_page: NewPage, watch: Watch
) -> None:
    watch.allow(409)
    define(site)
    deal = opened(site, "Lamps", amount="100", owner="mara")
    page = new_page("rep")
    show(page)
    page.route("**/board/parts?*", lambda route: route.abort())  # this browser hears of nothing
    page.on("console", lambda _: None)
    site.do(MoveToStage(deal_id=deal, stage="Qualified"))
    site.do(AssignDealOwner(deal_id=deal, owner="noah"))
    watch.allow_text("net::ERR_FAILED")
    drag(page, deal, "Proposal")
    dialog = page.get_by_role("dialog")
    row = dialog.get_by_role("row", name="Stage")
    expect(row.get_by_role("cell")).to_have_text(["Qualified", "Proposal", "New"])
    expect(dialog.get_by_role("row", name="Owner").get_by_role("cell")).to_have_text(["noah", "mara", "mara"])
    assert stage_of(site, deal) == "Qualified"
    page.unroute("**/board/parts?*")
    dialog.get_by_text("Keep the current").click()
    expect_in(page, deal, "Qualified")


def test_who_may_only_read_can_move_nothing(site: Site, new_page: NewPage) -> None:
    define(site)
    deal = opened(site, "Lamps")
    page = new_page("analyst")
    show(page)
    expect(card(page, deal)).to_be_visible()
    expect(page.get_by_label("Move Lamps to…")).to_have_count(0)
    expect(page.get_by_role("link", name="New deal")).to_have_count(0)
    with site.client("analyst") as client:
        answer = client.post(f"/board/deals/{deal}/move", data={"stage": "Qualified"})
        assert answer.status_code == 403


def test_on_a_phone_one_column_fills_the_screen_and_tabs_lead_to_the_others(
    site: Site, new_page: NewPage
) -> None:
    define(site)
    opened(site, "Lamps")
    deal = opened(site, "Chairs", stage="Proposal", amount="9")
    page = new_page("rep")
    page.set_viewport_size(PHONE)
    show(page)
    expect(card(page, deal)).not_to_be_in_viewport()
    page.get_by_role("navigation", name="Stages").get_by_role("link", name="Proposal").click()
    expect(card(page, deal)).to_be_in_viewport()
    card(page, deal).get_by_label("Move Chairs to…").click()
    page.get_by_role("dialog").get_by_role("button", name="Qualified").click()
    expect_in(page, deal, "Qualified")
