"""How pages look with what is hard to lay out, at every width, light and dark."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.pages.browsing import DESK, PHONE, Site, Watch, assert_no_sideways_scroll, axe, settle
from tests.pages.rough import Rough, rough

NewPage = Callable[..., Page]
WIDTHS = {16: (320, 390, 768, 1280, 1920), 32: (640, 1280)}
"""By the size of plain text (px) that the visitor has chosen, the widths of screens (px)."""
PAGES = {
    "board": "/board",
    "board with what is closed": "/board?closed=true",
    "board on which nothing passes": "/board?q=zebra&owner=-",
    "new deal": "/board/new",
    "lead by hand": "/enquire",
    "move": "/board/deals/{deal}/move",
    "move that asks": "/board/deals/{deal}/move?stage=Lost",
    "customer": "/customers/{customer}",
    "customer with nothing": "/customers/{nobody}",
    "customer of whom nothing fits": "/customers/{customer}?q=zebra",
    "customer who was forgotten": "/customers/{forgotten}",
    "customer of two records": "/customers/{merged}",
    "history of a field": "/customers/{customer}/fields/name",
    "change of a field": "/customers/{customer}/fields/name/change",
    "search for a double": "/customers/{customer}/merge?q=e",
    "merge": "/customers/{customer}/merge?with={double}",
    "lead": "/leads/{lead}",
    "lead to give away": "/leads/{lead}/owner",
    "lead to disqualify": "/leads/{lead}/disqualified",
    "deal": "/deals/{deal}",
    "deal to change": "/deals/{deal}/change",
    "follow-up to plan": "/deals/{deal}/follow-ups/new",
    "order": "/orders/{order}",
    "order of nobody": "/orders/{loose_order}",
    "refund": "/refunds/{refund}",
    "refund of nobody": "/refunds/{loose_refund}",
    "invoice": "/invoices/{invoice}",
    "event": "/events/{event}",
    "leads": "/leads",
    "customers": "/customers",
    "deals": "/deals",
    "orders": "/orders?sort=-total",
    "refunds": "/refunds",
    "invoices": "/invoices",
    "list in which nothing is found": "/orders?q=zebra",
    "list that is asked wrongly": "/orders?from=yesterday",
    "people": "/people",
    "keys": "/keys",
    "settings": "/settings",
    "time zone": "/settings/time-zone",
    "owners of fields": "/settings/ownership",
    "rules for follow-ups": "/settings/follow-ups",
    "handling of leads": "/settings/lead-handling",
    "nothing": "/nowhere",
    "link that is used up": "/sign-in/used-up",
}
BUSY = (
    "board",
    "customer",
    "order",
    "refund",
    "invoice",
    "orders",
    "customers",
    "keys",
    "settings",
    "rules for follow-ups",
)
_CUT = """
() => [...document.querySelectorAll("body *")].filter((one) => {
  if (one.closest("svg, .visually-hidden, [title], [aria-label] .account-name")) return false;
  if (one.matches("input, select, textarea, table, tr")) return false;
  const {display, visibility, overflowX} = getComputedStyle(one);
  if (one.clientWidth < 2 || visibility === "hidden" || display === "inline") return false;
  const hidden = one.scrollWidth - one.clientWidth;
  const half = parseFloat(getComputedStyle(document.documentElement).fontSize) / 2;
  return overflowX === "visible" ? hidden > half : ["hidden", "clip"].includes(overflowX) && hidden > 1;
}).map((one) => `${one.tagName} ${one.id} ${one.className}: ${one.innerText.slice(0, 40)}`)
"""
"""What stands out of its box by more than half a letter, or is cut off without a title that says all of it."""
_FOCUSED = """
() => {
  const one = document.activeElement, style = getComputedStyle(one), box = one.getClientRects()[0];
  const shown = style.boxShadow !== "none" || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0);
  const steps = [0.1, 0.5, 0.9];
  const seen = steps.some((x) => steps.some((y) => {
    const there = document.elementFromPoint(box.left + box.width * x, box.top + box.height * y);
    return there !== null && (one.contains(there) || there.parentElement === one.parentElement);
  }));
  return [`${one.tagName} ${one.id} ${one.className} ${(one.innerText || one.name || "").slice(0, 40)}`, shown, seen];
}
"""
"""What has the focus, whether that shows, and whether anything of it is in sight."""


@pytest.fixture(scope="module")
def told(running: Site) -> tuple[Site, Rough]:
    """A tenant of whom everything that is hard to lay out was told, once for all these tests."""
    site = running.of("t-looks")
    return site, rough(site)


@pytest.fixture
def site(told: tuple[Site, Rough]) -> Site:
    return told[0]


@pytest.fixture
def opened(new_page: NewPage, watch: Watch, told: tuple[Site, Rough], name: str) -> Page:
    """The page of a name, in the browser of somebody who may do everything."""
    watch.allow(400, 404, 410)
    page = new_page("admin")
    page.goto(PAGES[name].format_map(told[1]._asdict()))
    return page


@pytest.mark.parametrize("name", BUSY)
def test_axe_finds_nothing_however_long_or_foreign_what_was_told_is(opened: Page) -> None:
    axe(opened)


@pytest.mark.parametrize("name", PAGES)
def test_everything_is_whole_at_every_width_and_with_text_twice_as_large(opened: Page) -> None:
    browser = opened.context.new_cdp_session(opened)
    for size, widths in WIDTHS.items():
        browser.send("Page.setFontSizes", {"fontSizes": {"standard": size}})
        for width in widths:
            opened.set_viewport_size({"width": width, "height": 900})
            settle(opened)
            assert_no_sideways_scroll(opened)
            assert opened.evaluate(_CUT) == [], (size, width)


@pytest.mark.parametrize("width", [PHONE["width"], DESK["width"]])
@pytest.mark.parametrize("name", BUSY)
def test_the_focus_always_shows_and_is_never_covered(opened: Page, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 700})
    for _ in range(40):
        opened.keyboard.press("Tab")
        if opened.evaluate("document.activeElement === document.body"):
            break
        settle(opened)
        what, shown, seen = opened.evaluate(_FOCUSED)
        assert shown, what
        assert seen, what


def test_what_is_current_shows_without_the_colours_of_the_page(new_page: NewPage) -> None:
    page = new_page("rep", forced_colors="active")
    page.goto("/board?closed=true")
    place = page.get_by_role("link", name="Board", exact=True)
    current = place.screenshot()
    place.evaluate("one => one.removeAttribute('aria-current')")
    assert place.screenshot() != current
