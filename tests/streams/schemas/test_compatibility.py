"""A published event version never changes; what services publish by a published schema is always taken."""

import copy
from typing import Any

import pytest

from api import described
from api.intake.schemas import generated as intake
from streams.schemas.compatibility import breaks_publishers, breaks_readers
from streams.schemas.published import published
from streams.schemas.stored import generated

ORDER = published("events")["order-placed.v1"]
PLACED = published("intake")["order-placed.v1"]


def changed(schema: dict[str, Any], change: Any) -> dict[str, Any]:
    made = copy.deepcopy(schema)
    change(made["properties"], made["required"])
    return made


def renamed(fields: Any, required: Any) -> None:
    fields["sum"] = fields.pop("total")
    required[required.index("total")] = "sum"


EVENT_CHANGES = {
    "a removed field": (
        lambda fields, required: (fields.pop("tax"), required.remove("tax")),
        ["/tax: now no field", "/tax: until now required"],
    ),
    "a renamed field": (
        renamed,
        [
            "/sum: now required",
            "/total: now no field",
            "/total: until now required",
            "/sum: until now no field",
        ],
    ),
    "a narrowed type": (
        lambda fields, _: fields.update(customer_id={"type": "string"}),
        ["/customer_id: now of type string"],
    ),
    "a widened type": (
        lambda fields, _: fields.update(currency={"type": ["string", "null"]}),
        ["/currency: until now of type string"],
    ),
    "another type": (
        lambda fields, _: fields.update(total={"type": "number"}),
        ["/total: now of type number", "/total: until now of type string"],
    ),
    "a new required field": (
        lambda fields, required: (fields.update(channel={"type": "string"}), required.append("channel")),
        ["/channel: now required", "/channel: until now no field"],
    ),
    "a new field that may be missing": (
        lambda fields, _: fields.update(channel={"type": "string"}),
        ["/channel: until now no field"],
    ),
    "a field that may be missing now": (
        lambda _, required: required.remove("tax"),
        ["/tax: until now required"],
    ),
    "a changed field of a line": (
        lambda fields, _: fields["lines"]["items"]["properties"].pop("sku"),
        ["/lines/*/sku: now no field"],
    ),
    "another form of numbers": (
        lambda fields, _: fields["total"].update(pattern="^[0-9]+$"),
        [
            "/total: now of pattern ^[0-9]+$",
            "/total: until now of pattern " + ORDER["properties"]["total"]["pattern"],
        ],
    ),
}


@pytest.mark.parametrize("name", EVENT_CHANGES)
def test_a_changed_event_version_is_named_field_by_field(name: str) -> None:
    change, told = EVENT_CHANGES[name]
    assert breaks_readers(ORDER, changed(ORDER, change)) == told


def test_words_about_an_event_may_change() -> None:
    assert breaks_readers(ORDER, ORDER | {"description": "Other words.", "title": "x"}) == []


def test_what_a_sealed_field_holds_is_a_part_of_its_version() -> None:
    schema = published("events")["form-submitted.v1"]
    other = copy.deepcopy(schema)
    other["properties"]["$sealed"]["x-opens-as"]["properties"]["fields"] = {"type": "string"}
    assert breaks_readers(schema, other) != []
    unsealed = copy.deepcopy(schema)
    unsealed["properties"]["fields"] = {"type": "string"}
    assert breaks_readers(schema, unsealed) != []


INTAKE_CHANGES = {
    "a removed field": (lambda fields, _: fields.pop("tax"), ["/tax: now no field"]),
    "a new required field": (
        lambda fields, required: (fields.update(channel={"type": "string"}), required.append("channel")),
        ["/channel: now required"],
    ),
    "a field that must be there now": (
        lambda _, required: required.append("tax"),
        ["/tax: now required"],
    ),
    "a narrowed type": (
        lambda fields, _: fields.update(source_id={"type": "string", "minLength": 1, "maxLength": 200}),
        ["/source_id: now of type string"],
    ),
    "shorter texts": (
        lambda fields, _: fields["lines"]["items"]["properties"]["sku"].update(maxLength=20),
        ["/lines/*/sku: now of maxLength 20"],
    ),
    "fewer lines": (
        lambda fields, _: fields["lines"].update(maxItems=10),
        ["/lines: now of maxItems 10"],
    ),
    "a fixed choice": (
        lambda fields, _: fields.update(currency={"type": "string", "enum": ["EUR", "USD"]}),
        ["/currency: now one of EUR, USD"],
    ),
}


@pytest.mark.parametrize("name", INTAKE_CHANGES)
def test_what_services_may_no_longer_publish_is_named_field_by_field(name: str) -> None:
    change, told = INTAKE_CHANGES[name]
    assert breaks_publishers(PLACED, changed(PLACED, change)) == told


@pytest.mark.parametrize(
    "change",
    [
        lambda fields, _: fields.update(channel={"type": "string"}),
        lambda _, required: required.remove("total"),
        lambda fields, _: fields["lines"].update(maxItems=5000),
        lambda fields, _: fields.update(currency={"type": ["string", "null"]}),
        lambda fields, _: fields["lines"]["items"]["properties"]["sku"].pop("maxLength"),
    ],
)
def test_services_may_be_allowed_more(change: Any) -> None:
    assert breaks_publishers(PLACED, changed(PLACED, change)) == []


def test_nothing_published_is_broken_by_the_code() -> None:
    assert list(described.broken()) == []


def test_a_broken_version_is_found_in_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"order-placed.v1": changed(ORDER, renamed)}
    monkeypatch.setattr(described.stored, "generated", lambda: {**generated(), **changes})
    monkeypatch.setattr(
        described.intake,
        "generated",
        lambda: {name: one for name, one in intake().items() if name != "order-placed.v1"},
    )
    told = list(described.broken())
    assert "events/order-placed.v1 /total: now no field" in told
    assert "intake/order-placed.v1 is gone" in told
    assert described.main() == 1
