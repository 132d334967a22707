"""Coming in and going out, as people do it."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from api.http.rate import Rates
from api.pages.entrance import Entrance
from api.pages.links import Link, Links
from commands.command import ChangePersonRole, RevokePerson
from tests.pages.browsing import Site, Watch, axe

Sent = list[tuple[str, list[tuple[str, str]]]]


@pytest.fixture
def enter(running: Site) -> Iterator[Callable[[Entrance], None]]:
    """Lets people come in another way, during the test."""
    state, usual = running.app.state, running.app.state.entrance

    def changed(entrance: Entrance) -> None:
        state.entrance = entrance

    yield changed
    state.entrance = usual


@pytest.fixture
def sent(running: Site, enter: Callable[[Entrance], None]) -> Sent:
    """What is sent, instead of being written to the console; and nobody asks too often."""
    found: Sent = []
    rates = Rates(1e6, 1e6)
    enter(
        Entrance(running.url, lambda to, links: found.append((to, links)), by_address=rates, by_email=rates)
    )
    return found


def link_of(sent: Sent) -> str:
    deadline = time.monotonic() + 10
    while not sent:
        assert time.monotonic() < deadline, "no link was sent"
        time.sleep(0.01)
    [(_, [(_, link)])] = sent
    return link


def made_link(site: Site, leads_to: str = "/") -> str:
    person = site.person("rep")
    return Links(site.log).make(Link(site.tenant, person.id, leads_to))


def test_someone_invited_signs_in_by_a_link_and_out(page: Page, site: Site, sent: Sent, watch: Watch) -> None:
    watch.allow(404)
    site.person("admin", "olga@example.org")
    page.goto("/people?q=x")
    expect(page).to_have_title("Sign in · Backstory")
    axe(page)
    page.get_by_label("E-mail address").fill(" Olga@Example.org ")
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    axe(page)
    link = link_of(sent)
    assert sent[0][0] == "olga@example.org"
    assert "olga" not in link
    page.goto(link)
    axe(page)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/people\?q=x$"))
    page.locator("summary", has_text="Robin Admin").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="You are signed out.")).to_be_visible()
    page.goto("/people")
    expect(page).to_have_title("Sign in · Backstory")


def test_the_answer_is_the_same_whether_an_address_is_known_or_not(site: Site, sent: Sent) -> None:
    site.person("rep", f"known@{site.tenant}.org")
    answers = []
    for address in (f"unknown@{site.tenant}.org", f"known@{site.tenant}.org"):
        with site.client() as client:
            form = client.get("/sign-in").text
            token = re.findall(r'name="csrf" value="(\w+)"', form)[0]
            answer = client.post("/sign-in", data={"email": address, "csrf": token})
            answers.append((answer.status_code, re.sub(r"[0-9a-f]{64}", "TOKEN", answer.text)))
    assert answers[0] == answers[1]
    assert link_of(sent)
    assert [to for to, _ in sent] == [f"known@{site.tenant}.org"]


def test_a_link_works_once(page: Page, site: Site, watch: Watch) -> None:
    watch.allow(410, 404)
    link = made_link(site)
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Robin Rep").first).to_be_visible()
    page.context.clear_cookies()
    page.goto(link)
    expect(page.get_by_role("heading", name="This link does not work any more")).to_be_visible()
    axe(page)


def test_of_many_who_use_a_link_at_the_same_moment_one_comes_in(site: Site) -> None:
    link = made_link(site)
    with site.client() as client, ThreadPoolExecutor(8) as pool:
        token = re.findall(r'name="csrf" value="(\w+)"', client.get(link).text)[0]
        answers = list(pool.map(lambda _: client.post(link, data={"csrf": token}), range(8)))
        came_in = [answer for answer in answers if answer.status_code == 303]
    assert len(came_in) == 1
    with site.log.connection() as connection:
        sessions = connection.execute("SELECT count(*) FROM log.sessions WHERE tenant = %s", (site.tenant,))
        assert sessions.fetchone() == (1,)


def test_a_link_leads_to_where_the_service_is_whatever_host_was_asked(site: Site, sent: Sent) -> None:
    site.person("rep", f"host@{site.tenant}.org")
    with site.client() as client:
        token = re.findall(r'name="csrf" value="(\w+)"', client.get("/sign-in").text)[0]
        form = {"email": f"host@{site.tenant}.org", "csrf": token}
        client.post(
            "/sign-in", data=form, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
        )
    assert link_of(sent).startswith(f"{site.url}/sign-in/")


def test_looking_at_a_link_does_not_use_it_up(site: Site) -> None:
    link = made_link(site)
    for _ in range(3):
        with site.client() as client:
            assert client.get(link).status_code == 200


def test_a_link_that_is_too_old_or_wrong_signs_nobody_in(site: Site) -> None:
    link = made_link(site)
    with site.client() as client:
        token = re.findall(r'name="csrf" value="(\w+)"', client.get(link).text)[0]
        with site.log.connection() as connection:
            connection.execute(
                "UPDATE log.sign_in_links SET created_at = created_at - interval '15 minutes' WHERE tenant = %s",
                (site.tenant,),
            )
        for wrong in (link, "/sign-in/wrong"):
            assert client.get(wrong).status_code == 410
            assert client.post(wrong, data={"csrf": token}).status_code == 410
        assert client.get("/people").headers["location"].startswith("/sign-in?next=")


def test_a_link_leads_nowhere_else(site: Site, sent: Sent) -> None:
    site.person("rep", f"anna@{site.tenant}.org")
    for elsewhere in (
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/sign-in",
        "javascript:x",
        "//[",
        "http://[",
        "/a\nb",
    ):
        sent.clear()
        with site.client() as client:
            token = re.findall(r'name="csrf" value="(\w+)"', client.get("/sign-in").text)[0]
            form = {"email": f"anna@{site.tenant}.org", "csrf": token, "next": elsewhere}
            client.post("/sign-in", data=form)
            answer = client.post(link_of(sent), data={"csrf": token})
            assert (answer.status_code, answer.headers["location"]) == (303, "/"), elsewhere


def test_signing_in_gives_a_session_that_nobody_knew_before(site: Site) -> None:
    link = made_link(site)
    with site.client() as client:
        before = client.cookies["backstory-session"] if client.get(link) and client.cookies else ""
        token = re.findall(r'name="csrf" value="(\w+)"', client.get(link).text)[0]
        answer = client.post(link, data={"csrf": token})
        cookie = answer.headers["set-cookie"]
        assert before
        assert before not in cookie
        assert "HttpOnly" in cookie
        assert "samesite=lax" in cookie.lower()
        assert "Path=/;" in cookie


def test_over_https_the_cookie_is_bound_to_this_host(site: Site) -> None:
    link = made_link(site)
    with site.client() as client:
        answer = client.get(link, headers={"X-Forwarded-Proto": "https"})
        assert answer.headers["set-cookie"].startswith("__Host-backstory-session=")
        assert "Secure" in answer.headers["set-cookie"]


def test_asking_too_often_is_answered_with_when_to_come_again(
    site: Site, enter: Callable[[Entrance], None]
) -> None:
    enter(Entrance(site.url, lambda _to, _links: None))
    with site.client() as client:
        token = re.findall(r'name="csrf" value="(\w+)"', client.get("/sign-in").text)[0]
        form = {"email": f"nobody@{site.tenant}.org", "csrf": token}
        statuses = [client.post("/sign-in", data=form).status_code for _ in range(4)]
        last = client.post("/sign-in", data=form)
        assert statuses == [200, 200, 200, 429]
        assert 0 < int(last.headers["retry-after"]) <= 301
        assert "A moment, please" in last.text


def test_what_is_no_address_is_said_at_its_field(page: Page, site: Site, watch: Watch) -> None:
    del site
    watch.allow(422)
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill("olga")
    page.keyboard.press("Enter")
    expect(page.get_by_text("That is no e-mail address.")).to_be_visible()
    expect(page.get_by_label("E-mail address")).to_have_attribute("aria-invalid", "true")
    axe(page)


def test_a_revoked_persons_sessions_end_within_a_second(site: Site) -> None:
    person = site.person("rep")
    secret = site.app.state.sessions.begin(site.tenant, person.id)
    assert site.app.state.sessions.find(secret).role == "rep"
    site.do(RevokePerson(person_id=person.id, reason="left"))
    revoked_at = time.monotonic()
    while site.app.state.sessions.find(secret) is not None:
        assert time.monotonic() - revoked_at < 10
        time.sleep(0.01)


def test_a_new_invitation_revives_no_old_session(site: Site) -> None:
    address = f"back@{site.tenant}.org"
    person = site.person("rep", address)
    secret = site.app.state.sessions.begin(site.tenant, person.id)
    site.do(RevokePerson(person_id=person.id, reason="left"))
    assert site.person("manager", address).id == person.id
    deadline = time.monotonic() + 10
    while site.app.state.sessions.find(secret) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    fresh = site.app.state.sessions.begin(site.tenant, person.id)
    assert site.app.state.sessions.find(fresh).role == "manager"


def test_another_role_counts_within_a_second(site: Site) -> None:
    person = site.person("rep")
    secret = site.app.state.sessions.begin(site.tenant, person.id)
    site.do(ChangePersonRole(person_id=person.id, role="analyst"))
    deadline = time.monotonic() + 10
    while site.app.state.sessions.find(secret).role != "analyst":
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("column", ["seen_at", "created_at"])
def test_a_session_ends_when_unused_or_old(site: Site, column: str) -> None:
    secret = site.session("rep")
    assert site.app.state.sessions.find(secret) is not None
    age = {"seen_at": "12 hours", "created_at": "14 days"}[column]
    with site.log.connection() as connection:
        connection.execute(
            f"UPDATE log.sessions SET {column} = {column} - interval '{age}' WHERE tenant = %s",
            (site.tenant,),
        )
    assert site.app.state.sessions.find(secret) is None


def test_signing_out_everywhere_ends_every_session_of_the_person_only(
    new_page: Callable[..., Page], site: Site, watch: Watch
) -> None:
    watch.allow(404)
    page = new_page("rep")
    other = site.session("manager")
    page.goto("/")
    page.get_by_text("Robin Rep").first.click()
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page).to_have_title("Sign in · Backstory")
    with site.log.connection() as connection:
        left = connection.execute("SELECT count(*) FROM log.sessions WHERE tenant = %s", (site.tenant,))
        assert left.fetchone() == (1,)
    assert site.app.state.sessions.find(other) is not None


def test_neither_session_nor_link_is_kept_in_a_form_that_opens_anything(site: Site) -> None:
    secret, link = site.session("rep"), made_link(site)
    with site.log.connection() as connection:
        for table in ("sessions", "sign_in_links"):
            kept = str(connection.execute(f"SELECT t::text FROM log.{table} t").fetchall())
            assert secret not in kept
            assert link.rpartition("/")[2] not in kept


def test_the_whole_way_in_and_out_goes_by_keyboard(page: Page, site: Site, sent: Sent, watch: Watch) -> None:
    watch.allow(404)
    site.person("rep", "keys@example.org")
    page.goto("/sign-in")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type("keys@example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    page.goto(link_of(sent))
    expect(page.get_by_role("button", name="Sign in")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Robin Rep").first).to_be_visible()
    page.wait_for_load_state()
    account = page.locator("summary", has_text="Robin Rep")
    account.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(account).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Sign out":
            break
    page.keyboard.press("Enter")
    expect(page).to_have_title("Sign in · Backstory")


def test_a_second_tab_that_was_signed_out_is_led_to_the_sign_in(site: Site) -> None:
    with site.client() as client:
        answer = client.get("/people?owner=a", headers={"HX-Request": "true"})
        assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in")


def test_without_scripts_people_come_in_and_go_out_all_the_same(
    new_page: Callable[..., Page], site: Site, sent: Sent
) -> None:
    site.person("admin", "plain@example.org")
    page = new_page(java_script_enabled=False)
    page.goto("/people")
    page.get_by_label("E-mail address").fill("plain@example.org")
    page.get_by_role("button", name="Send me a link").click()
    page.goto(link_of(sent))
    page.get_by_role("button", name="Sign in").click()
    page.locator("summary", has_text="Robin Admin").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page).to_have_title("Sign in · Backstory")
