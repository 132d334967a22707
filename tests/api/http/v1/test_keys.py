"""Keys: shown once, found by digest, narrowed by scopes, ended within two seconds, and not asked too often."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from api.http.policy import POLICY, allowed
from api.http.rate import Bucket, Rates
from commands.command import Context, RevokeApiKey
from commands.handle import handle
from commands.names import KEYS
from domain.tenant import ApiKeyCreated
from tests.api.http.v1.running import Service, make_key


def test_a_key_works_the_moment_it_is_made(start: Callable[..., Service]) -> None:
    service = start()
    for _ in range(20):
        assert service.as_("analyst").get("/v1/leads").status_code == 200


def test_a_revoked_key_opens_nothing_two_seconds_later(start: Callable[..., Service]) -> None:
    service = start()
    caller = service.as_("service")
    assert caller.get("/v1/leads").status_code == 200
    key_id = [e.event for e in service.log.stream("main", KEYS) if isinstance(e.event, ApiKeyCreated)][
        -1
    ].key_id
    context = Context(tenant="main", actor="test", source="backstory", now=datetime.now(UTC))
    handle(service.log, RevokeApiKey(key_id=key_id, reason="test"), context)
    revoked_at = asked_at = time.monotonic()
    while (answer := caller.get("/v1/leads")).status_code == 200:
        assert asked_at - revoked_at < 2
        asked_at = time.monotonic()
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert service.get("/v1/leads").status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic bsk_x", "Bearer bsk_unknown", "bsk_x"])
def test_what_is_no_known_key_is_401(shared: Service, header: str) -> None:
    answer = shared.client.get("/v1/leads", headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


def test_the_digest_of_a_key_is_no_key(start: Callable[..., Service]) -> None:
    service = start()
    [*_, last] = service.log.stream("main", KEYS)
    assert isinstance(last.event, ApiKeyCreated)
    answer = service.client.get("/v1/leads", headers={"Authorization": f"Bearer {last.event.digest}"})
    assert answer.status_code == 401


def test_scopes_narrow_a_role_and_never_widen_it(start: Callable[..., Service]) -> None:
    service = start()
    caller = service.as_("service", "leads:write", "leads:read")
    assert caller.post("/v1/leads", {"form": "a"}).status_code == 201
    assert caller.post("/v1/deals", {"stage": "New", "title": "x"}).status_code == 404
    writer = service.as_("service", "leads:write")
    assert writer.post("/v1/leads", {"form": "a"}).status_code == 201
    assert writer.get("/v1/leads").status_code == 404
    assert allowed("analyst", ("leads:write",)) == set()
    assert allowed("admin", ("nonsense",)) == set()
    assert allowed("unheard-of", ()) == set()
    assert allowed("rep", ("source:shop",)) == POLICY["rep"]


def test_a_keys_source_is_that_of_its_scope_and_no_other(start: Callable[..., Service]) -> None:
    service = start()
    shop = service.as_("service", "source:shop")
    order = {"source_id": "1", "currency": "EUR", "total": "1", "occurred_at": "2026-03-01T09:30:00Z"}
    made = shop.done("/v1/orders", order)
    assert shop.post("/v1/orders", order | {"source": "shop"}).json()["id"] == made["id"]
    answer = shop.post("/v1/orders", order | {"source": "bank"})
    assert (answer.status_code, answer.json()["code"]) == (403, "source-forbidden")
    assert service.done("/v1/orders", order | {"source": "bank"})["id"] != made["id"]


def test_the_log_names_who_asked_by_key(start: Callable[..., Service]) -> None:
    service = start()
    lead = service.done("/v1/leads", {"form": "a"})
    [first, *_] = service.log.stream("main", f"lead-{lead['id']}")
    assert first.actor.startswith("key:")
    assert first.command_id is not None
    assert "test-" not in first.command_id


def test_a_key_that_asks_too_often_is_told_when_to_ask_again_and_others_are_not(
    start: Callable[..., Service],
) -> None:
    service = start(rate=0.5)
    codes = [service.get("/v1/leads").status_code for _ in range(3)]
    assert codes == [200, 429, 429]
    answer = service.get("/v1/leads")
    assert answer.json()["code"] == "too-many-requests"
    assert 1 <= int(answer.headers["retry-after"]) <= 3
    assert service.as_("analyst").get("/v1/leads").status_code == 200


def test_the_last_use_of_a_key_is_noted_to_the_minute_and_an_unused_one_has_none(
    start: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = start()
    used, unused = service.as_("analyst"), service.as_("analyst")
    before = datetime.now(UTC)
    assert used.get("/v1/leads").status_code == 200
    [(key_id, first)] = uses(service)
    assert first >= before
    assert used.get("/v1/leads").status_code == 200
    assert uses(service) == [(key_id, first)], "once a minute is enough"
    monkeypatch.setattr("api.http.auth._MINUTE", 0.0)
    assert used.get("/v1/leads").status_code == 200
    [(same, second)] = uses(service)
    assert (same, second > first, unused.secret != used.secret) == (key_id, True, True)


def uses(service: Service) -> list[tuple[str, datetime]]:
    with service.log.connection() as connection:
        return connection.execute("SELECT key_id, used_at FROM log.key_uses").fetchall()


def test_a_bucket_fills_at_its_rate_and_never_beyond_its_burst() -> None:
    bucket = Bucket(rate=2, burst=3, tokens=3, at=0)
    assert [bucket.take(0) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(0) == 0.5
    assert bucket.take(0.5) == 0
    assert [bucket.take(1000) for _ in range(4)] == [0, 0, 0, 0.5]


def test_a_key_of_one_tenant_sees_only_that_tenant(start: Callable[..., Service]) -> None:
    service = start()
    lead = service.done("/v1/leads", {"form": "a"})
    other = Service(service.client, service.log, make_key(service.log, "admin", tenant="other"))
    assert other.post(f"/v1/leads/{lead['id']}/qualified", {}).status_code == 404
    assert other.done("/v1/leads", {"form": "a"})["id"] != lead["id"]


def test_who_asks_no_more_is_forgotten_before_their_number_grows_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.http.rate._MOST_KEPT", 3)
    rates = Rates(rate=1e9, burst=2)
    for number in range(100):
        assert rates.take(number) == 0
    assert len(rates._buckets) <= 3  # noqa: SLF001 - what it keeps is what is tested
    slow = Rates(rate=1e-9, burst=1)
    assert [slow.take(who) > 0 for who in (0, 1, 2, 3, 0)] == [False, False, False, False, True]
