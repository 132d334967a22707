"""Coming in by an OpenID Connect provider."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey
from playwright.sync_api import Page, expect

from api.pages import oidc
from api.pages.entrance import Entrance
from tests.acceptance.running import PATIENCE
from tests.pages.browsing import Site, Watch, axe
from tests.pages.provider import CLIENT, SECRET, Account, Provider, providing

BACK = "/sign-in/with/provider/back"


@pytest.fixture
def provider(running: Site) -> Iterator[Provider]:
    """A provider that the service trusts, during the test."""
    usual = running.app.state.entrance
    with providing() as found:
        trusted = oidc.Provider(found.issuer, CLIENT, SECRET, "Example ID")
        running.app.state.entrance = Entrance(running.url, provider=trusted)
        yield found
    running.app.state.entrance = usual


def through(client: httpx.Client, leads_to: str = "/people") -> httpx.Response:
    """Go to the provider and come back, as a browser does."""
    there = client.get("/sign-in/with/provider", params={"next": leads_to})
    assert there.status_code == 303
    back = httpx.get(there.headers["location"], timeout=PATIENCE)
    return client.get(back.headers["location"])


def unsigned(claims: dict[str, object]) -> str:
    """Return a token that says it needs no signature."""
    parts = ({"alg": "none"}, claims)
    return ".".join(urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def signed_in(client: httpx.Client) -> bool:
    return client.get("/people").status_code == 200


def test_who_was_invited_comes_in_by_the_provider_and_lands_where_they_wanted(
    new_page: Callable[..., Page], site: Site, provider: Provider, watch: Watch
) -> None:
    site.person("admin", f"olga@{site.tenant}.org")
    provider.account = Account(f"Olga@{site.tenant}.org")
    page = new_page()
    watch.hosts.add(urlsplit(provider.issuer).netloc)
    page.goto("/people?q=1")
    axe(page)
    page.get_by_role("link", name="Sign in with Example ID").click()
    page.wait_for_url(re.compile(r"/people\?q=1$"))
    expect(page.get_by_role("heading", name="People")).to_be_visible()


def test_who_was_not_invited_stays_out(site: Site, provider: Provider) -> None:
    provider.account = Account(f"stranger@{site.tenant}.org")
    with site.client() as client:
        answer = through(client)
        assert answer.status_code == 403
        assert "was not invited here" in answer.text
        assert not signed_in(client)


@pytest.mark.parametrize(
    "bent",
    [
        {"verified": False},
        {"claims": {"email_verified": "true"}},
        {"claims": {"email_verified": None}},
        {"claims": {"iss": "https://other.example"}},
        {"claims": {"aud": "another client"}},
        {"claims": {"aud": [CLIENT, "another client"]}},
        {"claims": {"azp": "another client"}},
        {"claims": {"nonce": "another sign-in's"}},
        {"claims": {"exp": 1_000_000}},
        {"claims": {"email": "no address"}},
        {"claims": {"email": 7}},
        {"answer": (200, {"access_token": "a", "id_token": unsigned({"email": "olga@example.org"})})},
        {"answer": (400, {"error": "invalid_grant"})},
        pytest.param({"key": RSAKey.generate_key(2048, {"kid": "k"})}, id="another key"),
        pytest.param({"key": OctKey.import_key(SECRET * 8), "algorithm": "HS256"}, id="the client's secret"),
    ],
    ids=str,
)
def test_what_the_provider_does_not_vouch_for_lets_nobody_in(
    site: Site, provider: Provider, bent: dict[str, object]
) -> None:
    site.person("admin", f"olga@{site.tenant}.org")
    provider.account = replace(Account(f"olga@{site.tenant}.org"), **bent)  # type: ignore[arg-type]
    with site.client() as client:
        answer = through(client)
        assert answer.status_code == 403, answer.text
        assert not signed_in(client)


@pytest.mark.parametrize(
    "answer", [(500, "away"), (502, []), (200, []), (200, {}), (200, {"access_token": "a", "id_token": 7})]
)
def test_a_provider_that_does_not_answer_in_the_midst_is_said_to_be_away(
    site: Site, provider: Provider, answer: tuple[int, object]
) -> None:
    provider.account = Account(f"olga@{site.tenant}.org", answer=answer)
    with site.client() as client:
        told = through(client)
        assert (told.status_code, told.headers["retry-after"]) == (503, "10")
        assert not signed_in(client)


def test_coming_back_works_once_on_the_browser_that_went(site: Site, provider: Provider) -> None:
    site.person("admin", f"olga@{site.tenant}.org")
    provider.account = Account(f"olga@{site.tenant}.org")
    with site.client() as client, site.client() as other:
        there = client.get("/sign-in/with/provider")
        back = httpx.get(there.headers["location"], timeout=PATIENCE).headers["location"]
        assert other.get(back).status_code == 403
        state = parse_qs(urlsplit(back).query)["state"][0]
        assert client.get(BACK, params={"state": "another", "code": "x"}).status_code == 403
        assert client.get(BACK, params={"state": state}).status_code == 403
        assert client.get(back).status_code == 303
        assert signed_in(client)
        assert client.get(back).status_code == 403


def test_who_was_invited_by_several_chooses(site: Site, provider: Provider) -> None:
    address = f"olga@{site.tenant}.org"
    site.person("admin", address)
    site.of(f"{site.tenant}-b").person("admin", address)
    provider.account = Account(address)
    with site.client() as client:
        page = through(client).text
        assert sorted(re.findall(r'<button class="button wide">(.*)</button>', page)) == [
            site.tenant,
            f"{site.tenant}-b",
        ]
        assert not signed_in(client)


def test_a_provider_that_does_not_answer_is_said_to_be_away(site: Site, running: Site) -> None:
    usual = running.app.state.entrance
    away = oidc.Provider("http://127.0.0.1:9", CLIENT, SECRET)
    running.app.state.entrance = Entrance(running.url, provider=away)
    try:
        with site.client() as client:
            answer = client.get("/sign-in/with/provider")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    finally:
        running.app.state.entrance = usual


def test_without_a_provider_there_is_no_such_way(site: Site) -> None:
    with site.client() as client:
        assert client.get("/sign-in/with/provider").status_code == 404
        assert "Sign in with" not in client.get("/sign-in").text
