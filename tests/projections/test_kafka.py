from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import psycopg
import pytest
from kafka import KafkaAdminClient

from api import health
from projections.projector import Projector
from projections.schema import prepare
from projections.waiting import wait
from replay.rebuild import rebuild
from replay.verify import differences
from streams.kafka.follower import KafkaFollower
from streams.kafka.topics import Topics
from streams.log import Log
from tests.projections.conftest import Ask, parts, running
from tests.projections.facts import append, moved, opened, paid, placed, refunded
from tests.streams.kafka.reading import published, read_topic, relaying, until


@contextmanager
def projecting(log: Log, kafka: str, topics: Topics, told: list[str]) -> Iterator[None]:
    with running(log, lambda log: KafkaFollower(log, kafka, topics, told.append, group=topics.projectors)):
        yield


def tell(log: Log, first: int, count: int) -> None:
    for n in range(first, first + count):
        append(log, f"order-{n}", [placed(customer_id=f"c{n % 7}"), paid()], customer_id=f"c{n % 7}")
        append(log, f"order-{n}", [refunded(order_id=str(n))], customer_id=f"c{n % 7}")
        append(log, f"deal-{n}", [opened(), moved(5, "Won")])


def test_projectors_on_kafka_come_and_go_and_every_row_equals_a_fresh_fold(
    log: Log, kafka: str, topics: Topics, ask: Ask
) -> None:
    prepare(log.conninfo)
    told: list[str] = []
    with relaying(log.conninfo, kafka, topics), ExitStack() as others:
        tell(log, 0, 10)
        until(lambda: published(log) == log.head(), "not published")
        with projecting(log, kafka, topics, told):
            assert wait(log, log.head(), 60)
            others.enter_context(projecting(log, kafka, topics, told))
            tell(log, 10, 15)
            until(lambda: parts(ask) == [6, 6], "the projectors did not share the partitions")
            tell(log, 25, 10)
            assert wait(log, log.head(), 60)
        tell(log, 35, 5)
        assert wait(log, log.head(), 60)
    assert differences(log, log.conninfo) == []
    assert told == []


def test_kafkas_own_tools_see_how_far_projectors_have_read(log: Log, kafka: str, topics: Topics) -> None:
    prepare(log.conninfo)
    admin = KafkaAdminClient(bootstrap_servers=kafka)

    def seen() -> dict[int, int]:
        found = admin.list_group_offsets({topics.projectors: None})[topics.projectors]
        return {one.partition: told.offset for one, told in found.items()}

    def written() -> dict[int, int]:
        return {record.partition: record.offset + 1 for record in read_topic(kafka, topics.events)}

    with closing(admin), relaying(log.conninfo, kafka, topics):
        with projecting(log, kafka, topics, []):
            tell(log, 0, 10)
            until(lambda: published(log) == log.head() and seen() == written(), "the group is not at the end")
        tell(log, 10, 5)
        until(lambda: published(log) == log.head(), "not published")
        assert sum(written().values()) - sum(seen().values()) == 3 * 5 + 2 * 5
        with psycopg.connect(log.conninfo) as connection:
            behind = {
                one.partition: one.lag_events for one in health.places(connection) if one.model == "orders"
            }
        assert behind == {n: written().get(n, 0) - seen().get(n, 0) for n in range(log.partitions)}
        members = admin.describe_groups([topics.projectors])[topics.projectors]["members"]
        assert members == []


@pytest.mark.usefixtures("projector")
def test_a_read_model_is_rebuilt_from_kafka_alone(log: Log, kafka: str, topics: Topics, ask: Ask) -> None:
    tell(log, 0, 20)
    with relaying(log.conninfo, kafka, topics):
        until(lambda: published(log) == log.head(), "not published")
    Projector(log, log.conninfo).catch_up()
    ask("UPDATE model.orders SET paid = 77 WHERE order_id = '3' RETURNING 1")
    with closing(KafkaFollower(log, kafka, topics, print)) as follower:
        (found,) = rebuild(log, ["orders"], reason="test", follower=follower).models
        assert (found.differing, found.swapped) == (1, False)
        (approved,) = rebuild(log, ["orders"], reason="test", approve=True, follower=follower).models
        assert approved.swapped
    assert differences(log, log.conninfo) == []
