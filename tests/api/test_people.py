"""Who may sign in, by the command."""

import json
import re
from pathlib import Path

import pytest

from tests.api.conftest import Command


def test_someone_is_invited_listed_moved_and_ended(backstory: Command) -> None:
    invited = backstory(
        "people", "invite", "Olga@Example.org", "--role", "manager", "--name", "Olga", "--json"
    )
    assert invited.code == 0, invited.err
    person = json.loads(invited.out)["id"]
    [listed] = backstory("people", "list", "--json").out.splitlines()
    assert {**json.loads(listed), "invited_at": None} == {
        "id": person,
        "email": "olga@example.org",
        "name": "Olga",
        "role": "manager",
        "invited_at": None,
    }
    assert backstory("people", "role", "olga@example.org", "rep").out == f"{person} is rep now\n"
    assert f"{person}  rep  olga@example.org  Olga" in backstory("people", "list").out
    assert backstory("people", "revoke", person, "--reason", "left").code == 0
    assert f"{person}  access ended" in backstory("people", "list").out
    refused = backstory("people", "link", person)
    assert (refused.code, "may not sign in any more" in refused.err) == (1, True)


def test_a_link_is_made_for_whoever_may_sign_in(
    backstory: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backstory("people", "invite", "olga@example.org")
    made = backstory("people", "link", "olga@example.org")
    assert re.match(r"http://127\.0\.0\.1:8080/sign-in/[\w-]{43}\n", made.out)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "address").write_text("http://127.0.0.1:9")
    assert backstory("people", "link", "olga@example.org").out.startswith("http://127.0.0.1:9/sign-in/")
    monkeypatch.setenv("BACKSTORY_URL", "https://crm.example.org")
    made = backstory("people", "link", "olga@example.org")
    assert made.out.startswith("https://crm.example.org/sign-in/")


def test_who_is_invited_twice_or_by_no_address_or_unknown_is_refused(backstory: Command) -> None:
    assert backstory("people", "invite", "olga@example.org").code == 0
    twice = backstory("people", "invite", "OLGA@example.org")
    assert (twice.code, twice.err) == (
        1,
        "backstory: Someone with this e-mail address may sign in already.\n",
    )
    assert "e-mail address such as" in backstory("people", "invite", "olga").err
    assert backstory("people", "invite", "").code == 1
    assert "no such person" in backstory("people", "revoke", "nobody", "--reason", "x").err
    assert backstory("people", "invite", "a@example.org", "--role", "service").code == 2


def test_half_a_configuration_is_refused_by_name(backstory: Command) -> None:
    for flags, told in (
        (("--smtp-host", "mail"), "--smtp-from"),
        (("--oidc-issuer", "https://id"), "--oidc-client-id"),
        (("--url", "crm.example.org"), "--url: a URL without a path"),
        (("--smtp-security", "ssl"), "--smtp-security"),
    ):
        refused = backstory("api", "--port", "0", *flags)
        assert (refused.code, told in refused.err) == (2, True), refused.err
