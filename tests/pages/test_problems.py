"""How pages say no: designed, without a stack, and for htmx as an alert."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psycopg
import pytest
from fastapi import APIRouter
from playwright.sync_api import Page, expect
from psycopg_pool import PoolTimeout

from api.http.auth import Caller
from api.http.errors import Problem
from api.pages.sessions import Sessions
from domain.deal import DealClosed
from tests.pages.browsing import Site, Watch, axe

PROBLEMS = {
    "forbidden": (Problem(403, "forbidden", "The role does not allow this."), 403, "Not allowed"),
    "refused": (DealClosed(outcome="won"), 422, "That does not fit the rules"),
    "away": (psycopg.OperationalError("host=secret"), 503, "Back in a moment"),
    "broken": (ValueError("olga@example.org"), 500, "Something went wrong here"),
}


@dataclass(frozen=True, slots=True)
class Away(Sessions):
    """Sessions of a database that is away."""

    asked: list[tuple[str, bool]] = field(default_factory=list)

    def find(self, secret: str, *, noting: bool = True) -> Caller | None:
        self.asked.append((secret, noting))
        raise PoolTimeout


@pytest.fixture
def failing(running: Site) -> Iterator[None]:
    """A page that says no in every way."""
    router = APIRouter()

    @router.get("/failing/{how}")
    def fail(how: str) -> None:
        raise PROBLEMS[how][0]

    before = list(running.app.router.routes)
    running.app.include_router(router)
    yield
    running.app.router.routes[:] = before


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("how", PROBLEMS)
def test_each_kind_of_no_has_a_page_that_says_what_can_be_done(
    new_page: Callable[..., Page], watch: Watch, how: str, capfd: pytest.CaptureFixture[str]
) -> None:
    _, status, heading = PROBLEMS[how]
    watch.allow(status)
    page = new_page("rep")
    answer = page.goto(f"/failing/{how}")
    assert answer is not None
    assert answer.status == status
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    assert not [told for told in ("Traceback", "secret", "olga@", "ValueError") if told in page.content()]
    assert "olga@" not in capfd.readouterr().err
    axe(page)


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("how", PROBLEMS)
def test_htmx_is_told_in_an_alert_above_the_page(site: Site, how: str) -> None:
    _, status, heading = PROBLEMS[how]
    with site.client("rep") as client:
        answer = client.get(f"/failing/{how}", headers={"HX-Request": "true", "HX-Request-Type": "partial"})
        assert answer.status_code == status
        assert answer.headers["hx-retarget"] == "#alerts"
        assert 'role="alert"' in answer.text
        assert heading in answer.text
        assert "<html" not in answer.text


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize(
    ("address", "status", "way"),
    [
        ("/failing/away?q=a%20b", 503, ("Try again", "/failing/away?q=a%20b")),
        ("/orders?from=yesterday&q=a", 400, ("Open it without filters", "/orders")),
        ("/nowhere?q=a", 404, ("To the start", "/")),
    ],
)
def test_a_no_leads_back_to_what_was_asked(
    new_page: Callable[..., Page], watch: Watch, address: str, status: int, way: tuple[str, str]
) -> None:
    watch.allow(status)
    page = new_page("rep")
    page.goto(address)
    expect(page.get_by_role("main").get_by_role("link").first).to_have_text(way[0])
    expect(page.get_by_role("link", name=way[0])).to_have_attribute("href", way[1])
    axe(page)


def test_while_the_database_is_away_a_page_waits_for_it_once(running: Site, site: Site) -> None:
    with site.client("rep") as client:
        known = running.app.state.sessions
        away = Away(known.log, known.people)
        running.app.state.sessions = away
        try:
            answer = client.get("/orders?status=open")
        finally:
            running.app.state.sessions = known
    assert (answer.status_code, len(away.asked)) == (503, 1)
    assert "Back in a moment" in answer.text
    assert 'href="/orders?status=open">Try again' in answer.text


def test_a_no_to_a_form_leads_back_to_the_page_it_was_on_and_to_none_of_another_site(site: Site) -> None:
    with site.client("rep") as client:
        for origin, offered in ((site.url, True), ("https://evil.example", False)):
            referer = f"{origin}/deals?outcome=open"
            told = client.post("/deals/filters", data={"name": ""}, headers={"Referer": referer}).text
            assert (f'href="{referer}">To the page before' in told) is offered
            assert ("evil" in told) is False
    with site.client() as guest:
        assert 'href="/sign-in">To the sign-in' in guest.get("/nowhere").text


def test_a_form_that_is_too_large_or_of_another_kind_is_refused(site: Site) -> None:
    with site.client("admin") as client:
        assert client.post("/people", data={"email": "x" * 1_100_000}).status_code == 413
        assert client.post("/people", json={"email": "a@example.org"}).status_code == 415
        assert client.get("/people").text.count('scope="row"') == 1
