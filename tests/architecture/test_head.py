"""HEAD of every address: what GET says, without its body; but not of what does something or never ends."""

from http.client import HTTPConnection

from httpx2 import Response

from api.pages.assets import prefix
from api.pages.install import ROUTERS as PAGE_ROUTERS
from api.pages.lists.catalogue import LISTS
from tests.api.http.serving import served
from tests.api.http.v1.conftest import projecting, service, start  # noqa: F401 - fixtures
from tests.api.http.v1.running import Service
from tests.architecture.test_pages import PAGES, Person, ids_of
from tests.architecture.test_routes import ROUTES

GET_ONLY = {"/live", "/sign-in/with/provider/back", *(f"/{name}.csv" for name in LISTS)}
OTHERS = ["/docs", "/openapi.json", "/asyncapi.json", "/health/live", "/metrics", f"{prefix()}/app.css"]


def test_head_of_every_address_is_get_without_its_body(service: Service) -> None:  # noqa: F811 - the fixture
    ids = ids_of(service) | {"token": "none"}
    person = Person(service, "admin")
    signed_in = {"Cookie": f"backstory-session={person.secret}"}
    keyed = {"Authorization": f"Bearer {service.secret}"}
    asked = [(route.path_format, keyed) for route in ROUTES if "GET" in route.methods]
    asked += [(route.path_format, signed_in) for route in PAGES if "GET" in route.methods]
    asked += [(path, {}) for path in OTHERS]

    def ask(method: str, path: str, headers: dict[str, str]) -> Response:
        service.client.cookies.clear()
        return service.client.request(method, path, headers=headers, follow_redirects=False)

    for path, headers in asked:
        if path in GET_ONLY:
            continue
        for sent in (headers, {}):
            get, head = (ask(method, path.format(**ids), sent) for method in ("GET", "HEAD"))
            assert head.status_code == get.status_code, path
            assert head.headers.keys() == get.headers.keys(), path
            assert head.headers.get("content-type") == get.headers.get("content-type"), path
            assert head.content == b"", path


def test_what_does_something_or_never_ends_refuses_head(service: Service) -> None:  # noqa: F811
    person = Person(service, "admin")
    found = {route.path for router in PAGE_ROUTERS for route in router.routes}  # type: ignore[attr-defined]
    assert found >= GET_ONLY
    head = service.log.head()
    for path in GET_ONLY:
        for method in ("HEAD", "PUT"):
            answer = person.ask(method, path, {})
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET"), (method, path)
    assert service.log.head() == head


def test_a_405_names_head_where_get_is_answered(service: Service) -> None:  # noqa: F811
    for path, allowed in (
        ("/v1/leads", "GET, HEAD, POST"),
        ("/v1/events", "POST"),
        ("/health/live", "GET, HEAD"),
        (f"{prefix()}/app.css", "GET, HEAD"),
    ):
        answer = service.ask("DELETE", path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed), path
    assert service.ask("HEAD", "/v1/events").status_code == 405


def test_a_connection_goes_on_after_head(service: Service) -> None:  # noqa: F811
    with served(service.client.app) as port:  # type: ignore[arg-type]
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(2):
            connection.request("HEAD", "/docs")
            head = connection.getresponse()
            assert (head.status, head.read()) == (200, b"")
            connection.request("GET", "/docs")
            get = connection.getresponse()
            assert str(len(get.read())) == head.headers["content-length"]
        connection.close()
