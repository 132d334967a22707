"""A Kafka cluster to write to: batches made by us, sent by kafka-python's network layer to each partition's leader."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kafka.errors import DuplicateSequenceNumberError, LeaderNotAvailableError, for_code
from kafka.future import Future
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector
from kafka.protocol.producer import ProduceRequest
from kafka.structs import TopicPartition

from streams.kafka.clients import BOOTSTRAP_MS, config

MOST_IN_FLIGHT = 5
"""Requests under way to one broker: it remembers the last five batches of a producer, and no more."""
_ALL_IN_SYNC = -1
_VERSION = 9  # of the request; the newest that names topics rather than their ids


class Cluster:
    """Connections to the brokers of a cluster. Every method raises KafkaError where they do not answer."""

    def __init__(self, servers: str, *, timeout: float = 30.0) -> None:
        self._milliseconds = int(timeout * 1000)
        self._net = NetworkSelector(client_id="backstory-relay")
        self._manager = KafkaConnectionManager(
            self._net,
            **config(servers),
            client_id="backstory-relay",
            request_timeout_ms=self._milliseconds,
            max_in_flight_requests_per_connection=MOST_IN_FLIGHT + 1,
        )
        self._net.start()
        self._leaders: dict[tuple[str, int], int] = {}

    def connect(self, *topics: str) -> None:
        """Find the leader of every partition of these topics."""
        self._manager.cluster.set_topics(topics)
        self._manager.bootstrap(BOOTSTRAP_MS)
        self._manager.run(self._manager.cluster.refresh_metadata)
        for topic in topics:
            for partition in self._manager.cluster.partitions_for_topic(topic) or ():
                leader = self._manager.cluster.leader_for_partition(TopicPartition(topic, partition))
                if leader is None or leader < 0:
                    raise LeaderNotAvailableError(f"{topic} partition {partition}")
                self._leaders[topic, partition] = leader

    def produce(self, topic: str, batches: Mapping[int, bytes]) -> list[Future]:
        """Send one batch for each of these partitions; `acknowledged` says what became of them."""
        by_leader: dict[int, list[Any]] = {}
        data = ProduceRequest.TopicProduceData
        for partition, batch in batches.items():
            of_one = data.PartitionProduceData(index=partition, records=batch)
            by_leader.setdefault(self._leaders[topic, partition], []).append(of_one)
        return [
            self._manager.call_soon(self._manager.send, _request(topic, parts, self._milliseconds), leader)
            for leader, parts in by_leader.items()
        ]

    def acknowledged(self, sent: Future) -> None:
        """Wait until every in-sync replica has these batches. Raises KafkaError where perhaps not all have."""
        answer = self._manager.run(_answer, sent)
        for topic in answer.responses:
            for one in topic.partition_responses:
                refused = for_code(one.error_code)
                if one.error_code and refused is not DuplicateSequenceNumberError:
                    raise refused(
                        f"{topic.name} partition {one.index}: {one.error_message or refused.description}"
                    )

    def close(self) -> None:
        """Close every connection."""
        self._net.run(self._manager.close)
        self._net.stop()
        self._net.close()


async def _answer(sent: Future) -> Any:  # noqa: ANN401 - a response of kafka-python
    return await sent


def _request(topic: str, parts: list[Any], milliseconds: int) -> ProduceRequest:
    return ProduceRequest(
        transactional_id=None,
        acks=_ALL_IN_SYNC,
        timeout_ms=milliseconds,
        topic_data=[ProduceRequest.TopicProduceData(name=topic, partition_data=parts)],
        max_version=_VERSION,
    )


@contextmanager
def connected(servers: str, *topics: str) -> Iterator[Cluster]:
    """Lend a connected cluster. Raises KafkaError where there is none."""
    cluster = Cluster(servers)
    try:
        cluster.connect(*topics)
        yield cluster
    finally:
        cluster.close()
