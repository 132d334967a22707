"""What people do with a lead on its page: an owner, qualified, disqualified, a deal; and by two at once."""

import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from playwright.sync_api import expect

from commands.command import (
    CaptureLead,
    ConvertLead,
    DisqualifyLead,
    ForgetCustomer,
    QualifyLead,
)
from domain.customer import Profile
from domain.lead import Touch
from tests.pages.boarding import define, opened
from tests.pages.browsing import DESK, PHONE, Site, Watch, assert_no_sideways_scroll, axe
from tests.pages.test_customer import text_of, token
from tests.pages.test_lists import table
from tests.pages.test_looks import NewPage

DARIO = Profile(email="dario@example.org", name="Dario Moreau")
OFFERS = ("Open a deal", "Qualify", "Disqualify", "Change the owner")


def told(site: Site, lead: str) -> list[str]:
    """Return the types of what was recorded about a lead after it was captured."""
    return [one.type for one in site.log.stream(site.tenant, f"lead-{lead}")][2:]


def offered(page: str) -> list[str]:
    """Return what a lead's page offers to do with it."""
    return [offer for offer in OFFERS if re.search(rf">{offer}</(a|button)>", page)]


@pytest.fixture
def lead(site: Site) -> str:
    return site.do(CaptureLead(form="tasting", profile=DARIO)).id


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_lead_gets_an_owner_is_qualified_and_becomes_a_deal_by_keyboard(
    site: Site, lead: str, new_page: NewPage, size: dict[str, int]
) -> None:
    define(site)
    opened(site, "Chairs", owner="noah")
    page = new_page("rep", viewport=size)
    page.goto(f"/leads/{lead}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Dario Moreau · tasting")
    assert_no_sideways_scroll(page)
    axe(page)
    page.get_by_role("link", name="Change the owner").press("Enter")
    expect(page.get_by_label("Owner")).to_be_focused()
    assert page.locator("#owners option").evaluate_all("all => all.map(one => one.value)") == ["noah"]
    axe(page)
    page.keyboard.type("noah")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The lead has another owner.")).to_be_visible()
    page.get_by_role("button", name="Qualify", exact=True).press("Enter")
    expect(page.get_by_text("The lead is qualified.")).to_be_visible()
    stands = page.get_by_role("region", name="As it stands")
    expect(stands).to_contain_text("Qualified")
    expect(stands).to_contain_text("noah")
    page.get_by_role("link", name="Open a deal").press("Enter")
    expect(page.get_by_label("Owner")).to_have_value("noah")
    page.get_by_label("What is it about?").fill("Tea for 12 offices")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The deal is open.")).to_be_visible()
    page.goto(f"/leads/{lead}")
    expect(stands.get_by_role("link", name="Tea for 12 offices")).to_be_visible()
    expect(page.get_by_role("link", name="Open a deal")).to_have_count(0)
    assert told(site, lead) == ["lead-owner-assigned.v1", "lead-qualified.v1", "lead-converted.v1"]


def test_a_lead_is_disqualified_with_a_reason_and_found_worth_pursuing_again(
    site: Site, lead: str, new_page: NewPage, watch: Watch
) -> None:
    watch.allow(422)
    page = new_page("rep")
    page.goto(f"/leads/{lead}")
    page.get_by_role("link", name="Disqualify").press("Enter")
    why = page.get_by_label("Why?")
    expect(why).to_be_focused()
    why.fill(" ")
    page.keyboard.press("Enter")
    expect(why).to_have_accessible_description("This is needed.")
    axe(page)
    why.fill("student project")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The lead is disqualified.")).to_be_visible()
    expect(page.get_by_role("feed")).to_contain_text("Lead disqualified: student project")
    page.get_by_role("button", name="Qualify").press("Enter")
    expect(page.get_by_text("The lead is qualified.")).to_be_visible()
    assert told(site, lead) == ["lead-disqualified.v1", "lead-qualified.v1"]


def test_of_two_who_judge_a_lead_the_slower_is_shown_both_and_writes_nothing(
    site: Site, lead: str, new_page: NewPage, watch: Watch
) -> None:
    watch.allow(409)
    page = new_page("rep")
    page.goto(f"/leads/{lead}")
    site.do(CaptureLead(form="tasting", profile=DARIO))  # does not stand in the way
    site.do(DisqualifyLead(lead_id=lead, reason="spam"))
    page.get_by_role("button", name="Qualify", exact=True).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Someone was faster. Nothing of yours was recorded.")
    [row] = page.get_by_role("row").filter(has_text="Status").all()
    expect(row).to_have_text("Status disqualified qualified open", use_inner_text=True)
    assert told(site, lead)[-1] == "lead-disqualified.v1"
    axe(page)
    page.get_by_role("button", name="Qualify even so").press("Enter")
    expect(page.get_by_text("The lead is qualified.")).to_be_visible()


def test_of_two_who_give_a_lead_away_the_slower_is_shown_both_and_writes_nothing(
    site: Site, lead: str
) -> None:
    with site.client("rep") as client:
        seen = token(client, f"/leads/{lead}/owner", "seen")
        site.do(QualifyLead(lead_id=lead))
        form = {"owner": "mara", "seen": seen, "once": "1"}
        for _ in range(2):
            assert client.post(f"/leads/{lead}/owner", data=form).status_code == 303
        answer = client.post(f"/leads/{lead}/owner", data=form | {"owner": "noah", "once": "2"})
        assert (answer.status_code, "Owner mara noah nobody" in text_of(answer.text)) == (409, True)
        assert 'value="noah"' in answer.text
        long = client.post(f"/leads/{lead}/owner", data=form | {"owner": "x" * 201, "once": "3"})
        assert (long.status_code, "This is too long." in long.text) == (422, True)
        assert f'name="seen" value="{seen}"' in long.text
        assert client.get("/leads/nothing/owner").status_code == 404
        assert client.post("/leads/nothing/disqualified", data={"once": "4"}).status_code == 404
    assert told(site, lead) == ["lead-qualified.v1", "lead-owner-assigned.v1"]


def test_of_many_who_give_a_lead_away_at_once_one_is_first_and_all_others_are_shown_it(
    site: Site, lead: str
) -> None:
    form = {"seen": str(site.log.head())}
    with site.client("rep") as client, ThreadPoolExecutor(8) as pool:
        asked = [form | {"owner": f"rep-{n}", "once": str(n)} for n in range(16)]
        answers = list(pool.map(lambda one: client.post(f"/leads/{lead}/owner", data=one), asked))
    assert sorted(answer.status_code for answer in answers) == [303] + [409] * 15
    assert all("You saw" in answer.text for answer in answers if answer.status_code == 409)
    assert told(site, lead) == ["lead-owner-assigned.v1"]


def test_a_lead_offers_what_can_be_done_with_it_as_it_stands_to_those_who_may(site: Site, lead: str) -> None:
    def page(client: httpx.Client) -> list[str]:
        return offered(client.get(f"/leads/{lead}").text)

    with site.client("rep") as client, site.client("analyst") as reader:
        assert page(client) == ["Open a deal", "Qualify", "Disqualify", "Change the owner"]
        site.do(QualifyLead(lead_id=lead))
        assert page(client) == ["Open a deal", "Disqualify", "Change the owner"]
        site.do(DisqualifyLead(lead_id=lead, reason="spam"))
        assert page(client) == ["Qualify", "Change the owner"]
        assert page(reader) == []
        site.do(ConvertLead(lead_id=lead))
        assert page(client) == ["Change the owner"]
        head = site.log.head()
        refused = client.post(f"/leads/{lead}/qualified", data={"once": "1"})
        assert refused.status_code == 422
        assert "The lead was converted; what follows belongs to its deal." in text_of(refused.text)
        for step in ("owner", "qualified", "disqualified"):
            assert reader.post(f"/leads/{lead}/{step}", data={"reason": "x", "once": "1"}).status_code == 403
    assert [one.type for one in site.log.read(head, 9) if one.tenant == site.tenant] == []


def test_a_lead_tells_its_whole_first_and_last_touch_on_its_page_and_in_the_file(site: Site) -> None:
    first, last = (
        Touch(source="google", medium="cpc", campaign="spring"),
        Touch(source="fair", medium="stand"),
    )
    lead = site.do(CaptureLead(form="tasting", profile=DARIO, touch=first)).id
    site.do(CaptureLead(form="tasting", profile=DARIO, touch=last))
    with site.client("analyst") as client:
        words = text_of(client.get(f"/leads/{lead}").text)
        [row] = table(client.get("/leads.csv"))
    assert "First source google First medium cpc First campaign spring" in words
    assert "Last source fair Last medium stand" in words
    assert [row[f"first_{name}"] for name in ("source", "medium", "campaign")] == ["google", "cpc", "spring"]
    assert [row[f"last_{name}"] for name in ("source", "medium", "campaign")] == ["fair", "stand", ""]


def test_a_lead_is_called_by_who_asked_and_through_which_form_as_far_as_that_is_known(site: Site) -> None:
    ident = site.do(CaptureLead(form="tasting", profile=DARIO)).id
    nobodys = site.do(CaptureLead(form="quote")).id
    formless = site.do(CaptureLead(source_id="l-1", profile=DARIO)).id
    with site.client("rep") as client:

        def title(lead: str) -> str:
            return re.search(r"<h1>(.*?)</h1>", client.get(f"/leads/{lead}").text)[1]  # type: ignore[index]

        assert [title(one) for one in (ident, nobodys, formless)] == [
            "Dario Moreau · tasting",
            "Lead quote",
            "Dario Moreau",
        ]
        [customer] = [row["customer_id"] for row in table(client.get("/customers.csv?q=Dario"))]
        site.do(ForgetCustomer(customer_id=customer, reason="asked"))
        assert title(ident) == "Lead tasting"
