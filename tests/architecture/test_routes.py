"""Every route with every role, and as a foreign tenant: the policy's table is the only thing that lets pass."""

import re
from collections.abc import Iterator
from http import HTTPMethod
from typing import Any

import pytest
from fastapi.routing import APIRoute

from api.http.policy import ACTIONS, POLICY, ROLES, reading
from api.http.v1.entry import May
from api.http.v1.install import ROUTERS
from tests.api.http.v1.conftest import projecting, service, start  # noqa: F401 - fixtures
from tests.api.http.v1.running import Service

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
MADE_BY: dict[str, dict[str, Any]] = {
    "customer": {"source_id": "c-1", "name": "Ann"},
    "lead": {"source_id": "l-1", "form": "contact"},
    "deal": {"source_id": "d-1", "stage": "New", "title": "Lamps"},
    "order": {"source_id": "o-1", "currency": "EUR", "total": "1.00", "occurred_at": "2026-03-01T09:30:00Z"},
    "refund": {
        "source_id": "r-1",
        "currency": "EUR",
        "amount": "1.00",
        "occurred_at": "2026-03-01T09:30:00Z",
    },
    "invoice": {"source_id": "i-1", "currency": "EUR", "subtotal": "1.00", "tax": 0},
}


def action_of(route: APIRoute) -> str:
    [found] = [part.call.action for part in route.dependant.dependencies if isinstance(part.call, May)]
    return found


def methods() -> Iterator[tuple[str, APIRoute]]:
    for route in ROUTES:
        for method in sorted(route.methods):
            yield method, route


def test_every_route_has_the_one_way_in_and_an_action_that_the_policy_knows() -> None:
    assert len(ROUTES) > 40
    assert {action_of(route) for route in ROUTES} == ACTIONS - {"people:read", "people:write"}


def test_every_role_of_the_policy_is_one_that_the_issue_names() -> None:
    assert set(ROLES) == {"admin", "manager", "rep", "analyst", "engineer", "service", "client"}
    assert all(granted <= ACTIONS for granted in POLICY.values())


def made(service: Service) -> dict[str, str]:  # noqa: F811 - the fixture
    ids = {f"{kind}_id": service.done(f"/v1/{kind}s", body)["id"] for kind, body in MADE_BY.items()}
    service.done(
        f"/v1/deals/{ids['deal_id']}/follow-ups",
        {"follow_up_id": "f", "task": "Call", "due_on": "2026-03-31"},
    )
    ids["key_id"] = service.done("/v1/keys", {"name": "the shop"})["id"]
    return ids | {"follow_up_id": "f", "name": "sales"}


@pytest.mark.parametrize("role", ROLES)
def test_each_route_answers_each_role_as_the_policy_says(service: Service, role: str) -> None:  # noqa: F811
    ids = made(service)
    caller = service.as_(role)
    for method, route in methods():
        action = action_of(route)
        answer = caller.ask(method, route.path_format.format(**ids), {} if method != "GET" else None)
        if action in POLICY[role]:
            assert answer.status_code not in {401, 403}, (method, route.path, answer.text)
            assert answer.status_code != 404, (method, route.path, answer.text)
        else:
            expected = 403 if reading(action) in POLICY[role] else 404
            assert answer.status_code == expected, (method, route.path, answer.text)
            code = "forbidden" if expected == 403 else "not-found"
            assert answer.json()["code"] == code


@pytest.mark.parametrize("role", ROLES)
def test_another_tenants_records_do_not_exist_for_anyone(service: Service, role: str) -> None:  # noqa: F811
    ids = made(service)
    stranger = service.as_(role, tenant="other")
    head = service.log.head()
    for method, route in methods():
        if not re.search(r"_id\}", route.path):
            continue
        body = foreign(route, ids) if method != "GET" else None
        answer = stranger.ask(method, route.path_format.format(**ids), body)
        assert answer.status_code == 404, (method, route.path, answer.text)
        assert not [
            one for name, one in ids.items() if name.endswith("_id") and len(one) > 30 and one in answer.text
        ]
    assert service.log.head() == head


def test_another_tenants_lists_are_empty_and_its_ids_are_no_references(service: Service) -> None:  # noqa: F811
    ids = made(service)
    position = service.log.head()
    stranger = service.as_("admin", tenant="other")
    for method, route in methods():
        if method == "GET" and "{" not in route.path:
            answer = stranger.get(route.path, after=position)
            assert answer.status_code == 200
            own = 1 if route.path == "/v1/keys" else 0  # the stranger's own key
            assert len(answer.json().get("data", ())) == own, route.path
            assert not [ident for ident in ids.values() if len(ident) > 10 and ident in answer.text]
    for path, body in (
        ("/v1/deals", {"stage": "New", "title": "x", "customer_id": ids["customer_id"]}),
        ("/v1/deals", {"stage": "New", "title": "x", "lead_id": ids["lead_id"]}),
        ("/v1/invoices", {"currency": "EUR", "subtotal": 1, "tax": 0, "order_id": ids["order_id"]}),
        ("/v1/invoices", {"currency": "EUR", "subtotal": 1, "tax": 0, "deal_id": ids["deal_id"]}),
    ):
        answer = stranger.post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "reference-unknown"), path


def test_without_a_key_every_route_answers_401(service: Service) -> None:  # noqa: F811
    for method, route in methods():
        path = re.sub(r"\{\w+\}", "x", route.path_format)
        answer = service.client.request(method, path)
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"] == "Bearer"


def test_what_is_not_asked_by_a_method_of_the_document_is_refused_and_the_answer_names_those(
    service: Service,  # noqa: F811 - the fixture
) -> None:
    for path in {route.path_format for route in ROUTES}:
        known = {method for method, route in methods() if route.path_format == path}
        known |= {"HEAD"} if "GET" in known else set()
        for method in set(HTTPMethod) - known:
            answer = service.client.request(method, path)
            assert answer.status_code == 405, (method, path)
            assert set(answer.headers["allow"].split(", ")) == known, (method, path)


def foreign(route: APIRoute, ids: dict[str, str]) -> dict[str, Any]:
    """Return a body that would do for the route, were the record one of the caller's tenant."""
    model = route.body_field.field_info.annotation if route.body_field else None
    for option in (model, *getattr(model, "__args__", ())):
        extra = getattr(option, "model_config", {}).get("json_schema_extra") or {}
        if extra:
            return {
                name: ids["customer_id"] if value in ("{other}", "{customer}") else value
                for name, value in extra["examples"][0].items()
            }
    return {}
