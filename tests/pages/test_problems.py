"""How pages say no: designed, without a stack, and for htmx as an alert."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from fastapi import APIRouter
from playwright.sync_api import Page, expect

from api.http.errors import Problem
from domain.deal import DealClosed
from tests.pages.browsing import Site, Watch, axe

PROBLEMS = {
    "forbidden": (Problem(403, "forbidden", "The role does not allow this."), 403, "Not allowed"),
    "refused": (DealClosed(outcome="won"), 422, "That does not fit the rules"),
    "away": (psycopg.OperationalError("host=secret"), 503, "Back in a moment"),
    "broken": (ValueError("olga@example.org"), 500, "Something went wrong here"),
}


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


def test_a_form_that_is_too_large_or_of_another_kind_is_refused(site: Site) -> None:
    with site.client("admin") as client:
        assert client.post("/people", data={"email": "x" * 1_100_000}).status_code == 413
        assert client.post("/people", json={"email": "a@example.org"}).status_code == 415
        assert client.get("/people").text.count('scope="row"') == 1
