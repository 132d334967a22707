"""Whatever is sent to any operation, the answer is one that the document describes, and never a 5xx."""

from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.http.v1.events import ORDER
from api.intake.reports import REPORTS
from tests.api.http.v1.running import Service
from tests.api.http.v1.test_examples import World, document, operations

ODD: list[Any] = [
    None, True, 0, -1, 2**63, 2**200, -(2**63), 1.5, 1e300, "", " ", "\0", "\ud7ff\uffff", "a" * 201, "a" * 20_000, [],
    {}, [None], {"": ""}, {"a": {}}, "9999-12-31T23:59:59Z", "2199-12-31T23:59:59-23:59", "1900-01-01T00:00:00+23:59",
    "2026-03-01", "0000-00-00", "-0", "1e5", "0.000001", "999999999999999.999999", "EUR", "eur", "%s", "{}", "\\", "'",
    "\u202e\u0301", "\x1b[0m", "sales", "New", "Won", "open", "projected", "00000000-0000-0000-0000-000000000000",
]  # fmt: skip
"""Values that have broken programs."""

_numbers = count(1)
JSON_TYPE = "application/json"
TIMES = [
    "2026-03-01T09:30:00Z",
    "1900-01-01T00:00:00Z",
    "2199-12-31T23:59:59.9Z",
    "2026-03-01T09:30:00+14:00",
]
JSON = st.recursive(
    st.sampled_from(ODD)
    | st.text(max_size=30)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


class Fuzzed:
    """The operations, each with the properties that its body may have."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.found = document(service)
        self.world = World(service, self.found)
        self.addresses = {path: self.world.address(path) for path, _, _ in operations(self.found)}
        self.operations = operations(self.found)

    def body(self, operation: dict[str, Any], data: st.DataObject) -> Any:
        told = operation.get("requestBody")
        if told is None:
            return None
        if data.draw(st.integers(0, 9)) == 0:
            return data.draw(JSON)
        if JSON_TYPE in told["content"] and len(told["content"]) > 1:
            kind = data.draw(st.sampled_from(sorted(REPORTS)))
            drawn = self.drawn(REPORTS[kind].data.model_json_schema(), data)
            return self.mutated(ORDER | {"id": f"fuzz-{next(_numbers)}", "type": kind, "data": drawn}, data)
        schema = next(iter(told["content"].values()))["schema"]
        if data.draw(st.booleans()) and self.world.bodies(operation) != [{}]:
            return self.mutated(self.world.bodies(operation)[0], data)
        return self.drawn(schema, data)

    def mutated(self, body: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
        changed = dict(body)
        for name in data.draw(st.lists(st.sampled_from(sorted(body) or ["x"]), max_size=2)):
            changed[name] = data.draw(JSON)
        return changed

    def drawn(  # noqa: PLR0911 - one arm a kind
        self, schema: dict[str, Any], data: st.DataObject, within: dict[str, Any] | None = None
    ) -> Any:
        within = within or schema.get("$defs") or self.found["components"]["schemas"]
        options = schema.get("anyOf")
        if options:
            return self.drawn(data.draw(st.sampled_from(options)), data, within)
        if "$ref" in schema:
            return self.drawn(within[schema["$ref"].rpartition("/")[2]], data, within)
        if "enum" in schema or "const" in schema:
            return data.draw(st.sampled_from(schema.get("enum") or [schema["const"]]))
        kind = schema.get("type")
        if kind == "object" and "properties" in schema:
            required = set(schema.get("required", ()))
            return {
                name: self.drawn(inner, data, within)
                for name, inner in schema["properties"].items()
                if name in required or data.draw(st.booleans())
            }
        if kind == "array":
            return [self.drawn(schema["items"], data, within) for _ in range(data.draw(st.integers(0, 2)))]
        if schema.get("format") == "date-time":
            return data.draw(
                st.sampled_from(["2026-03-01T09:30:00Z", "1900-01-01T00:00:00Z", "2199-12-31T23:59:59.9Z"])
            )
        if kind == "string" and "[0-9]{1,15}" in schema.get("pattern", ""):
            return data.draw(
                st.from_regex(schema["pattern"].replace("$", r"\Z"), alphabet=st.characters(codec="ascii"))
            )
        if kind == "string" and "A-Z" in schema.get("pattern", ""):
            return data.draw(st.sampled_from(["EUR", "USD", "JPY"]))
        by_kind = {
            "string": st.text(min_size=1, max_size=20),
            "integer": st.integers(0, 100),
            "boolean": st.booleans(),
        }
        return data.draw(by_kind.get(str(kind), JSON))

    def query(self, operation: dict[str, Any], data: st.DataObject) -> dict[str, str]:
        names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        chosen = data.draw(st.lists(st.sampled_from(names), max_size=3)) if names else []
        values = st.text(max_size=20) | st.sampled_from(
            [str(value) for value in ODD if value != "a" * 20_000]
        )
        return {name: data.draw(values) for name in chosen if name not in {"after", "as_of"}}


@pytest.fixture(scope="module")
def fuzzed(shared: Service) -> Fuzzed:
    return Fuzzed(shared)


@settings(max_examples=400, database=None)
@given(data=st.data())
def test_every_answer_is_documented_and_none_is_the_services_fault(
    fuzzed: Fuzzed, data: st.DataObject
) -> None:
    path, method, operation = data.draw(st.sampled_from(fuzzed.operations))
    body = fuzzed.body(operation, data)
    content = None if body is None else encoded(body)
    headers = {
        "Authorization": f"Bearer {fuzzed.service.secret}",
        "Idempotency-Key": f"fuzz-{next(_numbers)}",
    }
    if path == "/v1/events":
        headers["Content-Type"] = "application/cloudevents+json"
    elif content is not None:
        headers["Content-Type"] = "application/json"
    if data.draw(st.booleans()):
        headers["If-Match"] = data.draw(st.sampled_from(['"0"', '"1"', '"999999999"', "*", "x"]))
    answer = fuzzed.service.client.request(
        method.upper(),
        fuzzed.addresses[path],
        params=fuzzed.query(operation, data),
        content=content,
        headers=headers,
    )
    assert answer.status_code < 500, (method, path, body, answer.text)
    assert str(answer.status_code) in operation["responses"], (method, path, body, answer.text)


def encoded(body: Any) -> bytes:
    import json  # noqa: PLC0415

    return json.dumps(body).encode()
