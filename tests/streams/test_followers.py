"""What every follower promises, whatever carries the log: one suite for each of them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import pytest
from kafka import KafkaProducer

from streams.errors import HoleInTopic
from streams.follower import Follower, LogFollower, Read
from streams.kafka.follower import KafkaFollower
from streams.kafka.topics import Topics
from streams.log import Log
from tests.streams.kafka.reading import published, read_topic, relaying, until
from tests.streams.kafka.test_relay import fill

EVERY = range(12)
Open = Callable[[], Follower]


@pytest.fixture(params=["log", "kafka"])
def opened(request: pytest.FixtureRequest, log: Log) -> Iterator[Open]:
    """Open a follower of the log, or of Kafka with a relay at work."""
    if request.param == "log":
        yield lambda: LogFollower(log)
        return
    servers, topics = request.getfixturevalue("kafka"), request.getfixturevalue("topics")
    with relaying(log.conninfo, servers, topics):
        until(lambda: bool(read_topic_or_nothing(servers, topics)), "there is no topic")
        yield lambda: KafkaFollower(log, servers, topics, print)


def read_topic_or_nothing(servers: str, topics: Topics) -> bool:
    try:
        read_topic(servers, topics.events)
    except Exception:  # noqa: BLE001 - not there yet
        return False
    return True


@contextmanager
def ready(follower: Follower) -> Iterator[Follower]:
    with closing(follower):
        yield follower


def read(follower: Follower, after: int, to: int, partitions: Sequence[int] = EVERY) -> Read:
    """Read until something comes."""
    found: list[Read] = []

    def came() -> bool:
        found[:] = [follower.read(after, to, partitions)]
        return found[0].reached > after

    until(came, f"nothing after {after} came")
    return found[0]


def read_all(follower: Follower, head: int, *, step: int = 100, after: int = 0) -> list[int]:
    seen = []
    while after < head:
        if not follower.wait(after, 30):
            raise TimeoutError
        reached, events = read(follower, after, after + step)
        assert all(after < recorded.position <= reached for recorded in events)
        seen += [recorded.position for recorded in events]
        after = reached
    return seen


def test_every_event_is_read_once_in_log_order(opened: Open, log: Log) -> None:
    fill(log, 0, 300)
    with ready(opened()) as follower:
        assert read_all(follower, 600) == list(range(1, 601))


def test_what_is_read_is_what_the_log_has(opened: Open, log: Log) -> None:
    fill(log, 0, 5)
    with ready(opened()) as follower:
        assert follower.wait(9, 30)
        reached, events = read(follower, 0, 100)
        assert reached == 10
        lean = [(r.position, r.stream, r.version, r.type, r.recorded_at, r.actor, r.event) for r in events]
        assert lean == [
            (r.position, r.stream, r.version, r.type, r.recorded_at, r.actor, r.event)
            for r in log.read(0, 100)
        ]


def test_some_partitions_are_read_without_the_others(opened: Open, log: Log) -> None:
    fill(log, 0, 100)
    mine = [recorded.position for recorded in log.read(0, 1000) if recorded.partition in {3, 7}]
    with ready(opened()) as follower:
        assert follower.wait(199, 30)
        reached, events = read(follower, 0, 1000, [3, 7])
        assert (reached, [recorded.position for recorded in events]) == (200, mine)


def test_reading_begins_anew_wherever_it_is_asked_to(opened: Open, log: Log) -> None:
    fill(log, 0, 100)
    with ready(opened()) as follower:
        assert follower.wait(199, 30)
        for after, to in ((0, 200), (0, 50), (120, 121), (199, 200), (50, 200)):
            reached, events = read(follower, after, to)
            assert (reached, [r.position for r in events]) == (to, list(range(after + 1, to + 1)))


def test_at_the_head_there_is_nothing_until_something_comes(opened: Open, log: Log) -> None:
    fill(log, 0, 1)
    with ready(opened()) as follower:
        assert follower.wait(1, 30)
        assert follower.read(2, 100, EVERY) == (2, [])
        assert not follower.wait(2, 0.1)
        writer = threading.Thread(target=fill, args=(log, 1, 1))
        writer.start()
        assert follower.wait(3, 30)
        writer.join()
        assert read_all(follower, 4, after=2) == [3, 4]


def rewritten(servers: str, topics: Topics, keep: Callable[[int, int], int]) -> Topics:
    """Copy the topic of events to another, each record as often as `keep` (partition, sequence) says."""
    from streams.kafka.provision import events_topic, keys_topic, provide  # noqa: PLC0415

    other = Topics(f"{topics.prefix}-copy")
    provide(servers, events_topic(other.events, 12), keys_topic(other.keys))
    producer = KafkaProducer(bootstrap_servers=servers)
    for record in read_topic(servers, topics.events):
        sequence = int(dict(record.headers)["ce_sequence"])
        for _ in range(keep(record.partition, sequence)):
            producer.send(
                other.events, record.value, record.key, list(record.headers), partition=record.partition
            )
    producer.flush()
    producer.close()
    return other


def _busiest(log: Log) -> tuple[int, int]:
    counts: dict[int, int] = {}
    for recorded in log.read(0, 10_000):
        counts[recorded.partition] = counts.get(recorded.partition, 0) + 1
    return max((count, partition) for partition, count in counts.items())


@pytest.mark.parametrize("where", ["first", "middle", "last"])
@pytest.mark.parametrize("times", [0, 2])
def test_a_missing_record_is_named_and_read_from_the_log_and_a_doubled_one_passed_over(
    log: Log, kafka: str, topics: Topics, where: str, times: int
) -> None:
    fill(log, 0, 100)
    with relaying(log.conninfo, kafka, topics):
        until(lambda: published(log) == 200, "not published")
    count, partition = _busiest(log)
    sequence = {"first": 1, "middle": count // 2, "last": count}[where]
    other = rewritten(kafka, topics, lambda p, s: times if (p, s) == (partition, sequence) else 1)
    told: list[str] = []
    with ready(KafkaFollower(log, kafka, other, told.append)) as follower:
        assert read_all(follower, 200, step=30) == list(range(1, 201))
        assert read_all(follower, 200, step=30, after=100) == list(range(101, 201))
    missing = [line for line in told if f"partition {partition}: sequence {sequence} is missing" in line]
    assert bool(missing) == (times == 0)
    assert len(told) == len(missing)


def test_what_neither_the_topic_nor_the_log_has_stops_the_reader(
    log: Log, kafka: str, topics: Topics, database: str
) -> None:
    import psycopg  # noqa: PLC0415

    fill(log, 0, 100)
    with relaying(log.conninfo, kafka, topics):
        until(lambda: published(log) == 200, "not published")
    _, partition = _busiest(log)
    positions = [r.position for r in log.read(0, 10_000) if r.partition == partition]
    other = rewritten(kafka, topics, lambda p, s: 0 if (p, s) == (partition, 2) else 1)
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE log.events DISABLE TRIGGER ALL")
        connection.execute("DELETE FROM log.events WHERE position = %s", (positions[1],))
    with ready(KafkaFollower(log, kafka, other, print)) as follower, pytest.raises(HoleInTopic) as raised:
        follower.read(0, 1000, EVERY)
    assert f"partition {partition}" in str(raised.value).replace("=", " ")
