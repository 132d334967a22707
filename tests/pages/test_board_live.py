"""What others do appears by itself, on every tab, without disturbing a hand on a card."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from api.http.app import create_app
from api.live.serving import Server
from commands.command import ChangeAmount, MoveToStage, OpenDeal
from streams.log import Log
from tests.acceptance.running import until
from tests.conftest import MASTER_KEY
from tests.pages.boarding import card, column, define, drag, expect_in, lift, opened, over, show, stage_of
from tests.pages.browsing import Site, Watch, axe

NewPage = Callable[..., Page]


def test_a_lead_captured_by_form_becomes_a_deal_that_others_see_at_once(
    site: Site, new_page: NewPage
) -> None:
    define(site)
    other, page = new_page("manager"), new_page("rep")
    show(other)
    page.goto("/board")
    page.get_by_role("link", name="Capture lead").first.click()
    page.get_by_label("Who is it?").fill("Ann Example")
    page.get_by_label("E-mail address").fill("ann@example.org")
    page.get_by_label("What about?").fill("Lamps for an office")
    page.get_by_role("button", name="Capture").click()
    expect(page.get_by_role("status").first).to_contain_text("The lead is captured")
    page.get_by_label("What is it about?").fill("Lamps for Ann")
    page.get_by_label("Value", exact=True).fill("1500.50")
    page.get_by_role("button", name="Open the deal").click()
    new = column(other, "New")
    expect(new.get_by_role("listitem")).to_have_count(1)
    expect(new.get_by_role("listitem")).to_contain_text("Lamps for Ann")
    expect(new.get_by_role("listitem")).to_contain_text("Ann Example")
    expect(new.locator(".column-head")).to_contain_text("EUR 1,500.50")
    expect(column(page, "New").get_by_role("listitem")).to_contain_text("Lamps for Ann")


def test_what_is_wrong_in_a_form_is_said_beside_its_field(
    site: Site, new_page: NewPage, watch: Watch
) -> None:
    watch.allow(422)
    page = new_page("rep")
    page.goto("/enquire")
    page.get_by_label("Who is it?").fill("Ann")
    page.get_by_role("button", name="Capture").click()
    expect(page.get_by_text("An e-mail address or a phone number is needed.")).to_be_visible()
    page.goto("/board/new")
    page.get_by_label("What is it about?").fill("Lamps")
    page.get_by_label("Value", exact=True).fill("12,50")
    page.get_by_role("button", name="Open the deal").click()
    expect(page.get_by_label("Value", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("What is it about?")).to_have_value("Lamps")
    assert site.log.stream(site.tenant, "deal-x") == []


def test_two_people_see_each_others_moves_and_keep_their_place(site: Site, new_page: NewPage) -> None:
    define(site)
    lamps, chairs = opened(site, "Lamps", amount="10"), opened(site, "Chairs", amount="20")
    ann, ben = new_page("rep"), new_page("manager")
    show(ann)
    show(ben)
    card(ben, lamps).locator(".deal-title").focus()
    drag(ann, chairs, "Qualified")
    expect_in(ben, chairs, "Qualified")
    expect(column(ben, "Qualified").locator(".column-head")).to_contain_text("EUR 20.00")
    expect(card(ben, lamps).locator(".deal-title")).to_be_focused()
    expect(ben.locator("#live")).to_have_text("Chairs is now in Qualified")
    drag(ann, lamps, "Proposal")
    expect_in(ben, lamps, "Proposal")
    expect(card(ben, lamps).locator(".deal-title")).to_be_focused()
    site.do(ChangeAmount(deal_id=lamps, amount=33, currency="EUR"))
    for page in (ann, ben):
        expect(card(page, lamps)).to_contain_text("EUR 33.00")


def test_a_change_during_a_drag_waits_for_the_drop(site: Site, new_page: NewPage) -> None:
    define(site)
    lamps, chairs = opened(site, "Lamps", amount="10"), opened(site, "Chairs", amount="20")
    page = new_page("rep")
    show(page)
    lift(page, lamps)
    over(page, "Qualified")
    answer = site.do(MoveToStage(deal_id=chairs, stage="Proposal"))
    expect(page.locator("#freshness")).to_contain_text(f"#{answer.position:,}", timeout=15_000)
    expect(column(page, "New").locator(f"#deal-{chairs}")).to_have_count(1)
    page.mouse.up()
    expect_in(page, lamps, "Qualified")
    expect_in(page, chairs, "Proposal")


def test_ten_tabs_of_one_browser_are_all_alive(site: Site, new_page: NewPage) -> None:
    define(site)
    deal = opened(site, "Lamps")
    first = new_page("rep")
    streams = site.app.state.live.streams
    tabs = [first, *[first.context.new_page() for _ in range(9)]]
    for tab in tabs:
        show(tab)
    assert site.app.state.live.streams == streams + 1
    site.do(MoveToStage(deal_id=deal, stage="Qualified"))
    for tab in tabs:
        expect_in(tab, deal, "Qualified")


def test_a_browser_that_cannot_share_a_stream_has_one_for_each_tab(site: Site, new_page: NewPage) -> None:
    define(site)
    deal = opened(site, "Lamps")
    page = new_page("rep")
    page.add_init_script("delete window.SharedWorker")
    show(page)
    site.do(MoveToStage(deal_id=deal, stage="Qualified"))
    expect_in(page, deal, "Qualified")


@contextmanager
def serving(database: str, port: int) -> Iterator[Site]:
    with Log(database, MASTER_KEY) as log, socket.create_server(("127.0.0.1", port)) as listener:
        app = create_app(database, log)
        server = Server(uvicorn.Config(app, access_log=False, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        site = Site(f"http://127.0.0.1:{listener.getsockname()[1]}", log, app)
        try:
            site.until_ready()
            until(lambda: app.state.live.available, "the feed runs")
            yield site
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


def test_while_the_server_is_away_each_page_says_since_when_and_then_shows_what_it_missed(
    site: Site, site_database: str, chromium: Browser
) -> None:
    define(site)
    deal = opened(site, "Lamps")
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    with serving(site_database, 0) as first:
        port = int(first.url.rpartition(":")[2])
        context.add_cookies([{**site.cookie("rep"), "url": first.url}])
        show(page, f"{first.url}/board")
        others = [context.new_page(), context.new_page()]
        for other, path in zip(others, ("/deals", f"/deals/{deal}"), strict=True):
            show(other, f"{first.url}{path}")
    told = re.compile(r"^Not live since \d\d:\d\d \S+, trying again\. What you see may be old\.")
    for one in (page, *others):
        expect(one.locator("#freshness")).to_have_text("reconnecting…")
        expect(one.locator("#stale [data-words]")).to_have_text(told, timeout=15_000)
    axe(page)
    site.do(MoveToStage(deal_id=deal, stage="Qualified"))
    expect_in(page, deal, "New")
    with serving(site_database, port):
        expect_in(page, deal, "Qualified")
        for one in (page, *others):
            expect(one.locator("#freshness")).to_have_attribute("data-state", "live", timeout=15_000)
            expect(one.locator("#stale")).to_be_hidden()
        for other in others:
            expect(other.locator("#newer")).to_be_visible()
        context.close()


def test_a_board_that_is_behind_says_so(
    site: Site, site_database: str, new_page: NewPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.live.stream.HEARTBEAT", 0.5)
    monkeypatch.setattr("api.live.stream.CHECK", 0.2)
    define(site)
    deal = opened(site, "Lamps")
    page = new_page("rep")
    show(page)
    expect(page.locator("#stale")).to_be_hidden()
    with psycopg.connect(site_database) as connection:
        connection.execute("SELECT FROM model.places FOR UPDATE")  # the projector waits
        recorded = opened_unseen(site)
        expect(page.locator("#stale")).to_be_visible(timeout=20_000)
        expect(page.locator("#freshness")).to_contain_text("s behind")
        expect(card(page, recorded)).to_have_count(0)
    expect(page.locator("#stale")).to_be_hidden(timeout=20_000)
    expect_in(page, recorded, "New")
    assert stage_of(site, deal) == "New"


def opened_unseen(site: Site) -> str:
    """Open a deal without waiting until pages show it."""
    return site.do_unseen(OpenDeal(pipeline="sales", stage="New", title="Chairs")).id


def test_who_is_signed_out_is_told_by_the_open_board(site: Site, new_page: NewPage) -> None:
    define(site)
    page = new_page()
    secret = site.session("rep")
    page.context.add_cookies([{"name": "backstory-session", "value": secret, "url": site.url}])
    show(page)
    site.app.state.sessions.end(secret)
    expect(page.locator("#freshness")).to_have_text("signed out", timeout=15_000)
    page.get_by_role("link", name="Look again").click()
    page.wait_for_url(re.compile("/sign-in"))
