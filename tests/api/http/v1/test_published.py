"""Answers that come only when Kafka has the events; what is told of the relay."""

import os
import socket
from collections.abc import Callable

from streams.kafka.topics import Topics
from streams.publication import published
from tests.api.http.v1.conftest import projecting, service, start  # noqa: F401 - fixtures
from tests.api.http.v1.running import Service
from tests.streams.kafka.reading import read_events, relaying, until


def test_a_write_that_waits_for_publication_is_in_the_topic_when_it_is_answered(
    service: Service,  # noqa: F811 - the fixture
    kafka: str,
    topics: Topics,
) -> None:
    with relaying(service.log.conninfo, kafka, topics):
        until(lambda: published(service.log) is not None, "no relay began")
        for number in range(5):
            answer = service.post("/v1/leads", {"form": f"f{number}"}, Prefer="wait=published")
            assert answer.headers["preference-applied"] == "wait=published"
            in_topic = {event.position for event in read_events(kafka, topics)}
            assert answer.json()["position"] in in_topic
        figures = service.client.get("/metrics").text
    assert "backstory_published_lag_events 0" in figures
    assert "backstory_unpublished_keys 0" in figures
    assert 'backstory_partition_lag_events{model="orders",partition="11"} 0' in figures
    assert 'backstory_partition_lag_seconds{model="orders",partition="11"} 0' in figures
    worker = f'{{worker="{socket.gethostname()}:{os.getpid()}"}}'
    assert f"backstory_projector_partitions{worker} 12" in figures
    assert f"backstory_projector_lag_events{worker} 0" in figures
    assert f"backstory_projector_lag_seconds{worker} 0" in figures


def test_where_the_relay_stands_still_the_answer_says_that_it_is_only_recorded(
    start: Callable[..., Service],  # noqa: F811 - the fixture
    kafka: str,
    topics: Topics,
) -> None:
    hasty = start(patience=0.2)
    with relaying(hasty.log.conninfo, kafka, topics):
        until(lambda: published(hasty.log) is not None, "no relay began")
    answer = hasty.post("/v1/leads", {"form": "a"}, Prefer="wait=published")
    assert answer.status_code == 201
    assert answer.headers["preference-applied"] == "wait=recorded"
