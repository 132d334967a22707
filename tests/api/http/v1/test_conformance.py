"""schemathesis over every operation of the document: each answer is one that the document describes."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import requests
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from api.http.app import create_app
from api.http.v1.install import ROUTERS
from projections.schema import prepare
from streams.log import Log
from tests.api.http.serving import served
from tests.api.http.v1.running import Service, make_key
from tests.api.http.v1.test_examples import World, document
from tests.conftest import MASTER_KEY

EXAMPLES = 10  # of each operation
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = [
    (method, route.path_format)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods)
]


@dataclass
class Api:
    """A service with some records, its document, and the ids that exist, by path. Nobody projects: reads may wait."""

    address: str
    secret: str
    schema: Any
    known: dict[str, dict[str, str]]
    session: requests.Session


@pytest.fixture(scope="module")
def api(server: str, template: str) -> Iterator[Api]:
    name = f"conform_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    conninfo = make_conninfo(server, dbname=name)
    prepare(conninfo)
    with Log(conninfo, MASTER_KEY) as log:
        app = create_app(conninfo, log, rate=1e6, patience=0.01)
        with TestClient(app) as client:
            service = Service(client, log, make_key(log, "admin"))
            told = document(service)
            world = World(service, told)
            known = {
                path: _ids(path, world.address(path)) for path in told["paths"] if path.startswith("/v1/")
            }
        with (
            served(create_app(conninfo, log, rate=1e6, patience=0.01)) as port,
            requests.Session() as session,
        ):
            schema = schemathesis.openapi.from_dict(told)
            yield Api(f"http://127.0.0.1:{port}", service.secret, schema, known, session)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _ids(path: str, address: str) -> dict[str, str]:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    found = re.fullmatch(pattern, address)
    assert found is not None
    return found.groupdict()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_one_of_the_document_and_none_is_the_services_fault(
    api: Api, method: str, path: str
) -> None:
    operation = api.schema[path][method]
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, known=st.booleans())
    def conforms(case: Any, known: bool) -> None:  # noqa: FBT001 - drawn
        if known:
            case.path_parameters = dict(api.known[path])
        answer = case.call(
            base_url=api.address, session=api.session, headers={"Authorization": f"Bearer {api.secret}"}
        )
        waiting = answer.status_code == 503 and answer.json()["code"] == "not-yet-projected"
        case.validate_response(answer, checks=CHECKS[1:] if waiting else CHECKS)

    conforms()


def test_the_document_says_that_health_and_figures_may_be_unavailable(api: Api) -> None:
    for path in ("/health/ready", "/metrics"):
        assert "503" in api.schema.raw_schema["paths"][path]["get"]["responses"]


def test_the_document_names_every_operation(api: Api) -> None:
    told = {
        (method.upper(), path)
        for path, methods in api.schema.raw_schema["paths"].items()
        for method in methods
    }
    assert {one for one in told if one[1].startswith("/v1/")} == set(OPERATIONS)
