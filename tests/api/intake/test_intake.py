"""What services publish to Kafka is recorded once, in its order; what cannot be is kept with the reason."""

import json
import time
from collections.abc import Callable
from typing import Any

import crc32c
import psycopg
import pytest
from kafka import KafkaProducer

from api.http.v1.events import ORDER
from api.intake.reports import REPORTS
from api.intake.taking import Taker
from streams.kafka.batch import Batch
from streams.kafka.cluster import connected
from streams.kafka.published import Published
from streams.kafka.rejected import MOST_BYTES, Rejection
from streams.log import Log
from tests.api.http.v1.conftest import start  # noqa: F401 - a fixture
from tests.api.http.v1.running import Service
from tests.api.intake.publishing import PATIENCE, Topic, body, headers, settle, structured, taking, until
from tests.kafka.broker import Broker

ANN = "Ann Example"
ONE, PLACED = "application/cloudevents+json", "order-placed.v1"
STRUCTURED = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
UNKNOWN = {"customer_id": "nobody", "stage": "New", "title": "x", "source_id": "d"}
DEEP = b'{"a":' * 30 + b"1" + b"}" * 30


def orders(log: Log) -> list[str]:
    return [one.event.source_id for one in log.read(0, 10_000) if one.type == PLACED]  # type: ignore[attr-defined]


def test_every_type_of_report_is_recorded_in_binary_and_in_structured_mode(
    topic: Topic, taker: Taker, log: Log
) -> None:
    for kind in REPORTS:
        topic.report(kind, kind)
    assert settle(topic, taker) == []
    recorded = log.read(0, 100)
    assert {(one.tenant, one.source, one.actor) for one in recorded} == {("main", "shop", "intake")}
    assert PLACED in [one.type for one in recorded]
    for kind in REPORTS:
        topic.publish(structured(kind, kind), STRUCTURED)
    assert settle(topic, taker) == []
    assert log.head() == len(recorded), "told again in the other mode, by the same source and id"


def test_an_event_counts_once_whichever_way_it_comes(
    topic: Topic,
    taker: Taker,
    start: Callable[..., Service],  # noqa: F811 - the fixture
) -> None:
    service = start()
    sent = {"Authorization": f"Bearer {service.secret}", "Content-Type": ONE}
    answer = service.client.post("/v1/events", content=json.dumps(ORDER).encode(), headers=sent)
    assert answer.status_code == 201
    head = service.log.head()
    topic.publish(json.dumps(ORDER).encode(), STRUCTURED)
    assert settle(topic, taker) == []
    assert service.log.head() == head


def test_a_record_names_its_tenant_and_no_tenant_sees_anothers(topic: Topic, taker: Taker, log: Log) -> None:
    topic.publish(body(PLACED), headers(PLACED, "1", tenant="other"))
    topic.publish(body(PLACED), headers(PLACED, "1"))
    topic.publish(structured(PLACED, "2", tenant="other"), STRUCTURED)
    topic.publish(body(PLACED), headers(PLACED, "3", tenant="third"))
    [rejected] = settle(topic, taker)
    assert problem(rejected)["errors"] == [
        {"at": "/tenant", "rule": "a tenant that this intake takes records for"}
    ]
    placed = [one.tenant for one in log.read(0, 100) if one.type == PLACED]
    assert sorted(placed) == ["main", "other"]


def problem(record: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(dict(record.headers)["backstory_problem"])
    return found


BAD: dict[str, tuple[bytes | None, list[tuple[str, bytes]], str, str | None]] = {
    "no value": (None, headers(PLACED, "1"), "malformed-json", None),
    "no JSON": (b"{", headers(PLACED, "1"), "malformed-json", None),
    "no UTF-8": (b"\xff", headers(PLACED, "1"), "wrong-encoding", None),
    "too deep": (DEEP, headers(PLACED, "1"), "too-deep", None),
    "too large": (b" " * 1_000_001, headers(PLACED, "1"), "too-large", None),
    "no headers": (body(PLACED), [], "malformed", "/specversion"),
    "no id": (body(PLACED), headers(PLACED, ""), "malformed", "/id"),
    "a header without bytes": (
        body(PLACED),
        [*headers(PLACED, "1"), ("ce_subject", b"")],
        "malformed",
        "/subject",
    ),
    "a header twice": (body(PLACED), [*headers(PLACED, "1"), ("ce_id", b"2")], "malformed", "header ce_id"),
    "a header of other bytes": (body(PLACED), [("ce_id", b"\xff")], "malformed", "header ce_id"),
    "no time": (body(PLACED), headers(PLACED, "1", time="soon"), "malformed", "/time"),
    "another version of the envelope": (
        structured(PLACED, "1", specversion="0.3"),
        STRUCTURED,
        "malformed",
        "/specversion",
    ),
    "no event": (b"[]", STRUCTURED, "malformed", "/"),
    "a batch": (
        b"[]",
        [("content-type", b"application/cloudevents-batch+json")],
        "unsupported-media-type",
        None,
    ),
    "a text": (b"x", [("content-type", b"text/plain")], "unsupported-media-type", None),
    "another encoding": (
        b"{}",
        [("content-type", b"application/json; charset=latin-1")],
        "wrong-encoding",
        None,
    ),
    "an unknown type": (b"{}", headers("order-teleported.v1", "1"), "event-type-unknown", None),
    "a number that is not exact": (body(PLACED, total=1.5), headers(PLACED, "1"), "malformed", "/data/total"),
    "an unknown field": (body(PLACED, colour="red"), headers(PLACED, "1"), "malformed", "/data/colour"),
    "an unknown currency": (
        body(PLACED, currency="XXQ"),
        headers(PLACED, "1"),
        "malformed",
        "/data/currency",
    ),
    "a source in the data": (body(PLACED, source="x"), headers(PLACED, "1"), "malformed", "/data/source"),
    "an unknown reference": (
        json.dumps(UNKNOWN).encode(),
        headers("deal-opened.v1", "1"),
        "reference-unknown",
        None,
    ),
}


def test_what_cannot_be_recorded_is_kept_with_field_and_rule_and_stops_nothing(
    topic: Topic, taker: Taker, log: Log
) -> None:
    published = {}
    for name, (value, told, _, _) in BAD.items():
        published[topic.publish(value, told)] = name
        topic.report(PLACED, f"good after {name}", source_id=name)
    rejected = settle(topic, taker)
    assert orders(log) == list(BAD), "every one behind a bad one, in its order"
    assert len(rejected) == len(BAD)
    for record in rejected:
        ours = dict(record.headers)
        name = published[int(ours["backstory_partition"]), int(ours["backstory_offset"])]
        value, told, code, at = BAD[name]
        assert (record.key, record.value) == (b"o", value or b""), name
        assert record.headers[: len(told)] == told, name
        assert ours["backstory_topic"].decode() == topic.topics.intake
        assert (ours["backstory_reason"].decode(), problem(record)["code"]) == (code, code), name
        if at is not None:
            assert [error["at"] for error in problem(record)["errors"]][:1] == [at], name
            assert all(error["rule"] for error in problem(record)["errors"])


def test_an_id_used_again_for_something_else_is_rejected(topic: Topic, taker: Taker) -> None:
    topic.report(PLACED, "1")
    topic.report(PLACED, "1", total="11")
    [rejected] = settle(topic, taker)
    assert problem(rejected)["code"] == "idempotency-key-reused"


def test_what_only_compression_lets_in_is_rejected_without_its_bytes(topic: Topic, taker: Taker) -> None:
    producer = KafkaProducer(
        bootstrap_servers=topic.servers, compression_type="lz4", max_request_size=2**26, batch_size=2**26
    )
    large = b" " * (MOST_BYTES + 1)
    producer.send(topic.topics.intake, large, b"o", headers(PLACED, "1")).get(PATIENCE)
    producer.close()
    topic.report(PLACED, "2")
    [rejected] = settle(topic, taker)
    ours = dict(rejected.headers)
    assert (rejected.value, ours["backstory_reason"]) == (b"", b"too-large")
    assert int(ours["backstory_omitted"]) > MOST_BYTES


def test_what_is_no_record_at_all_is_stepped_over_and_told(topic: Topic, taker: Taker, log: Log) -> None:
    partition, before = topic.report(PLACED, "1", source_id="1")
    made = Batch(-1, 0)
    made.add(int(time.time() * 1000), b"o", b"{}", [("a name", b"")])
    batch = bytearray(made.encode())
    at = batch.index(b"a name")
    batch[at : at + 6] = b"\xff" * 6
    batch[17:21] = crc32c.crc32c(bytes(batch[21:])).to_bytes(4, "big")
    with connected(topic.servers, topic.topics.intake) as cluster:
        for sent in cluster.produce(topic.topics.intake, {partition: bytes(batch)}):
            cluster.acknowledged(sent)
    topic.report(PLACED, "2", source_id="2")
    told: list[str] = []
    with taking(topic, taker, told):
        until(topic.settled)
    assert orders(log) == ["1", "2"]
    [rejected] = topic.rejected()
    ours = dict(rejected.headers)
    assert ours["backstory_reason"] == b"unreadable-record"
    assert (int(ours["backstory_partition"]), int(ours["backstory_offset"])) == (partition, before + 1)
    place = f"{topic.topics.intake} {partition}/{before + 1}"
    assert told == [f"{place} cannot be read, and is rejected without its bytes"]


def test_what_a_service_takes_back_before_it_commits_is_not_recorded(
    topic: Topic, taker: Taker, log: Log
) -> None:
    producer = KafkaProducer(bootstrap_servers=topic.servers, transactional_id=topic.topics.prefix)
    producer.init_transactions()
    for ident, ended in (("1", producer.abort_transaction), ("2", producer.commit_transaction)):
        producer.begin_transaction()
        sent = producer.send(topic.topics.intake, body(PLACED, source_id=ident), b"o", headers(PLACED, ident))
        sent.get(PATIENCE)
        ended()
    producer.close()
    topic.report(PLACED, "3", source_id="3")
    assert settle(topic, taker) == []
    assert orders(log) == ["2", "3"]


def test_a_fault_of_our_own_with_one_record_rejects_that_one_alone(
    topic: Topic, taker: Taker, log: Log, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = REPORTS[PLACED]

    def faulty(data: Any, tenant: str, source: str) -> Any:
        if data.source_id == "bad":
            raise ZeroDivisionError(data.model_dump_json())
        return made.command(data, tenant, source)

    monkeypatch.setitem(REPORTS, PLACED, made._replace(command=faulty))  # type: ignore[arg-type]
    for ident in ("1", "bad", "2"):
        topic.report(PLACED, ident, source_id=ident, customer={"name": ANN})
    [rejected] = settle(topic, taker)
    assert problem(rejected)["code"] == "internal"
    assert orders(log) == ["1", "2"]
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said
    assert ANN not in said


def test_while_the_database_is_away_records_wait_and_nothing_is_rejected(
    topic: Topic, taker: Taker, log: Log, server: str, database: str
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    told: list[str] = []
    with taking(topic, taker, told), psycopg.connect(server, autocommit=True) as connection:
        topic.report(PLACED, "1", source_id="1")
        until(topic.settled)
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        topic.report(PLACED, "2", source_id="2")
        until(lambda: any(line.startswith("waits: ") for line in told))
        assert not topic.settled()
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        until(topic.settled)
    assert told[-1] == "goes on"
    assert topic.rejected() == []
    assert orders(log) == ["1", "2"]


def test_a_broker_that_dies_and_comes_back_costs_nothing(
    broker: Broker, topic: Topic, taker: Taker, log: Log
) -> None:
    if topic.servers != broker.bootstrap:
        pytest.skip("the broker is not ours to kill")
    told: list[str] = []
    with taking(topic, taker, told):
        topic.report(PLACED, "1", source_id="1")
        until(topic.settled)
        broker.kill()
        broker.start()
        for ident in ("2", "bad", "3"):
            topic.report(PLACED, ident, source_id=ident, total=0.5 if ident == "bad" else "10")
        until(topic.settled)
    assert orders(log) == ["1", "2", "3"]
    assert len(topic.rejected()) == 1


def test_records_of_a_subject_stay_in_order_while_members_come_and_go(
    topic: Topic, taker: Taker, log: Log
) -> None:
    for number in range(100):
        for subject in ("a", "b", "c"):
            ident = f"{subject}-{number}"
            topic.publish(body(PLACED, source_id=ident), headers(PLACED, ident), key=subject.encode())
    slowly: list[int] = []

    def take(records: Any) -> list[Rejection | None]:
        slowly.append(len(records))
        return [one for record in records for one in taker([record])]

    with taking(topic, take):
        until(lambda: bool(slowly))
        with taking(topic, take):
            until(topic.settled)
        for subject in ("a", "b", "c"):
            ident = f"{subject}-100"
            topic.publish(body(PLACED, source_id=ident), headers(PLACED, ident), key=subject.encode())
        until(topic.settled)
    found = orders(log)
    assert len(found) == len(set(found)) == 303
    for subject in ("a", "b", "c"):
        numbers = [int(one[2:]) for one in found if one.startswith(subject)]
        assert numbers == list(range(101))
    assert topic.rejected() == []


def test_records_taken_again_are_recorded_once(taker: Taker, log: Log) -> None:
    batch = [
        Published(("t", 0, number), b"o", body(PLACED, source_id=ident), headers(PLACED, ident))  # type: ignore[arg-type]
        for number, ident in enumerate(["1", "2", "1"])
    ]
    assert taker(batch) == [*taker(batch[1:]), None] == [None, None, None]
    assert orders(log) == ["1", "2"]
