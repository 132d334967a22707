"""The rejected topic: what services published and could not be recorded, with the reason, byte for byte."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from kafka.consumer.fetcher import ConsumerRecord

from streams.kafka.published import Place, Published
from streams.kafka.record import timestamp

MOST_BYTES = 4 * 2**20
"""Bytes of a record that is kept; of a larger one, which only compression lets in, its place and size are."""

_REASON = "backstory_reason"


class Rejection(NamedTuple):
    """Why a record could not be recorded: a stable code, and what is wrong as JSON, without values."""

    code: str
    problem: bytes


class Rejected(NamedTuple):
    """A rejected record: why, and what was published; None where that was too large to be kept."""

    code: str
    place: Place
    published: Published | None


UNREADABLE = Rejection(
    "unreadable-record",
    b'{"code":"unreadable-record","title":"Kafka keeps bytes here that are no record: publish it again."}',
)
"""Why what cannot even be read, such as a header whose name is no UTF-8, could not be recorded."""


def rejected_record(told: Published, rejection: Rejection) -> dict[str, Any]:
    """Return what to send: the original key, bytes and headers, and after those our own."""
    key, value = told.key, told.value or b""
    headers = [(name, given or b"") for name, given in told.headers]
    ours = [
        (_REASON, rejection.code.encode()),
        ("backstory_problem", rejection.problem),
        ("backstory_topic", told.place.topic.encode()),
        ("backstory_partition", b"%d" % told.place.partition),
        ("backstory_offset", b"%d" % told.place.offset),
        ("backstory_rejected_at", timestamp(datetime.now(UTC)).encode()),
    ]
    size = len(key or b"") + len(value) + sum(len(name) + len(given) for name, given in headers)
    if size > MOST_BYTES or rejection is UNREADABLE:
        key, value, headers = None, b"", []
        ours.append(("backstory_omitted", b"%d" % size))
    return {"key": key, "value": value, "headers": headers + ours}


def read_rejected(record: ConsumerRecord) -> Rejected | None:
    """Return what a record of the rejected topic says; None where it is none of ours."""
    begins = [number for number, (name, _) in enumerate(record.headers) if name == _REASON]
    ours = {name: given or b"" for name, given in record.headers[begins[-1] :]} if begins else {}
    try:
        offset, partition = int(ours["backstory_offset"]), int(ours["backstory_partition"])
        place = Place(ours["backstory_topic"].decode(), partition, offset)
        code = ours[_REASON].decode()
    except (KeyError, ValueError):
        return None
    if "backstory_omitted" in ours:
        return Rejected(code, place, None)
    return Rejected(code, place, Published(place, record.key, record.value, record.headers[: begins[-1]]))
