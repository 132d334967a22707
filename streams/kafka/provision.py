"""The topics as they must be: made where they are missing, refused with the reason where they are otherwise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import TopicAlreadyExistsError

from streams.errors import WrongTopic
from streams.kafka.clients import admin

_DAY = 24 * 60 * 60 * 1000
_COPIES = 3
_PATIENCE_MS = 30_000
_INTAKE_PARTITIONS = 12
_LARGEST = 8 * 2**20  # bytes of a batch; larger than any event that can be recorded over HTTP


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic: how many partitions, the settings it is made with, and for each setting the rule it must follow."""

    name: str
    partitions: int
    settings: Mapping[str, str]
    rules: Mapping[str, tuple[str, Callable[[str], bool]]]
    fixed: bool = True
    """Whether there must be exactly so many partitions."""


def events_topic(name: str, partitions: int) -> Wanted:
    """Return how the topic of events must be: nothing in it ever goes away."""
    return Wanted(
        name,
        partitions,
        {
            "cleanup.policy": "delete",
            "retention.ms": "-1",
            "retention.bytes": "-1",
            "max.message.bytes": str(_LARGEST),
        },
        {
            "cleanup.policy": ("delete: compaction would take events away", lambda told: told == "delete"),
            "retention.ms": ("-1: events are kept for ever", lambda told: told == "-1"),
            "retention.bytes": ("-1: events are kept for ever", lambda told: told == "-1"),
            "unclean.leader.election.enable": ("false", lambda told: told == "false"),
        },
    )


def keys_topic(name: str) -> Wanted:
    """Return how the topic of keys must be: compacted, a forgotten person's key gone for good within days."""
    return Wanted(
        name,
        1,
        {
            "cleanup.policy": "compact",
            "max.compaction.lag.ms": str(_DAY),
            "segment.ms": str(_DAY),
            "delete.retention.ms": str(_DAY),
        },
        {
            "cleanup.policy": (
                "compact: the last key of each person is kept",
                lambda told: told == "compact",
            ),
            "max.compaction.lag.ms": (
                f"at most {7 * _DAY} (seven days): a forgotten person's key must go",
                lambda told: int(told) <= 7 * _DAY,
            ),
            "unclean.leader.election.enable": ("false", lambda told: told == "false"),
        },
    )


def intake_topic(name: str) -> Wanted:
    """Return how the topic of what services publish must be: kept a week, in case that nobody takes it."""
    return _passing(name, days=7, largest=2**20)


def rejected_topic(name: str) -> Wanted:
    """Return how the topic of what was rejected must be: kept a month, to be put right; it takes larger records."""
    return _passing(name, days=30, largest=_LARGEST)


def _passing(name: str, *, days: int, largest: int) -> Wanted:
    """Return how a topic must be whose records name people in plain text: each goes after so many days and one.

    A record goes with its segment, which holds a day at most, and by the broker's clock: a publisher's would keep some
    for ever and lose others at once.
    """
    settings = {
        "cleanup.policy": "delete",
        "retention.ms": str(days * _DAY),
        "segment.ms": str(_DAY),
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(largest),
    }
    rules = {
        "cleanup.policy": ("delete: compaction would take records away", lambda told: told == "delete"),
        "retention.ms": (
            f"{_DAY} to {days * _DAY} (a day to {days} days): it names people in plain text",
            lambda told: _DAY <= int(told) <= days * _DAY,
        ),
        "segment.ms": (
            f"at most {_DAY} (a day): a record stays as long as its segment",
            lambda told: int(told) <= _DAY,
        ),
        "message.timestamp.type": (
            "LogAppendTime: no publisher's clock says how long a record is kept",
            lambda told: told == "LogAppendTime",
        ),
        "unclean.leader.election.enable": ("false", lambda told: told == "false"),
    }
    return Wanted(name, _INTAKE_PARTITIONS, settings, rules, fixed=False)


def provide(servers: str, *wanted: Wanted) -> None:
    """Make the topics that are missing and check those that are there.

    Raises WrongTopic, naming the setting, its value and the rule; KafkaError where the cluster does not answer.
    """
    client = admin(servers)
    try:
        brokers = len(client.describe_cluster()["brokers"])
        for topic in wanted:
            if topic.name not in client.list_topics():
                _make(client, topic, brokers)
            _check(topic, client.describe_topics([topic.name])[0], _settings(client, topic.name))
    finally:
        client.close()


def _make(client: KafkaAdminClient, topic: Wanted, brokers: int) -> None:
    copies = min(_COPIES, brokers)
    settings = {**topic.settings, "min.insync.replicas": str(min(2, copies))}
    new = NewTopic(topic.name, topic.partitions, copies, topic_configs=settings)
    try:
        client.create_topics([new], wait_for_metadata=True)
    except TopicAlreadyExistsError:
        client.wait_for_topics([topic.name], timeout_ms=_PATIENCE_MS)  # another was faster


def _settings(client: KafkaAdminClient, name: str) -> dict[str, str]:
    asked = [ConfigResource(ConfigResourceType.TOPIC, name)]
    told = client.describe_configs(asked, config_filter="all")["topic"][name]
    return {setting: str(found["value"]) for setting, found in told.items()}


def _check(topic: Wanted, found: Mapping[str, Any], settings: Mapping[str, str]) -> None:
    partitions = len(found["partitions"])
    if topic.fixed and partitions != topic.partitions:
        raise WrongTopic(
            topic=topic.name,
            setting="partitions",
            value=partitions,
            rule=f"{topic.partitions}, as the log has",
        )
    for setting, (rule, holds) in topic.rules.items():
        if not holds(settings[setting]):
            raise WrongTopic(topic=topic.name, setting=setting, value=settings[setting], rule=rule)
    copies = min(len(partition["replica_nodes"]) for partition in found["partitions"])
    in_sync = int(settings["min.insync.replicas"])
    if not min(2, copies) <= in_sync <= copies:
        rule = (
            f"at least 2 and at most {copies}, the copies of a partition"
            if copies > 1
            else "1, with one copy"
        )
        raise WrongTopic(topic=topic.name, setting="min.insync.replicas", value=in_sync, rule=rule)
