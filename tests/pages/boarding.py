"""Deals for the tests of the board, and how their cards are found and moved."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from playwright.sync_api import Locator, Page, expect

from commands.command import DefinePipeline, OpenDeal
from domain.pipeline import DEFAULT
from tests.acceptance.running import until
from tests.pages.browsing import Site

_KEEPING = """
([path, number]) => {
    const ask = window.fetch;
    let left = number;
    window.kept = [];
    window.fetch = async (...told) => {
        const answer = await ask(...told);
        if (String(told[0]).includes(path) && left-- > 0) await new Promise((go) => { window.kept.push(go); });
        return answer;
    };
}
"""


def define(site: Site) -> None:
    """Put the pipeline's rules in force."""
    site.do(DefinePipeline(name="sales", stages=DEFAULT.stages))


def opened(site: Site, title: str, stage: str = "New", days: int = 0, **more: Any) -> str:
    """Open a deal so many days ago; return its id."""
    if "amount" in more:
        more = {"currency": "EUR", **more, "amount": Decimal(more["amount"])}
    at = datetime.now(UTC) - timedelta(days=days)
    return site.do(OpenDeal(pipeline="sales", stage=stage, title=title, occurred_at=at, **more)).id


def column(page: Page, stage: str) -> Locator:
    return page.locator(f'.column[data-stage="{stage}"]')


def card(page: Page, deal: str) -> Locator:
    return page.locator(f"#deal-{deal}")


def show(page: Page, address: str = "/board") -> None:
    """Open the board and wait until it is live."""
    page.goto(address)
    expect(page.locator("#freshness")).to_have_attribute("data-state", "live")


def expect_in(page: Page, deal: str, stage: str) -> None:
    """Expect a deal's one card in a stage's column, settled."""
    expect(column(page, stage).locator(f"#deal-{deal}")).to_be_visible()
    expect(page.locator(f"#deal-{deal}")).to_have_count(1)
    expect(card(page, deal)).not_to_have_attribute("aria-busy", "true")


def stage_of(site: Site, deal: str) -> str:
    """Return the stage that the read models show."""
    with site.app.state.service.reads.of(site.tenant) as connection:
        row = connection.execute("SELECT stage FROM read.deals WHERE deal_id = %s", (deal,)).fetchone()
    assert row is not None
    return str(row[0])


def drag(page: Page, deal: str, stage: str) -> None:
    """Drag a card by its handle into a column and drop it there."""
    lift(page, deal)
    over(page, stage)
    page.mouse.up()


def lift(page: Page, deal: str) -> None:
    box = card(page, deal).locator(".deal-handle").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()


def over(page: Page, stage: str) -> None:
    box = column(page, stage).locator("[data-cards]").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + 20
    page.mouse.move(x - 5, y - 5, steps=6)
    page.mouse.move(x, y, steps=4)


def keep_answers(page: Page, path: str, number: int) -> None:
    """Keep the answers to the next requests whose address has this in it, so many, until they are let through."""
    page.evaluate(_KEEPING, [path, number])


def let_through(page: Page) -> None:
    """Let the first answer that is kept reach the page, once it is there."""
    until(lambda: page.evaluate("window.kept.length > 0"), "an answer is kept")
    page.evaluate("window.kept.shift()()")
