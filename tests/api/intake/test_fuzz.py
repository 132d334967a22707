"""Whatever is published is recorded, or rejected with a reason that names field and rule; nothing ends the intake."""

import json
import re
import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from psycopg.conninfo import make_conninfo
from pydantic import ValidationError

from api.intake.reports import REPORTS
from api.intake.taking import Taker
from commands.command import Answer
from streams.kafka.published import Place, Published
from streams.log import Log
from streams.schemas.published import published
from tests.api.intake.publishing import AT, headers
from tests.conftest import MASTER_KEY

KINDS = sorted(REPORTS)
TEXT = st.text(max_size=30)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.sampled_from([2**63, -(10**400), "\0", AT, "x" * 10_001, "1899-12-31T23:59:59Z"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["ce_id", "ce_type", "ce_source", "ce_time", "ce_tenant", "CE_ID", "content-type", "x"]
        )
        | TEXT,
        st.binary(max_size=40)
        | st.none()
        | st.sampled_from([b"order-placed.v1", b"application/json", b"application/cloudevents+json", b"1.0"]),
    ),
    max_size=8,
)


FITTING = ["EUR", "JPY", "XXQ", "12.50", "-3", "0", "999999999999999.999999", "shop"]
TIMES = {"date": ["2026-03-31", "2026-02-30"], "date-time": [AT, "2026-03-01T09:30:00.123456789+14:00"]}


def drawn(schema: dict[str, Any]) -> st.SearchStrategy[Any]:  # noqa: C901, PLR0911 - one for each kind of schema
    """Return values that mostly follow a schema."""
    if "anyOf" in schema:
        return st.one_of(*(drawn(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object" if "properties" in schema:
            fields = {name: drawn(one) for name, one in schema["properties"].items()}
            needed = {name: fields.pop(name) for name in schema.get("required", ())}
            return st.fixed_dictionaries(needed, optional=fields)
        case "object":
            return st.dictionaries(TEXT, drawn(schema["additionalProperties"]), max_size=3)
        case "array":
            return st.lists(drawn(schema["items"]), max_size=3)
        case "integer":
            return st.integers(0, 10**6) | st.integers()
        case "boolean":
            return st.booleans()
        case "string" if "pattern" in schema:
            return st.sampled_from([one for one in FITTING if re.search(schema["pattern"], one)])
        case "string" if "format" in schema:
            return st.sampled_from(TIMES[schema["format"]])
        case "string":
            return st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
        case _:
            return st.none()


def reports(kind: str) -> st.SearchStrategy[tuple[str, Any]]:
    """Return a type with data that nearly follows its schema, or with one part of it anything."""
    data = drawn(published("intake")[kind])
    spoiled = st.tuples(data, TEXT | st.sampled_from(sorted(published("intake")[kind]["properties"])), JSON)
    return st.tuples(st.just(kind), data | spoiled.map(lambda made: {**made[0], made[1]: made[2]}))


def record(value: bytes | None, told: list[tuple[str, Any]]) -> Published:
    return Published(Place("intake", 0, 0), None, value, told)


RECORDS = st.one_of(
    st.builds(record, st.binary(max_size=200) | st.none(), HEADERS),
    st.builds(record, JSON.map(lambda told: json.dumps(told).encode("utf-8", "surrogatepass")), HEADERS),
    st.sampled_from(KINDS)
    .flatmap(reports)
    .map(lambda made: record(json.dumps(made[1]).encode(), headers(made[0], secrets.token_hex(4)))),
)


@pytest.fixture(scope="module")
def taker(server: str, template: str) -> Iterator[Taker]:
    """Records what is drawn, on a database that all that is drawn shares."""
    name = f"fuzz_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    with Log(make_conninfo(server, dbname=name), MASTER_KEY) as log:
        yield Taker(log, ["main"])
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module"
)  # connection pools' threads do, meanwhile
@settings(max_examples=150)
@given(st.lists(RECORDS, max_size=5))
def test_whatever_is_published_is_recorded_or_rejected_with_field_and_rule(
    taker: Taker, records: list[Published]
) -> None:
    for outcome in taker.take(records):
        if isinstance(outcome, Answer):
            continue
        assert outcome.status < 500, outcome.code
        assert outcome.title
        for error in outcome.more.get("errors", ()):  # type: ignore[attr-defined]
            assert error["at"]
            assert error["rule"]
        if outcome.code == "malformed":
            assert outcome.more["errors"]
    for one in taker(records):
        assert one is None or json.loads(one.problem)["code"] == one.code


@pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module"
)  # connection pools' threads do, meanwhile
@settings(max_examples=150)
@given(st.sampled_from(KINDS).flatmap(reports))
def test_what_the_models_take_follows_the_published_schema(made: tuple[str, Any]) -> None:
    kind, data = made
    try:
        REPORTS[kind].data.model_validate({"occurred_at": AT} | data)
    except ValidationError:
        return
    if "source" not in data:
        Draft202012Validator(published("intake")[kind]).validate(data)
