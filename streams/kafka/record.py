"""An event as a Kafka record: CloudEvents 1.0 in binary mode, complete enough to be restored to the letter.

The value is the stored JSON, its personal fields sealed; attributes are headers, `ce_` before each name, UTF-8.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, unquote

import msgspec

from streams.errors import UnreadableRecord
from streams.routing import routing_key

Header = tuple[str, bytes]
_SAME = (("content-type", b"application/json"), ("ce_specversion", b"1.0"))
_OPTIONAL = {
    "ce_customerid": "customer_id",
    "ce_commandid": "command_id",
    "ce_correlationid": "correlation_id",
    "ce_causationid": "causation_id",
    "ce_answered": "answered",
    "ce_effects": "effects",
}


class Envelope(msgspec.Struct, frozen=True):
    """An event as the log holds it, with its place in its partition: `sequence` counts 1, 2, 3 ... without gaps.

    Times are RFC 3339 in UTC with microseconds; `data` is JSON. `answered` and `effects` are JSON too, or None:
    what the log noted with the event and needs to go on from a restored one (streams/kafka/README.md).
    """

    position: int
    tenant: str
    stream: str
    version: int
    type: str
    event_id: str
    partition: int
    occurred_at: str
    recorded_at: str
    actor: str
    source: str
    data: str
    sequence: int
    customer_id: str | None = None
    command_id: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    answered: str | None = None
    effects: str | None = None

    def row(self) -> tuple[object, ...]:
        """Return the columns that `Log.decode` takes."""
        return (
            self.position, self.tenant, self.stream, self.version, self.type, self.customer_id,
            datetime.fromisoformat(self.recorded_at), self.actor, self.source, self.data, self.event_id,
            self.partition, self.command_id, self.correlation_id, self.causation_id,
        )  # fmt: skip


def key_of(event: Envelope, partitions: int) -> bytes:
    """Return the key of an event's record, `tenant/` and its routing key; `partitions` is how many the log has."""
    key = routing_key(event.tenant, event.stream, event.customer_id, event.partition, partitions)
    return f"{event.tenant}/{key}".encode()


def timestamp(moment: datetime) -> str:
    """Return a time as records carry it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@lru_cache(1024)
def _source(tenant: str, source: str) -> bytes:
    return f"/{quote(tenant, safe='')}/{quote(source, safe='')}".encode()


def headers_of(event: Envelope) -> list[Header]:
    """Return the headers of an event's record; an absent attribute has none."""
    headers = [
        *_SAME,
        ("ce_id", event.event_id.encode()),
        ("ce_source", _source(event.tenant, event.source)),
        ("ce_type", event.type.encode()),
        ("ce_time", event.occurred_at.encode()),
        ("ce_subject", event.stream.encode()),
        ("ce_tenant", event.tenant.encode()),
        ("ce_position", b"%d" % event.position),
        ("ce_version", b"%d" % event.version),
        ("ce_sequence", b"%d" % event.sequence),
        ("ce_recordedat", event.recorded_at.encode()),
        ("ce_actor", event.actor.encode()),
    ]
    for header, value in (
        ("ce_customerid", event.customer_id),
        ("ce_commandid", event.command_id),
        ("ce_correlationid", event.correlation_id),
        ("ce_causationid", event.causation_id),
        ("ce_answered", event.answered),
        ("ce_effects", event.effects),
    ):
        if value is not None:
            headers.append((header, value.encode()))
    return headers


def read_record(partition: int, value: bytes | None, headers: Iterable[Header]) -> Envelope:
    """Return the event that a record carries. Raises UnreadableRecord, naming the header and the rule."""
    given = dict(headers)

    def text(name: str) -> str:
        try:
            return given[name].decode()
        except KeyError:
            raise UnreadableRecord(header=name, rule="every record of the topic has it") from None
        except UnicodeDecodeError:
            raise UnreadableRecord(header=name, rule="UTF-8") from None

    def number(name: str) -> int:
        told = text(name)
        if not (told.isascii() and told.isdigit()):
            raise UnreadableRecord(header=name, rule="a whole number")
        return int(told)

    if value is None:
        raise UnreadableRecord(header="value", rule="no event is a tombstone")
    _, tenant, source = ("", *text("ce_source").split("/"))[-3:]
    if unquote(tenant) != text("ce_tenant"):
        raise UnreadableRecord(header="ce_source", rule="/tenant/source")
    return Envelope(
        position=number("ce_position"),
        tenant=text("ce_tenant"),
        stream=text("ce_subject"),
        version=number("ce_version"),
        type=text("ce_type"),
        event_id=text("ce_id"),
        partition=partition,
        occurred_at=text("ce_time"),
        recorded_at=text("ce_recordedat"),
        actor=text("ce_actor"),
        source=unquote(source),
        data=value.decode(),
        sequence=number("ce_sequence"),
        **{name: text(header) for header, name in _OPTIONAL.items() if header in given},
    )
