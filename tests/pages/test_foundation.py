"""What holds for every page."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from api.pages.assets import asset
from api.pages.forgery import HEADER
from tests.pages.browsing import Site, Watch, axe


def test_the_documentation_of_the_api_has_its_own_style_and_allows_nothing_else(page: Page) -> None:
    answer = page.goto("/docs")
    assert answer is not None
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert page.evaluate("getComputedStyle(document.querySelector('summary')).cursor") == "pointer"


def test_a_page_that_does_not_exist_says_so_in_the_house_style(
    new_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow(404)
    page = new_page("rep")
    page.goto("/nowhere")
    expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
    axe(page)


def test_nobody_who_is_not_signed_in_sees_a_page(site: Site) -> None:
    with site.client() as client:
        answer = client.get("/")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


def test_static_files_are_kept_for_ever_under_the_address_of_their_content(site: Site) -> None:
    with site.client() as client:
        answer = client.get(asset("app.css"))
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert client.get("/static/other/app.css").status_code == 404


def test_a_page_is_not_kept_and_loads_nothing_from_elsewhere(site: Site) -> None:
    with site.client("rep") as client:
        headers = client.get("/nowhere").headers
        assert headers["cache-control"] == "no-store"
        assert "script-src 'self';" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert client.headers[HEADER]
