"""A hand on the board, answers under way and other people, all at once: nobody's move is lost or made by mistake."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from commands.command import DefinePipeline, MoveToStage
from domain.pipeline import Stage
from tests.pages.boarding import (
    card,
    column,
    define,
    drag,
    expect_in,
    keep_answers,
    let_through,
    lift,
    opened,
    over,
    show,
    stage_of,
)
from tests.pages.browsing import Site, Watch

NewPage = Callable[..., Page]


def test_the_answer_to_a_move_leaves_the_next_drag_alone(site: Site, new_page: NewPage) -> None:
    define(site)
    lamps, chairs = opened(site, "Lamps"), opened(site, "Chairs")
    page = new_page("rep")
    show(page)
    keep_answers(page, "/move?", 2)
    drag(page, lamps, "Qualified")
    lift(page, chairs)
    over(page, "Qualified")
    let_through(page)
    expect(page.locator("#board-toast")).to_have_text("Lamps moved to Qualified. Undo")
    page.mouse.up()
    let_through(page)
    expect(page.locator("#board-toast")).to_have_text("Chairs moved to Qualified. Undo")
    for deal in (lamps, chairs):
        expect_in(page, deal, "Qualified")
        assert stage_of(site, deal) == "Qualified"


def test_two_moves_that_ask_something_ask_one_after_the_other(
    site: Site, new_page: NewPage, watch: Watch
) -> None:
    watch.allow(422)
    define(site)
    lamps, chairs = opened(site, "Lamps"), opened(site, "Chairs")
    page = new_page("rep")
    show(page)
    keep_answers(page, "/move?", 2)
    drag(page, lamps, "Lost")
    drag(page, chairs, "Lost")
    dialog = page.get_by_role("dialog")
    let_through(page)
    expect(dialog).to_contain_text("Lamps")
    let_through(page)
    page.keyboard.press("Escape")
    expect(dialog).to_contain_text("Chairs")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    for deal in (lamps, chairs):
        expect_in(page, deal, "New")
    site.do(MoveToStage(deal_id=lamps, stage="Qualified"))  # the board is alive still
    expect_in(page, lamps, "Qualified")


def test_whoever_lifts_a_card_by_key_and_goes_elsewhere_moves_nothing(site: Site, new_page: NewPage) -> None:
    define(site)
    deal = opened(site, "Lamps")
    page = new_page("rep")
    show(page)
    card(page, deal).locator(".deal-title").focus()
    page.keyboard.press("m")
    expect(page.locator("#move-mode")).to_be_visible()
    page.get_by_role("searchbox").click()
    expect(page.locator("#move-mode")).to_be_hidden()
    page.keyboard.type("2")
    expect(page.get_by_role("searchbox")).to_have_value("2")
    expect_in(page, deal, "New")


def test_a_hand_on_a_card_delays_what_a_column_was_asked_for(site: Site, new_page: NewPage) -> None:
    define(site)
    deals = [opened(site, f"Lamps {number}") for number in range(26)]
    page = new_page("rep")
    show(page)
    keep_answers(page, "/parts?", 1)
    column(page, "New").get_by_role("link", name="Show 25 more").click()
    lift(page, column(page, "New").locator(".deal").first.get_attribute("data-deal") or "")
    let_through(page)
    page.mouse.up()
    for deal in deals:
        expect(card(page, deal)).to_be_attached()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_deal_that_is_closed_is_said_by_name_and_leaves_the_folded_column(
    site: Site, new_page: NewPage
) -> None:
    define(site)
    deal = opened(site, "Lamps", amount="100")
    page = new_page("rep")
    show(page)
    drag(page, deal, "Won")
    expect(page.locator("#board-toast")).to_have_text("Lamps moved to Won. Undo")
    expect(page.locator("#live")).to_have_text("Lamps moved to Won, 1 deal, EUR 100.00")
    expect(column(page, "Won").get_by_role("heading")).to_be_focused()
    expect(card(page, deal)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect_in(page, deal, "New")
    expect(card(page, deal).locator(".deal-title")).to_be_focused()


def test_a_card_that_is_not_among_the_first_of_its_column_leads_to_the_column(
    site: Site, new_page: NewPage
) -> None:
    define(site)
    for number in range(25):
        opened(site, f"Chairs {number}", stage="Qualified", amount="100")
    deal = opened(site, "Lamps", amount="1")
    page = new_page("rep")
    show(page)
    card(page, deal).locator(".deal-title").focus()
    page.keyboard.press("m")
    page.keyboard.press("2")
    expect(page.locator("#live")).to_have_text("Lamps moved to Qualified, 26 deals, EUR 2,501.00")
    expect(column(page, "Qualified").get_by_role("heading")).to_be_focused()
    expect(card(page, deal)).to_have_count(0)


def test_what_is_told_wrongly_to_a_stage_is_asked_again_beside_its_field(
    site: Site, new_page: NewPage, watch: Watch
) -> None:
    watch.allow(422)
    terms = Stage(name="Terms", requires=("amount", "owner"))
    site.do(DefinePipeline(name="sales", stages=(Stage(name="New"), terms)))
    deal = opened(site, "Lamps")
    page = new_page("rep")
    show(page)
    drag(page, deal, "Terms")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Value").fill("1.200,50")
    dialog.get_by_label("Owner").fill("mara")
    dialog.get_by_role("button", name="Move to Terms").click()
    expect(dialog.get_by_label("Value")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_label("Value")).to_have_value("1.200,50")
    expect(dialog.get_by_label("Owner")).to_have_value("mara")
    dialog.get_by_label("Value").fill("1200.50")
    dialog.get_by_role("button", name="Move to Terms").click()
    expect_in(page, deal, "Terms")
    expect(card(page, deal)).to_contain_text("EUR 1,200.50")
    expect(card(page, deal)).to_contain_text("mara")


def test_stages_that_are_renamed_or_retired_change_on_an_open_board(site: Site, new_page: NewPage) -> None:
    stages = (Stage(name="In"), Stage(name="Talks"), Stage(name="Won", outcome="won"))
    site.do(DefinePipeline(name="sales", stages=stages))
    deal = opened(site, "Lamps", stage="In")
    page = new_page("rep")
    show(page)
    site.do(DefinePipeline(name="sales", stages=(Stage(name="Inbox"), stages[2]), renamed=(("In", "Inbox"),)))
    expect_in(page, deal, "Inbox")
    expect(page.locator(".column .column-name")).to_have_text(["Inbox 1 deal", "✓ Won 0 deals"])
    expect(page.locator("[data-tab]")).to_have_text(["Inbox 1", "Won 0"])


def test_while_the_server_is_away_a_menu_and_a_move_say_so_until_one_succeeds(
    site: Site, new_page: NewPage, watch: Watch
) -> None:
    watch.allow_text("net::ERR_FAILED")
    define(site)
    deal = opened(site, "Lamps")
    page = new_page("rep")
    show(page)
    page.route("**/move?*", lambda route: route.abort())
    card(page, deal).get_by_label("Move Lamps to…").click()
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached. Try again")
    drag(page, deal, "Qualified")
    expect(page.get_by_role("alert")).to_contain_text("not certain whether the move was recorded")
    expect_in(page, deal, "New")
    page.unroute("**/move?*")
    drag(page, deal, "Qualified")
    expect_in(page, deal, "Qualified")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_closed_deals_are_unfolded_and_folded_up_again(site: Site, new_page: NewPage) -> None:
    define(site)
    opened(site, "Lamps", owner="mara")
    page = new_page("rep")
    show(page, "/board?owner=mara")
    column(page, "Won").get_by_role("link", name="Show deals").click()
    page.wait_for_url("**closed=true**")
    column(page, "Lost").get_by_role("link", name="Fold up").click()
    expect(column(page, "Won").get_by_role("link", name="Show deals")).to_be_visible()
    assert page.url.endswith("/board?owner=mara")
