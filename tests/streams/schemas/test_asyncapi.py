"""The AsyncAPI document is one by the AsyncAPI project's own reading, and says what records say."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from streams.kafka.record import Envelope, headers_of
from streams.kafka.topics import Topics
from streams.schemas.asyncapi import EVENT_HEADERS, OPTIONAL_HEADERS
from streams.schemas.published import FOLDER, published

DOCUMENT: dict[str, Any] = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
PARSER = Path(__file__).parents[2] / "asyncapi"
PATHS = f"{os.environ['PATH']}:{Path(sys.executable).parent}"


@pytest.fixture(scope="session")
def parse() -> Callable[[dict[str, Any]], str]:
    """The AsyncAPI project's own parser: what it finds wrong with a document."""
    if not (PARSER / "node_modules" / ".package-lock.json").exists():
        asked = ["npm", "ci", "--ignore-scripts", "--silent"]
        subprocess.run(asked, cwd=PARSER, env={**os.environ, "PATH": PATHS}, check=True)

    def parsed(document: dict[str, Any]) -> str:
        asked = ["node", "check.mjs"]
        told = subprocess.run(
            asked,
            cwd=PARSER,
            env={**os.environ, "PATH": PATHS},
            input=json.dumps(document),
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode in {0, 1}
        assert told.stderr == ""
        assert bool(told.stdout) == bool(told.returncode)
        return told.stdout

    return parsed


def test_the_asyncapi_projects_own_parser_finds_nothing_wrong(parse: Callable[[dict[str, Any]], str]) -> None:
    assert parse(DOCUMENT) == ""


def test_the_parser_finds_what_is_wrong(parse: Callable[[dict[str, Any]], str]) -> None:
    channels = {**DOCUMENT["channels"], "events": {"address": 1}}
    told = parse({**DOCUMENT, "channels": channels, "operations": {}})
    assert "channels/events/address" in told


def test_every_topic_and_every_published_version_is_in_the_document() -> None:
    topics = Topics()
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    assert addresses == {topics.events, topics.intake, topics.rejected, topics.keys}
    schemas = DOCUMENT["components"]["schemas"]
    for prefix, kind in (("event", "events"), ("report", "intake")):
        for name, schema in published(kind).items():
            embedded = {key: one for key, one in schema.items() if key not in {"$schema", "$id"}}
            assert schemas[f"{prefix}.{name}"] == embedded


def test_the_document_knows_every_header_of_a_record_and_no_other() -> None:
    envelope = Envelope(
        position=1, tenant="main", stream="order-1", version=1, type="order-placed.v1", event_id="e",
        partition=0, occurred_at="2026-03-01T09:30:00.000000Z", recorded_at="2026-03-01T09:30:00.000000Z",
        actor="ann", source="shop", data="{}", sequence=1, customer_id="c", command_id="d",
        correlation_id="e", causation_id="f", answered="[]", effects="[]",
    )  # fmt: skip
    headers = {name: value.decode() for name, value in headers_of(envelope)}
    assert headers.keys() == EVENT_HEADERS.keys() | OPTIONAL_HEADERS.keys()
    Draft202012Validator(DOCUMENT["components"]["schemas"]["event-headers"]).validate(headers)
