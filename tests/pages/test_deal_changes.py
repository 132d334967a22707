"""A deal's title, value and owner: changed by people on its page, taken back, and by two at once."""

import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from commands.command import AssignDealOwner, ChangeAmount, MoveToStage
from commands.desk import Desk
from domain.deal import Deal
from tests.pages.boarding import define, opened
from tests.pages.browsing import DESK, PHONE, Site, Watch, assert_no_sideways_scroll, axe
from tests.pages.test_customer import text_of, token
from tests.pages.test_looks import NewPage


def now(site: Site, deal: str) -> tuple[str | None, str | None, str | None]:
    """Return a deal's title, value and owner as the log has them."""
    state: Deal = Desk(site.log, site.tenant).state(f"deal-{deal}")
    value = state.value.value
    return (
        state.title.value,
        f"{value.amount} {value.currency}" if value else None,
        state.owner.value,
    )


def told(site: Site, deal: str, since: int) -> list[str]:
    """Return the types of what was recorded about a deal after a position."""
    return [one.type for one in site.log.stream(site.tenant, f"deal-{deal}") if one.position > since]


def change(client: httpx.Client, deal: str, **form: Any) -> httpx.Response:
    typed = {"title": "Lamps", "amount": "100.00", "currency": "EUR", "owner": "mara", "once": "1"}
    return client.post(f"/deals/{deal}/change", data=typed | form)


@pytest.fixture
def deal(site: Site) -> str:
    define(site)
    return opened(site, "Lamps", amount="100.00", owner="mara")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_deal_is_changed_and_taken_back_by_keyboard(
    site: Site, deal: str, new_page: NewPage, size: dict[str, int]
) -> None:
    opened(site, "Chairs", owner="noah")
    page = new_page("rep", viewport=size)
    page.goto(f"/deals/{deal}")
    page.get_by_role("link", name="Change", exact=True).press("Enter")
    expect(page.get_by_label("What is it about?")).to_be_focused()
    expect(page.get_by_label("Value")).to_have_value("100.00")
    expect(page.get_by_label("Currency")).to_have_value("EUR")
    assert set(page.locator("#owners option").evaluate_all("all => all.map(one => one.value)")) == {
        "mara",
        "noah",
    }
    assert_no_sideways_scroll(page)
    axe(page)
    page.get_by_label("What is it about?").fill("Lamps for two offices")
    page.get_by_label("Value").fill("4800")
    page.get_by_label("Owner").fill("noah")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The deal is changed.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lamps for two offices")
    expect(page.get_by_role("region", name="As it stands")).to_contain_text("EUR 4,800.00")
    expect(page.get_by_role("feed")).to_contain_text("Deal has a new title")
    assert now(site, deal) == ("Lamps for two offices", "4800 EUR", "noah")
    axe(page)
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Lamps")
    assert now(site, deal) == ("Lamps", "100.00 EUR", "mara")


def test_of_two_who_change_one_field_the_slower_is_shown_both_values_and_writes_nothing(
    site: Site, deal: str, new_page: NewPage, watch: Watch
) -> None:
    watch.allow(409)
    page = new_page("rep")
    page.goto(f"/deals/{deal}/change")
    site.do(ChangeAmount(deal_id=deal, amount=Decimal(150), currency="EUR"))
    head = site.log.head()
    page.get_by_label("Value").fill("4800")
    page.get_by_role("button", name="Change it").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Someone was faster. Nothing of yours was recorded.")
    [row] = page.get_by_role("row").filter(has_text="Value").all()
    expect(row).to_have_text("Value EUR 150.00 EUR 4,800.00 EUR 100.00", use_inner_text=True)
    assert told(site, deal, head) == []
    expect(page.get_by_role("link", name="Keep the current")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Change it even so").press("Enter")
    expect(page.get_by_text("The deal is changed.")).to_be_visible()
    assert now(site, deal) == ("Lamps", "4800 EUR", "mara")


def test_of_many_who_change_a_value_at_once_one_is_first_and_all_others_are_shown_it(
    site: Site, deal: str
) -> None:
    head = site.log.head()
    with site.client("rep") as client, ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda n: change(client, deal, amount=str(n), seen=str(head), once=str(n)), range(1, 17))
        )
    assert sorted(answer.status_code for answer in answers) == [303] + [409] * 15
    assert all("You saw" in answer.text for answer in answers if answer.status_code == 409)
    assert told(site, deal, head) == ["deal-amount-changed.v1"]


def test_what_happens_to_other_fields_does_not_stand_in_the_way_of_a_change_and_stays(
    site: Site, deal: str
) -> None:
    with site.client("rep") as client:
        seen = token(client, f"/deals/{deal}/change", "seen")
        site.do(AssignDealOwner(deal_id=deal, owner="noah"))
        site.do(MoveToStage(deal_id=deal, stage="Qualified"))
        assert change(client, deal, amount="120.00", seen=seen).status_code == 303
        assert now(site, deal) == ("Lamps", "120.00 EUR", "noah")
        assert change(client, deal, owner="noah", amount="100.00", seen=seen, once="2").status_code == 303
        answer = change(client, deal, owner="eve", amount="100.00", seen=seen, once="3")
        assert answer.status_code == 409
        assert "Owner noah eve mara" in text_of(answer.text)
        assert "Value EUR" not in text_of(answer.text)
    assert now(site, deal) == ("Lamps", "120.00 EUR", "noah")


def test_what_one_has_changed_is_not_taken_back_over_what_another_has_changed_since(
    site: Site, deal: str
) -> None:
    with site.client("rep") as client:
        answer = change(client, deal, amount="120.00", owner="")
        page = client.get(answer.headers["location"]).text
        form = {name: re.search(rf'name="{name}" value="(\d+)"', page)[1] for name in ("seen", "restores")}  # type: ignore[index]
        site.do(AssignDealOwner(deal_id=deal, owner="noah"))
        refused = client.post(f"/deals/{deal}/change", data=form | {"once": "2"})
        assert (refused.status_code, now(site, deal)) == (409, ("Lamps", "120.00 EUR", "noah"))
        assert "Owner noah mara nobody" in text_of(refused.text)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"title": " "}, "This is needed."),
        ({"title": "x" * 201}, "This is too long."),
        ({"amount": "12,50"}, "It must be an exact decimal number such as 12.50."),
        ({"amount": "1e3"}, "It must be an exact decimal number such as 12.50."),
        ({"amount": "1" * 19}, "It must be at most 18 digits before the point and 20 after it."),
        ({"currency": "EURO"}, "It must be an ISO 4217 currency code such as EUR."),
        ({"currency": ""}, "It must be an ISO 4217 currency code such as EUR."),
        ({"owner": "x" * 201}, "This is too long."),
    ],
    ids=["blank", "title", "comma", "exponent", "huge", "unknown currency", "no currency", "owner"],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_recorded(
    site: Site, deal: str, typed: dict[str, str], sentence: str
) -> None:
    head = site.log.head()
    with site.client("rep") as client:
        answer = change(client, deal, **typed, seen=str(head))
    assert answer.status_code == 422
    [name] = typed
    assert re.search(
        rf'aria-describedby="{name}-about".*id="{name}-about">{re.escape(sentence)}', answer.text, re.DOTALL
    )
    assert re.findall(r'id="(\w+)"[^>]* autofocus', answer.text) == [name]
    assert f'name="seen" value="{head}"' in answer.text
    assert told(site, deal, head) == []


def test_a_deal_loses_its_value_and_its_owner_and_a_form_sent_twice_changes_it_once(
    site: Site, deal: str
) -> None:
    head = site.log.head()
    with site.client("rep") as client:
        for _ in range(2):
            assert change(client, deal, amount="", owner=" ").status_code == 303
        assert told(site, deal, head) == ["deal-amount-changed.v1", "deal-owner-assigned.v1"]
        assert now(site, deal) == ("Lamps", None, None)
        assert client.get("/deals/nothing/change").status_code == 404
        assert change(client, "nothing").status_code == 404


def test_who_only_reads_is_offered_no_change(site: Site, deal: str) -> None:
    with site.client("analyst") as client:
        page = client.get(f"/deals/{deal}?stood=1&at=2").text
        assert f"/deals/{deal}/change" not in page
        assert change(client, deal, amount="1").status_code == 403
    assert now(site, deal) == ("Lamps", "100.00 EUR", "mara")
