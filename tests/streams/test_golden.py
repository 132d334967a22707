"""Stored events never change: one sample of every stored name, kept for ever, still reads as what it was."""

import json
from typing import Any

import msgspec
import pytest

from domain.event import registered, stored_as
from streams.log import Log
from streams.upcasts import UPCASTS
from tests.golden.make import FOLDER, SUBJECT, TENANT, give_key

SAMPLES = sorted(FOLDER.glob("*.json"))
CHANGED = (
    "{name} is no longer stored as it was ({fields}). Events that are recorded never change: give the class the "
    "next version's name, add an upcast from {name} to streams/upcasts.py and run `python -m tests.golden.make`. "
    "Only where {name} was never released: delete its sample, and make it anew."
)


@pytest.fixture
def keyed(log: Log) -> Log:
    give_key(log)
    return log


def test_every_stored_name_has_a_golden_sample() -> None:
    missing = [name for name in registered() if not (FOLDER / f"{name}.json").exists()]
    assert not missing, f"run `python -m tests.golden.make` for {missing}"


def test_every_golden_sample_can_be_read_by_name_or_upcast() -> None:
    known = registered().keys() | UPCASTS.keys()
    assert {path.stem for path in SAMPLES} <= known


def test_every_golden_sample_reads_as_what_it_always_was(keyed: Log) -> None:
    for path in SAMPLES:
        golden = json.loads(path.read_text(encoding="utf-8"))
        event = keyed.codec.decode(TENANT, path.stem, json.dumps(golden["stored"]))
        assert json.loads(msgspec.json.encode(event)) == golden["read_as"], path.stem


def test_an_event_class_that_changed_must_become_a_new_version(keyed: Log) -> None:
    for path in SAMPLES:
        cls = registered().get(path.stem)
        if cls is None:
            continue  # an older version, read through its upcast
        stored = json.loads(path.read_text(encoding="utf-8"))["stored"]
        again = json.loads(
            keyed.codec.encode(TENANT, SUBJECT, keyed.codec.decode(TENANT, path.stem, json.dumps(stored)))[1]
        )
        fields = differing(again, stored)
        assert not fields, CHANGED.format(name=path.stem, fields=fields)
        sealed = {name for name in stored_as(cls).sealed if stored[name] is not None}
        assert not sealed, f"{path.stem} once stored {sealed} in plain text"


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    absent = object()
    names = (one.keys() | other.keys()) - {"$sealed"}  # a nonce makes it new each time
    return sorted(name for name in names if one.get(name, absent) != other.get(name, absent))
