"""The numbers of the board: over all deals, the same as the list's and SQL's, whatever the filters."""

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

from api import lengths
from api.http.v1.read_pool import ReadPool
from api.pages.board.columns import Board, days_between
from api.pages.board.making import make_board
from api.pages.board.query import BoardQuery
from commands.command import DefinePipeline, LoseDeal, MoveToStage, OpenDeal
from domain.pipeline import DEFAULT, Stage
from tests.pages.boarding import card, column, define, opened, show
from tests.pages.browsing import Site, Watch

NewPage = Callable[..., Page]
OWNERS = ("mara", "noah", None)
QUERIES: list[dict[str, Any]] = [
    {},
    {"owner": "mara"},
    {"owner": "-"},
    {"age": "over"},
    {"age": "10"},
    {"least": "300"},
    {"most": "300", "owner": "noah"},
    {"q": "Lamp"},
    {"q": "lamp", "age": "over", "least": "10"},
    {"q": "%"},
]


@pytest.fixture(scope="module")
def business(running: Site) -> Site:
    """A tenant with deals of every kind."""
    site = running.of("t-numbers")
    define(site)
    chance = random.Random(7)  # noqa: S311 - the same business every time
    now = datetime.now(UTC)
    for number in range(70):
        stage = chance.choice(["New", "Qualified", "Proposal", "Negotiation"])
        priced = stage in {"Proposal", "Negotiation"} or chance.random() < 0.6
        at = now - timedelta(days=chance.randrange(45), hours=1)
        deal = site.do_unseen(
            OpenDeal(
                pipeline="sales",
                stage=stage,
                title=f"{chance.choice(['Lamps', 'Chairs', 'Desks'])} {number}",
                owner=chance.choice(["mara", "noah"]) if stage == "Negotiation" else chance.choice(OWNERS),
                amount=Decimal(chance.randrange(100, 90_000)) / 100 if priced else None,
                currency=chance.choice(["EUR", "EUR", "USD"]) if priced else None,
                occurred_at=at,
            )
        )
        if number % 7 == 0 and priced:
            site.do_unseen(MoveToStage(deal_id=deal.id, stage="Won"))
        elif number % 11 == 0:
            site.do_unseen(LoseDeal(deal_id=deal.id, reason="price"))
    assert site.app.state.service.passed(site.log.head())
    return site


def board_of(site: Site, **query: Any) -> Board:
    reads: ReadPool = site.app.state.service.reads
    with reads.of(site.tenant) as connection:
        return make_board(connection, BoardQuery(closed=True, **query))


def listed(site: Site, stage: str, **query: str) -> dict[str, Any]:
    """Count a stage in Python over what the list of deals shows of it."""
    reads: ReadPool = site.app.state.service.reads
    now = datetime.now(UTC)
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    deals = set()
    with reads.of(site.tenant) as connection:
        rows = connection.execute(
            "SELECT deal_id, title, company, owner, amount, currency, stage_since, outcome FROM read.deals "
            "WHERE pipeline = 'sales' AND stage = %s",
            (stage,),
        ).fetchall()
    limit = next(one.limit_days for one in DEFAULT.stages if one.name == stage)
    for deal_id, title, company, owner, told, currency, since, outcome in rows:
        amount = None if told is None else Decimal(told)
        days = days_between(since, now)
        words = f"{title} {company} {owner}".lower()
        passes = (
            ("owner" not in query or owner == (None if query["owner"] == "-" else query["owner"]))
            and (query.get("age") != "over" or (outcome == "open" and limit is not None and days > limit))
            and (not query.get("age", "over").isdigit() or days >= int(query["age"]))
            and ("least" not in query or (amount is not None and amount >= Decimal(query["least"])))
            and ("most" not in query or (amount is not None and amount <= Decimal(query["most"])))
            and ("q" not in query or query["q"].lower() in words)
        )
        if passes:
            deals.add(deal_id)
            if amount is not None:
                sums[currency] += amount
    return {"deals": deals, "sums": dict(sums)}


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_totals_and_cards_of_each_column_are_those_of_the_list(business: Site, query: dict[str, str]) -> None:
    board = board_of(business, **query)
    assert [one.stage.name for one in board.columns] == [stage.name for stage in DEFAULT.stages]
    for one in board.columns:
        expected = listed(business, one.stage.name, **query)
        assert one.deals == len(expected["deals"]), one.stage.name
        assert {money.currency: money.amount for money in one.money} == expected["sums"], one.stage.name
        assert {deal.deal_id for deal in one.cards or ()} == expected["deals"]
        assert [money.weighted for money in one.money] == [
            money.amount * one.stage.probability for money in one.money
        ]
        late = [deal for deal in one.cards or () if deal.over]
        assert one.ageing.stuck == len(late) or one.closing
    assert board.open == sum(one.ageing.deals for one in board.columns)


def test_totals_are_those_of_the_analysts_view(business: Site) -> None:
    board = board_of(business)
    with business.app.state.service.reads.of(business.tenant) as connection:
        rows = connection.execute(
            "SELECT stage, currency, deals, amount, weighted FROM read.pipeline_board WHERE pipeline = 'sales'"
        ).fetchall()
    expected = {
        (stage, currency): (Decimal(amount), Decimal(weighted))
        for stage, currency, _, amount, weighted in rows
        if currency is not None
    }
    shown = {
        (one.stage.name, money.currency): (money.amount, money.weighted)
        for one in board.columns
        for money in one.money
    }
    assert shown == expected
    assert sum(one.deals for one in board.columns) == sum(deals for _, _, deals, _, _ in rows)


@pytest.mark.parametrize("query", [{}, {"owner": "mara"}, {"q": "Lamp"}], ids=str)
def test_what_a_column_has_no_room_for_is_in_the_list_it_leads_to(
    business: Site, query: dict[str, str]
) -> None:
    with business.client("rep") as client:
        for one in board_of(business, **query).columns:
            address = BoardQuery(closed=True, **query).listed("sales", one.stage)
            told = client.get(address.replace("/deals?", "/deals.csv?"))
            assert len(told.text.splitlines()) == one.deals + 1, address


def test_cards_begin_with_those_over_the_limit_the_longest_there_first_then_by_value(business: Site) -> None:
    for one in board_of(business).columns:
        if not one.closing:
            cards = list(one.cards or ())
            late = [deal for deal in cards if deal.over]
            assert (
                cards[: len(late)] == late == sorted(late, key=lambda deal: deal.since or datetime.now(UTC))
            )
            worth = [deal.amount or Decimal(-1) for deal in cards[len(late) :]]
            assert worth == sorted(worth, reverse=True)


def test_a_board_shows_nothing_of_another_tenant(business: Site, site: Site) -> None:
    assert board_of(business).deals > 0
    assert board_of(site).deals == 0
    assert board_of(site).owners == []


def test_a_stage_that_was_renamed_keeps_its_deals_and_one_that_nobody_knows_is_shown(site: Site) -> None:
    define(site)
    lamps, chairs = opened(site, "Lamps"), opened(site, "Chairs", stage="Proposal", amount="5")
    stages = (Stage(name="Fresh"), *[stage for stage in DEFAULT.stages[1:] if stage.name != "Proposal"])
    site.do(DefinePipeline(name="sales", stages=stages, renamed=(("New", "Fresh"),)))
    board = board_of(site)
    shown = {one.stage.name: [deal.deal_id for deal in one.cards or ()] for one in board.columns}
    assert shown["Fresh"] == [lamps]
    assert shown["Proposal"] == [chairs]
    assert [one.known for one in board.columns if one.stage.name == "Proposal"] == [False]


def test_25_cards_a_column_and_25_more_on_request_while_totals_count_all(
    site: Site, new_page: NewPage
) -> None:
    define(site)
    for number in range(30):
        site.do_unseen(OpenDeal(pipeline="sales", stage="New", title=f"Deal {number}"))
    assert site.app.state.service.passed(site.log.head())
    page = new_page("rep")
    show(page)
    new = column(page, "New")
    expect(new.get_by_role("listitem")).to_have_count(25)
    expect(new.locator("[data-count]")).to_have_text("30 deals")
    new.get_by_text("Show 25 more").click()
    expect(new.get_by_role("listitem")).to_have_count(30)
    assert "show=New%3A50" in page.url
    expect(new.locator(".deal-title").nth(25)).to_be_focused()
    page.reload()
    expect(new.get_by_role("listitem")).to_have_count(30)


def test_filters_are_in_the_address_and_hold_after_a_change(site: Site, new_page: NewPage) -> None:
    define(site)
    lamps = opened(site, "Lamps", owner="mara", amount="10")
    chairs = opened(site, "Chairs", owner="noah", amount="20")
    page = new_page("rep")
    show(page)
    page.get_by_label("Owner").select_option("mara")
    page.wait_for_url(f"{site.url}/board?owner=mara")
    expect(card(page, lamps)).to_be_visible()
    expect(card(page, chairs)).to_have_count(0)
    expect(column(page, "New").locator(".column-head")).to_contain_text("EUR 10.00")
    expect(page.locator("#freshness")).to_have_attribute("data-state", "live")
    desks = opened(site, "Desks", owner="mara", amount="5")
    expect(card(page, desks)).to_be_visible()
    opened(site, "Shelves", owner="noah", amount="7")
    opened(site, "Tables", owner="mara", amount="1")
    expect(column(page, "New").locator(".column-head")).to_contain_text("EUR 16.00")
    page.get_by_label("Search deals").fill("lamp")
    page.keyboard.press("Enter")
    expect(column(page, "New").get_by_role("listitem")).to_have_count(1)
    page.get_by_role("link", name="Clear").click()
    expect(column(page, "New").get_by_role("listitem")).to_have_count(5)


@pytest.mark.parametrize("query", ["age=x", "least=abc", "most=-1", "show=" + "x" * 300])
def test_an_address_that_makes_no_sense_is_refused_with_the_field(site: Site, query: str) -> None:
    with site.client("rep") as client:
        answer = client.get(f"/board?{query}")
    assert answer.status_code == 400
    assert "</html>" in answer.text


def test_a_filter_that_is_left_blank_leaves_nothing_out(site: Site) -> None:
    lamps = opened(site, "Lamps")
    with site.client("rep") as client:
        answer = client.get("/board?pipeline=&owner=&age=&least=&most=+&q=")
    assert answer.status_code == 200
    assert lamps in answer.text


def test_a_column_that_cannot_be_fetched_says_so_and_can_be_tried_again(
    site: Site, new_page: NewPage, watch: Watch
) -> None:
    watch.allow_text("net::ERR_FAILED")
    define(site)
    for number in range(30):
        site.do_unseen(OpenDeal(pipeline="sales", stage="New", title=f"Deal {number}"))
    assert site.app.state.service.passed(site.log.head())
    page = new_page("rep")
    show(page)
    page.route("**/board/parts?*", lambda route: route.abort())
    new = column(page, "New")
    new.get_by_text("Show 25 more").click()
    expect(new.get_by_role("alert")).to_contain_text("This column could not be read.")
    page.unroute("**/board/parts?*")
    new.get_by_role("link", name="Retry").click()
    expect(new.get_by_role("listitem")).to_have_count(30)
    expect(new.get_by_role("alert")).to_have_count(0)


def test_a_column_whose_query_takes_too_long_leaves_the_others_standing(
    business: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> None:
        raise psycopg.errors.QueryCanceled

    monkeypatch.setattr("api.pages.board.reading.Reader.closed_cards", slow)
    columns = board_of(business).columns
    assert [one.failed for one in columns] == [False, False, False, False, True, True]
    assert all(one.deals for one in columns)


def test_a_deal_with_more_text_than_an_index_takes_is_found_like_any_other(running: Site) -> None:
    site = running.of("t-long")
    define(site)
    text = "".join(chr(0x20000 + n) for n in range(lengths.NAME))
    deal = opened(site, text, company=text, owner=text)
    other = opened(site, "Lamps", company="Ann & Co")
    for query, found in ((text[90:110], deal), ("lamps", other), ("& CO", other)):
        columns = board_of(site, q=query).columns
        assert [card.deal_id for one in columns for card in one.cards] == [found]
        with site.client("rep") as client:
            listed = client.get("/deals", params={"q": query}).text
        assert [f"/deals/{ident}" in listed for ident in (deal, other)] == [found == deal, found == other]
