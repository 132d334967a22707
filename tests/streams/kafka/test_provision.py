"""What names people in plain text is kept for a bounded time: the topics of the intake."""

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from streams.errors import WrongTopic
from streams.kafka.provision import Wanted, intake_topic, provide, rejected_topic
from streams.kafka.topics import Topics

DAY = 24 * 60 * 60 * 1000


@pytest.mark.parametrize(("topic", "days"), [(intake_topic, 7), (rejected_topic, 30)])
def test_what_services_publish_goes_after_its_days_and_one_more(
    kafka: str, topics: Topics, topic: type[Wanted], days: int
) -> None:
    wanted = topic(topics.intake)
    provide(kafka, wanted)  # makes it
    provide(kafka, wanted)  # finds it as it must be
    assert int(wanted.settings["retention.ms"]) + int(wanted.settings["segment.ms"]) == (days + 1) * DAY


@pytest.mark.parametrize(
    ("setting", "value", "rule"),
    [
        ("retention.ms", str(31 * DAY), "it names people in plain text"),
        ("retention.ms", "-1", "it names people in plain text"),
        ("retention.ms", "60000", "a day to 7 days"),
        ("segment.ms", str(7 * DAY), "a record stays as long as its segment"),
        ("message.timestamp.type", "CreateTime", "no publisher's clock"),
        ("cleanup.policy", "compact", "compaction would take records away"),
    ],
)
def test_a_topic_of_the_intake_that_would_keep_people_longer_is_refused_with_the_rule(
    kafka: str, topics: Topics, setting: str, value: str, rule: str
) -> None:
    wanted = intake_topic(topics.intake)
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    made = NewTopic(topics.intake, 1, 1, topic_configs=dict(wanted.settings) | {setting: value})
    admin.create_topics([made], wait_for_metadata=True)
    admin.close()
    with pytest.raises(WrongTopic, match=rule):
        provide(kafka, wanted)
