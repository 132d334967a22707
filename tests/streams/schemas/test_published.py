"""What describes the stream is current, and true of every event and of every report."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from api import described
from api.http.errors import Problem
from api.intake.reports import REPORTS
from api.intake.schemas import check
from domain.event import registered, stored_as
from streams.log import Log
from streams.schemas.published import FOLDER, published
from tests.golden.make import FOLDER as GOLDEN
from tests.streams.strategies import events

EVENTS = published("events")


def test_what_make_docs_writes_is_in_the_repository() -> None:
    written = described.files()
    kept = set(FOLDER.rglob("*.json"))
    assert kept == set(written)
    stale = [path.name for path, schema in written.items() if path.read_bytes() != described.text(schema)]
    assert stale == [], "run `make docs`"


@pytest.mark.parametrize("kind", ["events", "intake"])
def test_every_schema_is_one(kind: str) -> None:
    for schema in published(kind).values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_every_golden_sample_follows_the_schema_of_its_version(path: Path) -> None:
    stored = json.loads(path.read_text(encoding="utf-8"))["stored"]
    Draft202012Validator(EVENTS[path.stem]).validate(stored)
    for broken in (stored | {"else": 1}, {name: stored[name] for name in list(stored)[1:]}):
        assert not Draft202012Validator(EVENTS[path.stem]).is_valid(broken)


@pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module"
)  # connection pools' threads do, meanwhile
@settings(max_examples=200)
@given(st.data())
def test_whatever_an_event_holds_its_stored_form_follows_its_schema(log: Log, data: st.DataObject) -> None:
    cls = data.draw(st.sampled_from(sorted(registered().values(), key=lambda one: one.__name__)))
    name, stored = log.codec.encode("main", "customer-1", data.draw(events(cls)))
    Draft202012Validator(EVENTS[name]).validate(msgspec.json.decode(stored))


def test_no_schema_shows_a_personal_field_in_plain_text() -> None:
    for name, cls in registered().items():
        fields = EVENTS[name]["properties"]
        assert {fields[sealed]["type"] for sealed in stored_as(cls).sealed} <= {"null"}
        assert ("$sealed" in fields) == bool(stored_as(cls).sealed)


@pytest.mark.parametrize("kind", REPORTS)
def test_the_example_of_every_report_follows_its_schema_and_is_taken(kind: str) -> None:
    [example] = published("intake")[kind]["examples"]
    check(kind, example)
    at = {"occurred_at": "2026-03-01T09:30:00Z"}
    REPORTS[kind].data.model_validate(at | example)
    with pytest.raises(Problem) as refused:
        check(kind, example | {"else": "secret"})
    assert "secret" not in str(refused.value.document())
