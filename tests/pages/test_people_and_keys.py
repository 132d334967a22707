"""Admins say who may sign in, and hand out keys."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from api.http.policy import ROLES
from api.people import People
from tests.pages.browsing import PHONE, Site, Watch, axe


def test_an_admin_invites_someone_moves_them_and_ends_their_access(
    new_page: Callable[..., Page], site: Site, watch: Watch
) -> None:
    watch.allow(422)
    page = new_page("admin")
    page.goto("/people")
    page.get_by_label("E-mail address").fill("olga")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_text("That is no e-mail address.")).to_be_visible()
    page.get_by_label("E-mail address").fill("olga@example.org")
    page.get_by_label("Name").fill("Olga")
    page.get_by_label("Role", exact=True).select_option("rep")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("status").filter(has_text="Invited.")).to_be_visible()
    axe(page)
    page.get_by_label("Role of Olga", exact=True).select_option("manager")
    page.get_by_role("button", name="Change the role of Olga").click()
    expect(page.get_by_label("Role of Olga", exact=True)).to_have_value("manager")
    page.get_by_label("E-mail address").fill("OLGA@example.org")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_text("Someone with this e-mail address may sign in already.")).to_be_visible()
    page.get_by_role("button", name="End access of Olga").click()
    dialog = page.get_by_role("dialog", name="End the access of Olga?")
    expect(dialog).to_be_visible()
    axe(page)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="End access of Olga").click()
    dialog.get_by_label("Why?").fill("left the company")
    dialog.get_by_role("button", name="End access").click()
    expect(page.get_by_role("row", name=re.compile("Olga")).get_by_text("access ended")).to_be_visible()
    [olga] = [one for one in People(site.log).all_of(site.tenant) if one.name == "Olga"]
    assert olga.role is None


def test_nobody_ends_or_changes_their_own_access(site: Site) -> None:
    with site.client("admin") as client:
        [me] = People(site.log).all_of(site.tenant)
        for path, form in (("role", {"role": "rep"}), ("revoked", {})):
            answer = client.post(f"/people/{me.person_id}/{path}", data=form)
            assert answer.status_code == 422
            assert "ask another admin" in answer.text
        assert client.get("/people").status_code == 200


def test_a_key_is_shown_once_opens_what_it_should_and_is_revoked(
    new_page: Callable[..., Page], site: Site
) -> None:
    page = new_page("admin")
    page.goto("/keys")
    axe(page)
    page.get_by_label("What is it for?").fill("the shop")
    page.get_by_label("Only for").fill("orders:read, source:shop")
    page.get_by_role("button", name="Create key").click()
    secret = page.locator("code.secret").inner_text()
    axe(page)
    with site.client() as client:
        asked = {"headers": {"Authorization": f"Bearer {secret}"}}
        assert client.get("/v1/orders", **asked).status_code == 200
        assert client.get("/v1/leads", **asked).status_code == 404
    page.goto("/keys")
    expect(page.get_by_role("row", name=re.compile("the shop"))).to_contain_text("orders:read, source:shop")
    assert secret not in page.content()
    page.get_by_role("button", name="Revoke the shop").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("row", name=re.compile("the shop"))).to_contain_text("revoked")


def test_a_key_asked_for_twice_by_one_form_is_made_once(site: Site) -> None:
    with site.client("admin") as client:
        form = {"name": "shop", "role": "service", "scopes": "", "once": "1"}
        assert client.post("/keys", data=form).status_code == 201
        again = client.post("/keys", data=form)
        assert (again.status_code, again.headers["location"]) == (303, "/keys")
        assert "made already" in client.get("/keys").text
        assert client.get("/keys").text.count('scope="row"') == 1


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("name", " "),
        ("name", "x" * 101),
        ("role", "king"),
        ("scopes", "orders:eat"),
        ("scopes", "customers:merge"),
    ],
)
def test_what_a_key_cannot_be_is_said_at_its_field(site: Site, field: str, given: str) -> None:
    with site.client("admin") as client:
        form = {"name": "shop", "role": "service", "scopes": ""} | {field: given}
        answer = client.post("/keys", data=form)
        assert answer.status_code == 422
        assert "field-error" in answer.text
        assert "bsk_" not in answer.text


@pytest.mark.parametrize("role", [role for role in ROLES if role not in {"admin", "client", "service"}])
def test_only_admins_see_these_pages_and_their_names_in_the_menu(site: Site, role: str) -> None:
    with site.client(role) as client:
        assert [client.get(path).status_code for path in ("/people", "/keys")] == [404, 404]
        assert "API keys" not in client.get("/customers").text


def test_on_a_phone_everything_is_within_the_screen_and_reached_by_touch(
    new_page: Callable[..., Page],
) -> None:
    page = new_page("admin", has_touch=True, viewport=PHONE)
    page.goto("/people")
    page.locator("summary", has_text="Robin").tap()
    page.get_by_role("link", name="API keys").tap()
    expect(page.get_by_role("heading", name="API keys", exact=True)).to_be_visible()
