"""How far the intake is behind, in messages and seconds, where operators look."""

import json
import time
from collections.abc import Callable

import pytest

from api.intake.taking import Taker
from streams.kafka.intake_lag import IntakeLag, intake_lag
from streams.kafka.retrying import KafkaAway
from streams.kafka.topics import Topics
from tests.api.conftest import Command, backstory  # noqa: F401 - a fixture
from tests.api.http.v1.conftest import start  # noqa: F401 - a fixture
from tests.api.http.v1.running import Service
from tests.api.intake.publishing import Topic, settle

PLACED = "order-placed.v1"


def lag(topic: Topic) -> IntakeLag:
    found = intake_lag(topic.servers, topic.topics)
    assert found is not None
    return found


def test_what_waits_is_counted_with_the_age_of_the_oldest_and_what_was_rejected(
    topic: Topic, taker: Taker
) -> None:
    assert lag(topic) == IntakeLag(0, 0.0, 0)
    began = time.time()
    for number in range(3):
        topic.report(PLACED, str(number), source_id=str(number))
    topic.publish(b"{", [], b"another key")
    found = lag(topic)
    assert (found.messages, found.rejects) == (4, 0)
    assert 0 < found.seconds < time.time() - began + 1
    settle(topic, taker)
    assert lag(topic) == IntakeLag(0, 0.0, 1)


def test_doctor_and_metrics_tell_it(
    topic: Topic,
    taker: Taker,
    backstory: Command,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
    start: Callable[..., Service],  # noqa: F811 - the fixture
) -> None:
    topic.report(PLACED, "1")
    topic.publish(b"{", [])
    monkeypatch.setenv("BACKSTORY_KAFKA", topic.servers)
    monkeypatch.setenv("BACKSTORY_KAFKA_PREFIX", topic.topics.prefix)

    def told() -> dict[str, object]:
        parts = json.loads(backstory("doctor", "--json").out)["parts"]
        [part] = [part for part in parts if part["part"] == "intake"]
        return dict(part)

    assert (told()["lag_messages"], told()["ok"]) == (2, True)
    service = start(intake=lambda: intake_lag(topic.servers, topic.topics))
    assert "\nbackstory_intake_lag_messages 2\n" in service.client.get("/metrics").text
    settle(topic, taker)
    assert (told()["lag_messages"], told()["rejects"]) == (0, 1)
    quick = json.loads(backstory("doctor", "--role", "intake", "--json").out)["parts"]
    assert [part["part"] for part in quick] == ["database", "migrations", "intake"]
    figures = service.client.get("/metrics").text
    assert "\nbackstory_intake_lag_messages 0\n" in figures
    assert "\nbackstory_intake_lag_seconds 0\n" in figures
    assert "\nbackstory_intake_rejects 1\n" in figures


def test_where_nobody_ever_published_nothing_is_told_and_where_kafka_is_away_that_is(
    kafka: str,
    topics: Topics,
    start: Callable[..., Service],  # noqa: F811 - the fixture
) -> None:
    assert intake_lag(kafka, topics) is None
    with pytest.raises(KafkaAway):
        intake_lag("127.0.0.1:1", topics)
    service = start(intake=lambda: intake_lag("127.0.0.1:1", topics))
    answer = service.client.get("/metrics")
    assert (answer.status_code, "backstory_intake" in answer.text) == (200, False)
