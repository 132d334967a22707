"""What is to be done about a deal: planned, seen on the card and the page, and done, by people."""

from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import expect

from commands.command import ScheduleFollowUp
from domain.deal import FollowUpCompleted, FollowUpScheduled
from tests.pages.boarding import card, define, opened, show
from tests.pages.browsing import DESK, PHONE, Site, assert_no_sideways_scroll, axe
from tests.pages.test_looks import NewPage


def told(site: Site, deal: str) -> list[object]:
    """Return what was recorded about a deal's follow-ups."""
    events = [entry.event for entry in site.log.stream(site.tenant, f"deal-{deal}")]
    return [event for event in events if isinstance(event, FollowUpScheduled | FollowUpCompleted)]


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_follow_up_is_planned_seen_and_done_by_keyboard(
    site: Site, new_page: NewPage, size: dict[str, int]
) -> None:
    define(site)
    deal = opened(site, "Lamps", owner="mara")
    page = new_page("rep", viewport=size)
    page.goto(f"/deals/{deal}")
    expect(page.get_by_text("Nothing is planned.")).to_be_visible()
    page.get_by_role("link", name="Plan a follow-up").press("Enter")
    expect(page.get_by_label("By whom?")).to_have_value("mara")
    assert_no_sideways_scroll(page)
    axe(page)
    page.get_by_label("What is to be done?").fill("Ask for a decision")
    page.get_by_label("By when?").fill("2027-03-01")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The follow-up is planned.")).to_be_visible()
    expect(page.get_by_role("region", name="To do")).to_contain_text("due 1 Mar 2027")
    axe(page)
    show(page)
    expect(card(page, deal)).to_contain_text("Ask for a decision · 1 Mar")
    page.goto(f"/deals/{deal}")
    page.get_by_role("button", name="Done: Ask for a decision").press("Enter")
    expect(page.get_by_text("The follow-up is done.")).to_be_visible()
    expect(page.get_by_text("Nothing is planned.")).to_be_visible()
    [planned, done] = told(site, deal)
    assert isinstance(planned, FollowUpScheduled)
    assert (planned.task, planned.due_on, planned.owner) == ("Ask for a decision", date(2027, 3, 1), "mara")
    assert isinstance(done, FollowUpCompleted)


def test_the_next_of_several_is_on_the_card_and_what_is_overdue_says_so(
    site: Site, new_page: NewPage
) -> None:
    define(site)
    deal = opened(site, "Lamps")
    today = datetime.now(UTC).date()
    for ident, days, task in (("b", 3, "Send samples"), ("a", -5, "Call back")):
        due_on = today + timedelta(days=days)
        site.do(ScheduleFollowUp(deal_id=deal, follow_up_id=ident, due_on=due_on, task=task))
    page = new_page("analyst")
    show(page)
    expect(card(page, deal)).to_contain_text("Call back · overdue")
    page.goto(f"/deals/{deal}")
    items = page.get_by_role("region", name="To do").get_by_role("listitem")
    expect(items).to_have_count(2)
    expect(items.first).to_contain_text("Call back")
    expect(items.first).to_contain_text("overdue")
    expect(items.last).not_to_contain_text("overdue")
    expect(page.get_by_role("button", name="Done")).to_have_count(0)


def test_a_form_sent_twice_plans_one_and_what_is_wrong_is_said_beside_its_field(site: Site) -> None:
    define(site)
    deal = opened(site, "Lamps")
    form = {"task": "Call back", "due_on": "2027-03-01", "once": "1"}
    with site.client("rep") as client:
        for _ in range(2):
            assert client.post(f"/deals/{deal}/follow-ups", data=form).status_code == 303
        head = site.log.head()
        for wrong, sentence in (
            ({"task": " "}, "This is needed."),
            ({"due_on": "soon"}, "This is not a day such as 2026-03-31."),
            ({"due_on": "9999-01-01"}, "This is a day from 1900 to 2199."),
        ):
            answer = client.post(f"/deals/{deal}/follow-ups", data=form | wrong | {"once": "2"})
            assert (answer.status_code, sentence in answer.text) == (422, True)
        assert client.post("/deals/nothing/follow-ups", data=form | {"once": "3"}).status_code == 404
        assert client.get("/deals/nothing/follow-ups/new").status_code == 404
        done = client.post(f"/deals/{deal}/follow-ups/nothing/completed", data={"once": "4"})
        assert done.status_code == 404
    assert (len(told(site, deal)), site.log.head()) == (1, head)
