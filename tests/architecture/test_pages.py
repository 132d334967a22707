"""Every page with every role, for nobody and as a foreign tenant: what lets pass is the policy's table alone."""

import re
from collections.abc import Iterator
from http import HTTPMethod

import pytest
from fastapi.routing import APIRoute
from httpx2 import Response

from api.http.policy import ADMINISTERS, POLICY, ROLES, reading
from api.pages.forgery import HEADER, SAFE, token_of
from api.pages.headers import PAGE_HEADERS
from api.pages.install import ROUTERS
from api.pages.lists.catalogue import LISTS
from api.pages.visit import Visiting, passing
from commands.command import Context, InvitePerson
from commands.handle import handle
from tests.api.http.v1.conftest import projecting, service, start  # noqa: F401 - fixtures
from tests.api.http.v1.running import Service
from tests.architecture.test_routes import made
from tests.examples import at

PAGES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
OPEN = {
    "/sign-in",
    "/sign-in/{token}",
    "/sign-out",
    "/sign-in/with/provider",
    "/sign-in/with/provider/back",
}
"""Pages for everyone. Nothing of a tenant is on them."""
OWN = {f"/{name}/filters/{{filter_id}}/removed" for name in (*LISTS, "board")}
"""Pages about what is someone's own: they do not exist for others whatever their role; test_lists.py has the rule."""

STREAMS = {"/live"}
"""Answers that never end: they have tests of their own."""

FORM = {"field": "email", "accept": "owner", "reason": "a test"}
"""Enough of every form to be decided on."""


def action_of(route: APIRoute) -> str | None:
    """Return the action that lets one pass, None for an open page; fails for a page without the one way in."""
    ways = [part.call for part in route.dependant.dependencies]
    [found] = [way for way in ways if isinstance(way, Visiting) or way is passing]
    return found.action if isinstance(found, Visiting) else None


def guarded() -> Iterator[tuple[str, APIRoute, str]]:
    for route in PAGES:
        action = action_of(route)
        if action is not None and route.path not in STREAMS:
            for method in sorted(route.methods):
                yield method, route, action


class Person:
    """Someone who is signed in."""

    def __init__(self, service: Service, role: str, tenant: str = "main") -> None:  # noqa: F811 - the fixture
        self.service = service
        asked = InvitePerson(email=f"{role}@{tenant}.org", role=role)
        self.id = handle(service.log, asked, Context(tenant=tenant, actor="test", source="x", now=at())).id
        self.secret = service.client.app.state.sessions.begin(tenant, self.id)  # type: ignore[attr-defined]

    def ask(
        self,
        method: str,
        path: str,
        form: dict[str, str] | None = None,
        *,
        token: bool = True,
        query: dict[str, str] | None = None,
    ) -> Response:
        headers = {"Cookie": f"backstory-session={self.secret}"}
        if token:
            headers[HEADER] = token_of(self.secret)
        data = None if method in SAFE else form
        return self.service.client.request(
            method, path, params=query, headers=headers, data=data, follow_redirects=False
        )


def ids_of(service: Service) -> dict[str, str]:  # noqa: F811 - the fixture
    asked = InvitePerson(email="someone@example.org", role="rep")
    context = Context(tenant="main", actor="test", source="x", now=at())
    [key] = service.log.stream("main", "tenant-keys")
    records = made(service)
    [first, *_] = service.log.stream("main", f"customer-{records['customer_id']}")
    return records | {
        "name": "email",
        "position": str(first.position),
        "person_id": handle(service.log, asked, context).id,
        "filter_id": "nobodys",
        "key_id": key.event.key_id,  # type: ignore[attr-defined]
    }


def test_every_page_has_the_one_way_in_and_the_open_ones_are_known() -> None:
    assert {route.path for route in PAGES if action_of(route) is None} == OPEN
    assert {action for _, _, action in guarded()} >= ADMINISTERS


@pytest.mark.parametrize("role", ROLES)
def test_each_page_answers_each_role_as_the_policy_says(service: Service, role: str) -> None:  # noqa: F811
    ids = ids_of(service)
    other = service.done("/v1/customers", {"source_id": "c-2", "name": "Anna"})
    assert service.client.app.state.service.passed(other["position"])  # type: ignore[attr-defined]
    other = other["id"]
    person = Person(service, role)
    for method, route, action in guarded():
        answer = person.ask(method, route.path_format.format(**ids), FORM | {"other": other, "merged": other})
        told = (method, route.path, answer.text)
        assert answer.status_code < 500, told
        assert {name: answer.headers.get(name) for name in PAGE_HEADERS} == PAGE_HEADERS, told
        if action in POLICY[role]:
            assert answer.status_code not in ({401, 403} if route.path in OWN else {401, 403, 404}), told
            assert "/sign-in" not in answer.headers.get("location", ""), told
        else:
            assert answer.status_code == (403 if reading(action) in POLICY[role] else 404), told


def test_another_tenants_records_have_no_page(service: Service) -> None:  # noqa: F811
    ids = ids_of(service)
    stranger = Person(service, "admin", tenant="other")
    head = service.log.head()
    for method, route, _ in guarded():
        if "{" not in route.path:
            continue
        answer = stranger.ask(method, route.path_format.format(**ids), FORM | {"other": ids["customer_id"]})
        if answer.status_code == 303 and method in SAFE:
            continue  # leads to the page itself, which is asked too
        assert answer.status_code in {400, 404, 422}, (method, route.path, answer.text)
        assert not [one for one in ids.values() if len(one) > 30 and one in answer.text]
    assert service.log.head() == head


def test_nobody_gets_in_without_a_session(service: Service) -> None:  # noqa: F811
    for method, route, _ in guarded():
        path = re.sub(r"\{\w+(:\w+)?\}", "x", route.path_format)
        answer = service.client.request(method, path, follow_redirects=False)
        assert answer.status_code == 303, (method, path)
        assert answer.headers["location"].startswith("/sign-in")


def test_pages_are_asked_by_get_head_and_post_alone(service: Service) -> None:  # noqa: F811
    person = Person(service, "admin")
    for path in {route.path_format for route in PAGES}:
        for method in set(HTTPMethod) - {"GET", "HEAD", "POST"}:
            answer = person.ask(method, re.sub(r"\{\w+\}", "x", path))
            assert (answer.status_code, "allow" in answer.headers) == (405, True), (method, path)


def test_no_other_site_acts_in_a_visitors_name(service: Service) -> None:  # noqa: F811
    ids = ids_of(service)
    person = Person(service, "admin")
    head = service.log.head()
    unsafe = [(method, route) for route in PAGES for method in sorted(route.methods) if method not in SAFE]
    assert len(unsafe) > 5
    for method, route in unsafe:
        path = route.path_format.format(**(ids | {"token": "x"}))
        assert person.ask(method, path, token=False).status_code == 403, path
        for foreign in (
            {"Sec-Fetch-Site": "cross-site"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "https://["},
        ):
            cookie = {"Cookie": f"backstory-session={person.secret}", HEADER: token_of(person.secret)}
            answer = service.client.request(method, path, headers=cookie | foreign, follow_redirects=False)
            assert answer.status_code == 403, (path, foreign)
    assert service.log.head() == head
    assert service.client.app.state.sessions.find(person.secret) is not None  # type: ignore[attr-defined]
