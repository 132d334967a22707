"""The document's own examples, sent to a real service: each gets an answer that the document describes."""

import re
from itertools import count
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from api.http.v1 import rows, shapes
from tests.api.http.v1.running import Service

JSON = "application/json"
_numbers = count(1)


def document(service: Service) -> dict[str, Any]:
    answer = service.client.get("/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def test_the_document_is_openapi_3_1_and_each_operation_says_what_it_does_and_who_may(
    service: Service,
) -> None:
    found = document(service)
    assert found["openapi"].startswith("3.1.")
    for path, method, operation in operations(found):
        assert operation["description"], (method, path)
        assert operation["security"] == [{"key": []}], (method, path)
        assert {"400", "401", "404", "429", "503"} <= set(operation["responses"]), (method, path)


def test_every_reference_in_the_document_leads_somewhere(service: Service) -> None:
    found = document(service)
    for name in re.findall(r'"#/components/schemas/([^"]+)"', service.client.get("/openapi.json").text):
        assert name in found["components"]["schemas"]


def operations(found: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in found["paths"].items()
        if path.startswith("/v1/")
        for method, operation in methods.items()
    ]


def resolved(found: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    for option in schema.get("anyOf", ()):
        if "$ref" in option:
            schema = option
    name = schema.get("$ref", "").rpartition("/")[2]
    return dict(found["components"]["schemas"][name]) if name else schema


class World:
    """The records that the examples are about, made by the examples of the operations that make them."""

    def __init__(self, service: Service, found: dict[str, Any]) -> None:
        self.service, self.found = service, found

    def make(self, path: str) -> str:
        [body] = self.bodies(self.found["paths"][path]["post"])
        number = next(_numbers)
        unlike = {"source_id": f"x-{number}", "email": f"{number}@example.org"}
        unlike = {name: value for name, value in unlike.items() if name in body}
        answer = self.service.post(path, body | unlike)
        assert answer.status_code in {200, 201}, answer.text
        return str(answer.json()["id"])

    def address(self, path: str) -> str:
        ids: dict[str, str] = {}
        for name in re.findall(r"\{(\w+)\}", path):
            kind = name.removesuffix("_id")
            if f"/v1/{kind}s" in self.found["paths"]:
                ids[name] = self.make(f"/v1/{kind}s")
        if "follow_up_id" in path:
            ids["follow_up_id"] = self.prepare("/v1/deals/{deal_id}/follow-ups", ids)
        ids |= {"name": "sales"} if "{name}" in path else {}
        return path.format(**ids)

    def prepare(self, path: str, ids: dict[str, str]) -> str:
        [body] = self.bodies(self.found["paths"][path]["post"])
        assert self.service.post(path.format(**ids), body).status_code == 201
        return str(body["follow_up_id"])

    def bodies(self, operation: dict[str, Any]) -> list[dict[str, Any]]:
        told = operation.get("requestBody")
        if told is None:
            return [{}]
        return list(resolved(self.found, told["content"][JSON]["schema"])["examples"])

    def filled(self, body: dict[str, Any]) -> dict[str, Any]:
        return {
            name: self.make("/v1/customers") if value in ("{other}", "{customer}") else value
            for name, value in body.items()
        }


BEFORE = {
    "/v1/deals/{deal_id}/reopened": ("/lost", {"reason": "price"}),
    "/v1/deals/{deal_id}/stage/undone": ("", {"stage": "Qualified"}),
    "/v1/customers/{customer_id}/unmerge": ("/merge", {"into": "{other}", "reason": "the same"}),
}
"""What must have happened before an example makes sense."""


def test_every_example_of_a_write_is_answered_as_documented_and_is_harmless_when_repeated(
    service: Service,
) -> None:
    found = document(service)
    world = World(service, found)
    for path, method, operation in operations(found):
        if method == "get" or path in NEEDS_MORE:
            continue
        address = world.address(path)
        if path in BEFORE:
            step, body = BEFORE[path]
            answer = service.post(f"{address.rpartition('/')[0]}{step}", world.filled(body))
            assert answer.status_code == 201, answer.text
        for number, example in enumerate(world.bodies(operation)):
            body = world.filled(example)
            key = {"Idempotency-Key": f"example-{path}-{number}"}
            first = service.ask(method.upper(), address, body, **key)
            assert first.status_code == 201, (method, path, first.text)
            checked(operation, "201", first.json())
            again = service.ask(method.upper(), address, body, **key)
            assert again.status_code == 200, (method, path, again.text)
            assert again.json()["id"] == first.json()["id"]


NEEDS_MORE = {"/v1/events", "/v1/customers/{customer_id}/conflicts"}
"""Operations with tests of their own: their examples need a story or another media type."""


def checked(operation: dict[str, Any], status: str, answer: Any) -> None:
    name = operation["responses"][status]["content"][JSON]["schema"]["$ref"].rpartition("/")[2]
    model: type[BaseModel] = getattr(rows, name, None) or getattr(shapes, name)
    model.model_validate(answer)
    missing = {one for one, told in model.model_fields.items() if told.is_required()} - set(answer)
    assert not missing


def test_every_read_answers_as_documented_with_and_without_each_of_its_filters(service: Service) -> None:
    found = document(service)
    world = World(service, found)
    for path, method, operation in operations(found):
        if method != "get":
            continue
        address = world.address(path)
        position = service.log.head()
        asked: list[dict[str, Any]] = [{"after": position}]
        asked += [
            {parameter["name"]: example}
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
            for example in parameter["schema"].get("examples", parameter.get("examples", ()))
        ]
        for query in asked:
            params = query if path != "/v1/pipelines/{name}" else {}
            answer = service.get(address, **params)
            assert answer.status_code == 200, (path, query, answer.text)
            checked(operation, "200", answer.json())


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_the_documentation_names_no_other_host(service: Service, path: str) -> None:
    assert isinstance(service.client.app, FastAPI)
    found = service.client.get(path)
    assert found.status_code == 200
    assert not re.findall(r"(?:src|href)=.https?://", found.text)
