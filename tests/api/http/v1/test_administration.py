"""A tenant's own affairs over HTTP: keys made, listed and revoked; who owns which field; the time zone."""

import time
from collections.abc import Callable

import pytest

from tests.api.http.v1.running import Service

NO_HANDLING = {"owners": [], "pipeline": None, "subject": None, "text": None, "forms": []}


@pytest.fixture
def admin(start: Callable[..., Service]) -> Service:
    return start()


def test_a_key_is_shown_once_works_at_once_is_listed_without_its_secret_and_ends(admin: Service) -> None:
    made = admin.done("/v1/keys", {"name": "the shop", "scopes": ["leads:write", "source:shop"]})
    shop = Service(admin.client, admin.log, made["secret"])
    assert shop.post("/v1/leads", {"form": "a"}).status_code == 201
    listed = admin.get("/v1/keys")
    assert made["secret"] not in listed.text
    [key] = [one for one in listed.json()["data"] if one["id"] == made["id"]]
    assert (key["name"], key["role"], key["scopes"]) == (
        "the shop",
        "service",
        ["leads:write", "source:shop"],
    )
    assert key["revoked_at"] is None
    answer = admin.done(f"/v1/keys/{made['id']}/revoked", {"reason": "leaked"})
    assert answer["id"] == made["id"]
    deadline = time.monotonic() + 20
    while shop.post("/v1/leads", {"form": "a"}).status_code != 401:
        assert time.monotonic() < deadline
    [key] = [one for one in admin.get("/v1/keys").json()["data"] if one["id"] == made["id"]]
    assert key["revoked_at"] is not None
    assert admin.post(f"/v1/keys/{made['id']}/revoked", {"reason": "again"}).status_code == 200


def test_the_same_request_again_makes_no_second_key_and_shows_the_same_secret(admin: Service) -> None:
    first = admin.post("/v1/keys", {"name": "the shop"}, Idempotency_Key="once")
    again = admin.post("/v1/keys", {"name": "the shop"}, Idempotency_Key="once")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    other = admin.post("/v1/keys", {"name": "another"}, Idempotency_Key="once")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert len(admin.get("/v1/keys").json()["data"]) == 2, "the admin's own, and one"


def test_no_secret_is_in_the_log(admin: Service) -> None:
    secret = admin.done("/v1/keys", {"name": "the shop"})["secret"]
    with admin.log.connection() as connection:
        rows = connection.execute(
            "SELECT e::text FROM log.events e UNION ALL SELECT c::text FROM log.commands c"
        ).fetchall()
    assert rows
    assert not [row for row in rows if secret in row[0] or secret.removeprefix("bsk_") in row[0]]


@pytest.mark.parametrize(
    ("scopes", "asked"),
    [
        (["keys:write", "leads:read"], {"role": "admin"}),
        (["keys:write", "leads:read"], {"role": "service"}),
        (["keys:write", "leads:read"], {"role": "service", "scopes": ["leads:write"]}),
        (["keys:write", "leads:read", "source:shop"], {"role": "admin", "scopes": ["leads:read"]}),
        (["keys:write", "leads:read", "source:shop"], {"scopes": ["leads:read", "source:other"]}),
    ],
)
def test_a_key_hands_out_no_more_than_it_may_do_itself(
    admin: Service, scopes: list[str], asked: dict[str, object]
) -> None:
    narrow = admin.as_("admin", *scopes)
    answer = narrow.post("/v1/keys", {"name": "wide"} | asked)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    within = {"name": "narrow", "scopes": ["leads:read", *[s for s in scopes if s.startswith("source:")]]}
    assert narrow.post("/v1/keys", within).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "x", "role": "emperor"},
        {"name": "x", "scopes": ["all"]},
        {"name": "x", "scopes": ["source:the shop"]},
        {"name": "x", "scopes": ["customers:merge"]},
        {"name": "x", "secret": "y"},
    ],
)
def test_a_key_of_no_role_or_scope_that_means_something_is_malformed(
    admin: Service, body: dict[str, object]
) -> None:
    answer = admin.post("/v1/keys", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_settings_are_read_and_written_by_version(admin: Service) -> None:
    before = admin.get("/v1/settings")
    assert (before.json(), before.headers["etag"]) == (
        {
            "owners": {},
            "follow_ups": [],
            "time_zone": "UTC",
            "lead_handling": NO_HANDLING,
            "version": 0,
        },
        '"0"',
    )
    owned = admin.ask("PUT", "/v1/settings/ownership", {"owners": {"name": "crm"}}, If_Match='"0"')
    assert (owned.status_code, owned.json()["version"]) == (201, 1)
    stale = admin.ask("PUT", "/v1/settings/time-zone", {"time_zone": "Europe/Berlin"}, If_Match='"0"')
    assert (stale.status_code, stale.json()["code"], stale.json()["current"]) == (412, "version-mismatch", 1)
    zone = admin.ask("PUT", "/v1/settings/time-zone", {"time_zone": "Europe/Berlin"}, If_Match='"1"')
    assert (zone.status_code, zone.json()["version"]) == (201, 2)
    again = admin.ask("PUT", "/v1/settings/time-zone", {"time_zone": "Europe/Berlin"})
    assert (again.status_code, again.json()["version"]) == (200, 2)
    rule = {"pipeline": "sales", "stage": "New", "days": 5, "task": "Call back"}
    ruled = admin.ask("PUT", "/v1/settings/follow-ups", {"rules": [rule]}, If_Match='"2"')
    assert (ruled.status_code, ruled.json()["version"]) == (201, 3)
    after = admin.get("/v1/settings").json()
    assert after == {
        "owners": {"name": "crm"},
        "follow_ups": [rule],
        "time_zone": "Europe/Berlin",
        "lead_handling": NO_HANDLING,
        "version": 3,
    }


def test_what_becomes_of_leads_is_defined_and_shown(admin: Service) -> None:
    body = {
        "owners": ["olga"],
        "pipeline": "sales",
        "subject": "Hello",
        "text": "We call.",
        "forms": ["contact"],
    }
    made = admin.ask("PUT", "/v1/settings/lead-handling", body)
    assert (made.status_code, made.json()["version"]) == (201, 1)
    assert admin.get("/v1/settings").json()["lead_handling"] == body
    assert admin.ask("PUT", "/v1/settings/lead-handling", body).status_code == 200
    assert admin.as_("rep").ask("PUT", "/v1/settings/lead-handling", {}).status_code == 403
    assert admin.ask("PUT", "/v1/settings/lead-handling", {}).status_code == 201
    assert admin.get("/v1/settings").json()["lead_handling"] == NO_HANDLING


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("time-zone", {"time_zone": "Europe/Atlantis"}, "time_zone"),
        ("ownership", {"owners": {"shoe_size": "crm"}}, "shoe_size"),
        ("lead-handling", {"owners": ["olga", "olga"]}, "owners"),
        ("lead-handling", {"pipeline": "nowhere"}, "pipeline"),
        ("lead-handling", {"subject": "Hello"}, "text"),
        ("lead-handling", {"subject": "Hello\nBcc: all", "text": "We call."}, "subject"),
        (
            "follow-ups",
            {"rules": [{"pipeline": "sales", "stage": "Nwe", "days": 5, "task": "Call"}]},
            "rules.0.stage",
        ),
    ],
)
def test_what_no_rule_knows_is_refused_by_field(
    admin: Service, path: str, body: dict[str, object], field: str
) -> None:
    answer = admin.ask("PUT", f"/v1/settings/{path}", body)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
        422,
        "invalid-value",
        field,
    )


def test_a_source_that_does_not_own_a_field_leaves_it_and_is_told(admin: Service) -> None:
    admin.ask("PUT", "/v1/settings/ownership", {"owners": {"name": "crm"}})
    ident = admin.done("/v1/customers", {"source": "crm", "email": "ann@example.org", "name": "Ann Smith"})[
        "id"
    ]
    admin.ask("PATCH", f"/v1/customers/{ident}", {"source": "shop", "name": "A. S."})
    settled = admin.post(f"/v1/customers/{ident}/conflicts", {"field": "name", "accept": "owner"})
    assert settled.status_code == 201, "there was a conflict to settle"
