"""A record is the event, to the letter, and a CloudEvent that anyone can read."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import UnreadableRecord
from streams.kafka.ends import end_of
from streams.kafka.record import Envelope, headers_of, key_of, read_record, timestamp
from streams.routing import partition_of
from tests.streams.strategies import TEXT

MOMENT = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)).map(timestamp)  # noqa: DTZ001
NUMBER = st.integers(1, 2**62)
JSON = st.dictionaries(TEXT, TEXT, max_size=3).map(lambda found: msgspec.json.encode(found).decode())
ENVELOPES = st.builds(
    Envelope,
    position=NUMBER,
    tenant=TEXT,
    stream=TEXT,
    version=NUMBER,
    type=TEXT,
    event_id=st.uuids(version=4).map(str),
    partition=st.integers(0, 11),
    occurred_at=MOMENT,
    recorded_at=MOMENT,
    actor=TEXT,
    source=TEXT,
    data=JSON,
    sequence=NUMBER,
    **{
        name: st.none() | values
        for name, values in {
            "customer_id": TEXT,
            "command_id": TEXT,
            "correlation_id": TEXT,
            "causation_id": TEXT,
            "answered": JSON,
            "effects": JSON,
        }.items()
    },
)
PLACED = Envelope(
    position=7,
    tenant="main",
    stream="order-1",
    version=2,
    type="order-placed.v1",
    event_id="9b2e3b44-5c0e-4d0e-a0e0-0b5c2f6a1d11",
    partition=3,
    occurred_at="2026-03-01T09:30:00.000000Z",
    recorded_at="2026-03-01T09:30:01.000000Z",
    actor="ann",
    source="shop",
    data="{}",
    sequence=4,
)


@given(ENVELOPES)
def test_an_event_comes_back_from_its_record_to_the_letter(event: Envelope) -> None:
    assert read_record(event.partition, event.data.encode(), headers_of(event)) == event
    assert end_of(headers_of(event)) == (event.sequence, event.position, event.event_id)


@given(ENVELOPES)
def test_what_has_the_same_key_is_in_the_same_partition(event: Envelope) -> None:
    key = key_of(event, 12).decode()
    assert key.startswith(f"{event.tenant}/")
    subject = key.removeprefix(f"{event.tenant}/")
    assert subject == event.stream or partition_of(event.tenant, subject, 12) == event.partition


def test_a_record_has_the_attributes_that_cloudevents_requires_of_kafka() -> None:
    headers = dict(headers_of(PLACED))
    assert headers["content-type"] == b"application/json"
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_id"] == PLACED.event_id.encode()
    assert headers["ce_source"] == b"/main/shop"
    assert headers["ce_type"] == b"order-placed.v1"
    assert headers["ce_time"] == b"2026-03-01T09:30:00.000000Z"
    assert headers["ce_subject"] == b"order-1"
    assert all(name.removeprefix("ce_").isalnum() for name in headers if name != "content-type")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("ce_position", None),
        ("ce_position", b"seven"),
        ("ce_sequence", b"-1"),
        ("ce_sequence", "\u0667".encode()),
        ("ce_actor", b"\xff"),
        ("ce_tenant", b"other"),
        ("ce_id", None),
    ],
)
def test_a_record_that_breaks_the_format_is_refused_by_header_and_rule(header: str, value: Any) -> None:
    headers = [(name, told) for name, told in headers_of(PLACED) if name != header]
    if value is not None:
        headers.append((header, value))
    with pytest.raises(UnreadableRecord, match="header="):
        read_record(3, b"{}", headers)


def test_a_tombstone_is_no_event() -> None:
    with pytest.raises(UnreadableRecord, match="tombstone"):
        read_record(3, None, headers_of(PLACED))
