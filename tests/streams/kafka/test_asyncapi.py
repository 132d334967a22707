"""Whoever knows nothing of us but the AsyncAPI document can follow the stream and understand it."""

import json
import re
import urllib.parse
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from kafka import KafkaConsumer

from domain.event import registered
from streams.kafka.topics import Topics
from streams.log import Log
from streams.records import Append, Change
from tests.golden.make import example
from tests.streams.kafka.reading import relaying
from tests.streams.kafka.test_relay import all_published

ASYNCAPI = Path(__file__).parents[3] / "streams" / "schemas" / "asyncapi.json"


class Reader:
    """A consumer that knows the document alone."""

    def __init__(self, document: dict[str, Any], prefix: str) -> None:
        self.document = document
        self.prefix = prefix

    def found(self, ref: str) -> Any:
        """Return what a reference of the document leads to."""
        part: Any = self.document
        for name in ref.removeprefix("#/").split("/"):
            part = part[urllib.parse.unquote(name).replace("~1", "/").replace("~0", "~")]
        return part

    def address(self, channel: str) -> str:
        """Return the topic of a channel, under another prefix than the document's."""
        return re.sub(r"^backstory\.", f"{self.prefix}.", self.document["channels"][channel]["address"])

    def check(self, schema: dict[str, Any], value: object) -> bool:
        """Say whether a value follows a schema of the document."""
        whole = {**schema, "components": self.document["components"]}
        return Draft202012Validator(whole).is_valid(value)

    def message(self, channel: str, headers: dict[str, str], value: object) -> str:
        """Return the name of the one message whose headers and payload a record follows."""
        messages = [
            self.found(one["$ref"]) for one in self.document["channels"][channel]["messages"].values()
        ]
        fits = [one for one in messages if self.check(one["headers"], headers)]
        [message] = fits
        assert self.check(message["payload"], value), message["name"]
        return str(message["name"])


def test_plain_kafka_python_and_the_document_are_enough_to_follow_and_understand_the_stream(
    log: Log, kafka: str, topics: Topics
) -> None:
    for number, cls in enumerate(registered().values()):
        change = Change(
            stream=f"order-{number}", expected=0, events=[example(cls)], customer_id=f"c-{number}"
        )
        log.append(Append(tenant="main", actor="ann", source="shop", changes=[change]))
    with relaying(log.conninfo, kafka, topics):
        all_published(log)

    reader = Reader(json.loads(ASYNCAPI.read_text(encoding="utf-8")), topics.prefix)
    understood: dict[str, int] = {}
    counted: dict[int, int] = {}
    consumer = KafkaConsumer(
        reader.address("events"), bootstrap_servers=kafka, group_id=None, auto_offset_reset="earliest"
    )
    while len(understood) < log.head():
        for records in consumer.poll(1000).values():
            for record in records:
                headers = {name: value.decode() for name, value in record.headers}
                name = reader.message("events", headers, json.loads(record.value))
                understood[name] = int(headers["ce_position"])
                before = counted.get(record.partition, 0)
                assert int(headers["ce_sequence"]) == before + 1
                counted[record.partition] = before + 1
                assert not reader.check({"$ref": "#/components/schemas/event-headers"}, {})
    consumer.close()
    assert understood.keys() == registered().keys()
    assert sorted(understood.values()) == list(range(1, log.head() + 1))


def test_the_keys_of_the_stream_are_what_the_document_says(log: Log, kafka: str, topics: Topics) -> None:
    change = Change(stream="customer-1", expected=0, events=[example(registered()["name-changed.v1"])])
    log.append(Append(tenant="main", actor="ann", source="shop", changes=[change]))
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
    reader = Reader(json.loads(ASYNCAPI.read_text(encoding="utf-8")), topics.prefix)
    consumer = KafkaConsumer(
        reader.address("keys"), bootstrap_servers=kafka, group_id=None, auto_offset_reset="earliest"
    )
    records = [record for found in consumer.poll(30_000).values() for record in found]
    consumer.close()
    assert records
    for record in records:
        headers = {name: value.decode() for name, value in record.headers}
        [message] = reader.document["channels"]["keys"]["messages"].values()
        assert reader.check(reader.found(message["$ref"])["headers"], headers)
        assert record.key.decode() == f"{headers['tenant']}/{headers['subject']}"
