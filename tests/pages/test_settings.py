"""The rules of a business on pages: read by everyone, set by those who may, never over what another has set."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from httpx import Response
from playwright.sync_api import Page, expect

from api.keys import new_key
from api.pages.settings.rules import value_of
from api.pages.settings.zones import zones
from commands.command import (
    ChooseTimeZone,
    DefineFollowUps,
    DefineLeadHandling,
    DefineOwnership,
    DefinePipeline,
    RecordCustomer,
)
from commands.desk import Desk
from commands.names import SETTINGS
from domain.customer import Profile
from domain.pipeline import DEFAULT
from domain.tenant import FollowUpRule, Tenant
from tests.pages.boarding import define
from tests.pages.browsing import DESK, PHONE, Site, Watch, assert_no_sideways_scroll, axe
from tests.pages.test_looks import NewPage

CALL = FollowUpRule(pipeline="sales", stage="New", days=5, task="Call back")
ASK = FollowUpRule(pipeline="sales", stage="Proposal", days=14, task="Ask for a decision")
HANDLING = DefineLeadHandling(
    owners=("olga", "pavel"),
    pipeline="sales",
    subject="Thank you",
    text="\nWe have it.\n\nWe call.\n",
    forms=("a", "b"),
)


def rules(site: Site) -> Tenant:
    """Return the settings that stand."""
    found: Tenant = Desk(site.log, site.tenant).state(SETTINGS)
    return found


def rule(page: Page, number: int, stage: str, days: str, task: str) -> None:
    """Fill in a row of the form for follow-ups."""
    row = page.get_by_role("group", name=f"Rule {number}")
    row.get_by_label("Stage").select_option(stage)
    row.get_by_label("Days").fill(days)
    row.get_by_label("What is to be done?").fill(task)


class Typed(HTMLParser):
    """Reads what a form of a page would send, as browsers do."""

    def __init__(self) -> None:
        super().__init__()
        self.form: dict[str, str] = {}
        self._text = self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self._text = (told["name"] or "") if tag == "textarea" else ""
        if tag == "select":
            self._select = told["name"] or ""
        elif tag == "option" and "selected" in told:
            self.form[self._select] = told.get("value") or ""
        elif tag == "input" and (told.get("type") != "checkbox" or "checked" in told):
            self.form[told["name"] or ""] = told["value"] or ""

    def handle_data(self, data: str) -> None:
        if self._text:
            self.form[self._text] = data.removeprefix("\n").replace("\n", "\r\n")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - as HTMLParser has it
        self._text = ""


def typed(answer: Response) -> dict[str, str]:
    """Return what the form of a page would send, were nothing changed in it."""
    reader = Typed()
    reader.feed(answer.text.partition("<main")[2])
    return reader.form


def test_a_manager_finds_the_settings_in_the_menu_and_everyone_reads_who_set_them_and_when(
    site: Site, new_page: NewPage
) -> None:
    page = new_page("manager")
    page.goto("/leads")
    page.locator("summary", has_text="Robin").press("Enter")
    page.get_by_role("link", name="Settings").press("Enter")
    expect(page.get_by_role("region", name="Time zone")).to_contain_text("UTC, where it is")
    expect(page.get_by_text("Nobody has set this yet.")).to_have_count(4)
    page.get_by_role("link", name="Change: Time zone").press("Enter")
    page.get_by_label("In which time zone do you work?").select_option("Europe/Berlin")
    axe(page)
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    assert rules(site).time_zone == "Europe/Berlin"
    reader = new_page("rep")
    reader.goto("/settings")
    zone = reader.get_by_role("region", name="Time zone")
    expect(zone).to_contain_text(re.compile("Europe/Berlin, where it is .* (CET|CEST) now"))
    expect(zone).to_contain_text("Set by Robin Manager, ")
    expect(zone.locator("relative-time")).to_be_visible()
    expect(reader.get_by_role("link", name="Change")).to_have_count(0)
    axe(reader)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_rules_for_follow_ups_are_added_and_removed_by_keyboard(
    site: Site, new_page: NewPage, size: dict[str, int]
) -> None:
    define(site)
    page = new_page("manager", viewport=size)
    page.goto("/settings/follow-ups")
    rule(page, 1, "New (sales)", "5", "Call back")
    page.get_by_role("button", name="One more rule").press("Enter")
    expect(page.get_by_role("group", name="Rule 2").get_by_label("Stage")).to_be_focused()
    expect(page.get_by_label("Stage").first).to_have_value(value_of("sales", "New"))
    rule(page, 2, "Proposal (sales)", "14", "Ask for a decision")
    assert_no_sideways_scroll(page)
    axe(page)
    page.keyboard.press("Enter")
    told = page.get_by_role("region", name="Follow-ups of idle deals")
    expect(told).to_contain_text("Proposal (sales) for 14 days")
    assert rules(site).follow_ups == (CALL, ASK)
    page.get_by_role("link", name="Change: Follow-ups").press("Enter")
    page.get_by_label("Remove rule 1").press("Space")
    page.get_by_role("button", name="Save").press("Enter")
    expect(told).not_to_contain_text("Call back")
    assert rules(site).follow_ups == (ASK,)


def test_who_owns_a_field_and_what_becomes_of_leads_is_set_and_shown(site: Site, new_page: NewPage) -> None:
    define(site)
    site.do(RecordCustomer(profile=Profile(email="a@example.org")), source="shop")
    site.do(DefineOwnership(owners={"owner": "crm"}))
    site.do(new_key("the form", "service", ("source:web",))[1])
    page = new_page("manager")
    page.goto("/settings/ownership")
    offered = page.locator("#sources option").evaluate_all("found => found.map(one => one.value)")
    assert {"shop", "crm", "web", "backstory"} <= set(offered)
    page.get_by_label("E-mail").fill("shop")
    page.get_by_label("Country").fill(" web ")
    axe(page)
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Who owns which field")).to_contain_text("shop")
    page.goto("/settings/lead-handling")
    page.get_by_label("Who takes turns").fill("olga\n\n pavel ")
    page.get_by_label("In which pipeline").select_option("sales")
    page.get_by_label("Subject of the reply").fill("Thank you")
    page.get_by_label("Text of the reply").fill("We have it.\n\nWe call.")
    axe(page)
    page.get_by_role("button", name="Save").press("Enter")
    leads = page.get_by_role("region", name="What becomes of new leads")
    expect(leads).to_contain_text("olga, pavel, in turn")
    assert rules(site).owners == {"email": "shop", "country": "web", "owner": "crm"}
    handling = rules(site).lead_handling
    assert (handling.owners, handling.pipeline, handling.forms) == (("olga", "pavel"), "sales", ())
    assert (handling.subject, handling.text) == ("Thank you", "We have it.\n\nWe call.")


def test_of_two_at_once_the_later_sees_what_stands_and_keeps_what_was_typed(
    site: Site, new_page: NewPage, watch: Watch
) -> None:
    watch.allow(409)
    define(site)
    first, second = new_page("manager"), new_page("admin")
    for page in (first, second):
        page.goto("/settings/follow-ups")
    rule(first, 1, "New (sales)", "5", "Call back")
    first.get_by_role("button", name="Save").click()
    expect(first.get_by_text("Saved.")).to_be_visible()
    rule(second, 1, "Proposal (sales)", "14", "Ask for a decision")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("alert")).to_contain_text("Nothing of yours was recorded.")
    stands = second.get_by_role("region", name="What stands now")
    expect(stands).to_contain_text("New (sales) for 5 days")
    expect(stands).to_contain_text("Set by Robin Manager")
    expect(second.get_by_label("What is to be done?").first).to_have_value("Ask for a decision")
    assert rules(site).follow_ups == (CALL,)
    axe(second)
    second.get_by_role("button", name="Save even so").click()
    expect(second.get_by_text("Saved.")).to_be_visible()
    assert rules(site).follow_ups == (ASK,)


def test_a_section_that_nobody_else_has_set_is_saved_though_another_one_was(site: Site) -> None:
    site.do(DefineOwnership(owners={"phone": "crm"}))
    with site.client("manager") as client:
        form = typed(client.get("/settings/ownership"))
        site.do(ChooseTimeZone(time_zone="Europe/Berlin"))
        answer = client.post("/settings/ownership", data=form | {"email": "shop"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/settings#ownership")
    assert rules(site).owners == {"phone": "crm", "email": "shop"}
    assert rules(site).time_zone == "Europe/Berlin"


@pytest.mark.parametrize("section", ["time-zone", "ownership", "follow-ups", "lead-handling"])
def test_a_form_that_is_sent_as_it_was_shown_changes_nothing(site: Site, section: str) -> None:
    define(site)
    for command in (
        ChooseTimeZone(time_zone="EST5EDT"),
        DefineOwnership(owners={"email": "shop"}),
        DefineFollowUps(rules=(CALL, ASK)),
        HANDLING,
    ):
        site.do(command)
    with site.client("manager") as client:
        head = site.log.head()
        form = typed(client.get(f"/settings/{section}"))
        assert client.post(f"/settings/{section}", data=form).status_code == 303
        assert "It is so already." in client.get("/settings").text
    assert site.log.head() == head


def test_a_form_sent_twice_sets_it_once(site: Site) -> None:
    with site.client("manager") as client:
        form = {"seen": "0", "once": "1", "email": "shop"}
        head = site.log.head()
        for _ in range(2):
            assert client.post("/settings/ownership", data=form).status_code == 303
    assert site.log.head() == head + 1


def row(number: int, stage: str, days: str, task: str) -> dict[str, str]:
    return {
        f"stage-{number}": value_of("sales", stage),
        f"days-{number}": days,
        f"task-{number}": task,
    }


@pytest.mark.parametrize(
    ("section", "form", "field", "sentence"),
    [
        ("time-zone", {"time_zone": "Mars/Olympus"}, "time_zone", "It must be an IANA time zone"),
        ("time-zone", {"time_zone": " "}, "time_zone", "This is needed."),
        ("ownership", {"email": "the shop"}, "email", "This is a name such as shop"),
        ("ownership", {"phone": "x" * 201}, "phone", "This is too long."),
        ("follow-ups", row(0, "New", "", "Call"), "days-0", "This is needed."),
        ("follow-ups", row(0, "New", "0", "Call"), "days-0", "This is not below 1."),
        ("follow-ups", row(0, "New", "100001", "Call"), "days-0", "This is not above 100000."),
        ("follow-ups", row(0, "New", "soon", "Call"), "days-0", "This is a whole number such as 14."),
        ("follow-ups", row(7, "New", "5", " "), "task-7", "This is needed."),
        ("follow-ups", row(0, "New", "5", "x" * 2001), "task-0", "This is too long."),
        ("follow-ups", {"days-0": "5", "task-0": "Call"}, "stage-0", "This is needed."),
        ("follow-ups", row(0, "New", "5", "Call") | {"stage-0": "{"}, "stage-0", "This is needed."),
        (
            "follow-ups",
            row(0, "Won", "5", "Call"),
            "stage-0",
            "It must be an open stage of the pipeline sales",
        ),
        (
            "follow-ups",
            {"stage-0": "", "remove-1": "yes"}
            | row(1, "Won", "", "x")
            | row(2, "New", "5", "x")
            | row(4, "New", "6", "y"),
            "stage-4",
            "It must be one rule for each stage.",
        ),
        (
            "follow-ups",
            {name: told for number in range(400) for name, told in row(number, "Won", "5", "Call").items()},
            "stage-0",
            "It must be an open stage of the pipeline sales",
        ),
        ("lead-handling", {"owners": "olga\nolga"}, "owners", "It must be names, each once"),
        ("lead-handling", {"owners": "\n".join(map(str, range(101)))}, "owners", "These are too many."),
        ("lead-handling", {"forms": "a\n" + "x" * 201}, "forms", "This is too long."),
        ("lead-handling", {"pipeline": "nowhere"}, "pipeline", "It must be a pipeline that is defined"),
        ("lead-handling", {"text": "We call."}, "subject", "It must be not blank, for a message has"),
        ("lead-handling", {"subject": "Hello"}, "text", "It must be not blank, for a message has"),
        ("lead-handling", {"subject": "Hello", "text": "x" * 2001}, "text", "This is too long."),
    ],
)
def test_what_no_rule_takes_is_told_beside_its_field_and_what_was_typed_is_kept(
    site: Site, section: str, form: dict[str, str], field: str, sentence: str
) -> None:
    define(site)
    with site.client("manager") as client:
        head = site.log.head()
        answer = client.post(f"/settings/{section}", data=form | {"seen": "0"})
    assert answer.status_code == 422
    [told] = re.findall(rf'id="{field}-about">([^<]*)<', answer.text)
    assert told.startswith(sentence)
    [wrong] = re.findall(rf'<[^>]* name="{field}"[^>]*>', answer.text)
    assert 'aria-invalid="true"' in wrong
    assert "autofocus" in wrong
    kept = typed(answer)
    for name in form.keys() - {"time_zone"}:  # of zones and stages people choose those there are
        assert kept.get(name, "").replace("\r\n", "\n") == form[name].strip(" {")
    assert site.log.head() == head


def test_a_stage_that_is_open_no_more_stays_in_the_form_and_says_so(site: Site) -> None:
    define(site)
    site.do(DefineFollowUps(rules=(CALL, ASK)))
    stages = tuple(one if one.name != "New" else replace(one, name="Fresh") for one in DEFAULT.stages)
    site.do(DefinePipeline(name="sales", stages=stages))
    with site.client("manager") as client:
        form = client.get("/settings/follow-ups")
        assert "New (sales), not open" in form.text
        answer = client.post("/settings/follow-ups", data=typed(form))
        assert (answer.status_code, "open stage of the pipeline sales: Fresh" in answer.text) == (422, True)
        answer = client.post("/settings/follow-ups", data=typed(form) | {"remove-0": "yes"})
        assert answer.status_code == 303
    assert rules(site).follow_ups == (ASK,)


@pytest.mark.parametrize("section", ["time-zone", "ownership", "follow-ups", "lead-handling"])
def test_those_who_only_read_get_no_form_and_set_nothing(site: Site, section: str) -> None:
    with site.client("rep") as client:
        assert client.get("/settings").status_code == 200
        head = site.log.head()
        assert client.get(f"/settings/{section}").status_code == 403
        form = {"seen": "0", "time_zone": "Europe/Berlin", "email": "shop", "owners": "olga"}
        assert client.post(f"/settings/{section}", data=form).status_code == 403
    assert site.log.head() == head


def test_a_form_that_does_not_say_what_was_seen_sets_nothing(site: Site) -> None:
    with site.client("manager") as client:
        for told in ({}, {"seen": "x"}):
            assert client.post("/settings/ownership", data={"email": "shop"} | told).status_code == 422
    assert rules(site).owners == {}


def test_zones_are_places_by_their_part_of_the_world_with_what_a_clock_shows_there() -> None:
    found = dict(zones("EST5EDT", datetime(2026, 1, 15, 12, tzinfo=UTC)))
    assert ("Asia/Kathmandu", "Kathmandu", "17:45") in found["Asia"]
    assert ("America/Argentina/Salta", "Salta (Argentina)", "09:00") in found["America"]
    assert found["UTC"] == [("UTC", "UTC", "12:00")]
    assert found["EST5EDT"] == [("EST5EDT", "EST5EDT", "07:00")]
    assert "Etc" not in found
