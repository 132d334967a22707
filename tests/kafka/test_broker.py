"""The Kafka of the tests is a real one and comes back as it was."""

from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from streams.kafka.topics import Topics
from tests.kafka.broker import Broker


def test_a_killed_broker_comes_back_on_its_port_with_its_topics(broker: Broker, topics: Topics) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics([NewTopic(topics.events, 2, 1)])
    admin.close()
    broker.kill()
    broker.start()
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    assert topics.events in admin.list_topics()
    admin.close()
