"""kill -9 of relay, projectors and broker under load, and worse: the topic stays the log's, and the tables right."""

import base64
import os
import random
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from api.embedded import EmbeddedPostgres
from replay.verify import differences
from streams.kafka.outbox import LEASE
from streams.kafka.record import read_record
from streams.kafka.topics import Topics
from streams.log import Log
from tests.acceptance.running import RoleOnKafka, backstory, lines, on_a_terminal, until
from tests.acceptance.test_kill import Load
from tests.kafka.broker import Broker
from tests.streams.kafka.reading import prove, published, read_topic

SEED = int(os.environ.get("BACKSTORY_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
_PARTITION = 0x70617274
_LEADERS = f"objid = {LEASE} AND objsubid = 1"
_SHARERS = f"classid = {_PARTITION} AND objsubid = 2"


@dataclass
class Scene:
    """Everything that runs, and what was done to the topic by hand."""

    data: Path
    broker: Broker
    topics: Topics
    conninfo: str
    log: Log
    chance: random.Random
    away: float
    relay: RoleOnKafka
    projectors: Sequence[RoleOnKafka]
    by_hand: set[tuple[int, int]] = field(default_factory=set)

    def until(self, met: Callable[[], bool], what: str, patience: float = 90.0) -> None:
        """Wait for a condition, and start again what ends by itself meanwhile."""

        def tended() -> bool:
            for role in self.roles:
                role.tend()
            return met()

        until(tended, what, patience)

    def goes_on(self, after: str) -> None:
        """Wait until events are published and projected that were not before."""
        reached = self.log.head()
        self.until(lambda: published(self.log) > reached, f"publication after {after}")
        self.until(lambda: self.projected() > reached, f"projection after {after}")

    def projected(self) -> int:
        return self._ask("SELECT min(position) FROM model.places")[0][0]

    def sharers(self) -> list[int]:
        """Return how many partitions each projector holds, the smallest part first."""
        return sorted(
            n
            for (n,) in self._ask(f"SELECT count(*) FROM pg_locks WHERE {_SHARERS} AND granted GROUP BY pid")
        )

    def cut_off(self, holders: str) -> None:
        """End the connections to PostgreSQL that hold these locks."""
        self._ask(
            "SELECT pg_terminate_backend(pid) FROM pg_locks "
            f"WHERE locktype = 'advisory' AND granted AND {holders}"
        )

    def _ask(self, query: str) -> list[tuple[int, ...]]:
        with psycopg.connect(self.conninfo) as connection:
            return connection.execute(query.encode()).fetchall()

    @property
    def roles(self) -> Sequence[RoleOnKafka]:
        return (self.relay, *self.projectors)

    @property
    def flags(self) -> tuple[str, ...]:
        return ("--kafka", self.broker.bootstrap, "--kafka-prefix", self.topics.prefix)


@contextmanager
def played(data: Path, broker: Broker, topics: Topics, away: float) -> Iterator[Scene]:
    """Run a relay and two projectors on a fresh log."""
    chance = random.Random(SEED)  # noqa: S311 - a seed repeats the run
    made = backstory(data, "keys", "list")  # makes the database and the master key
    assert made.returncode == 0, made.stderr
    with ExitStack() as stack:
        postgres = stack.enter_context(EmbeddedPostgres(data / "postgres"))
        conninfo = postgres.conninfo("backstory")
        log = stack.enter_context(Log(conninfo, base64.b64decode((data / "master.key").read_text())))
        roles = []
        for role in ("relay", "project", "project"):
            roles.append(RoleOnKafka(role, data, broker.bootstrap, topics.prefix))
            stack.callback(roles[-1].end)
        yield Scene(data, broker, topics, conninfo, log, chance, away, roles[0], roles[1:])
        assert [role.stop() for role in roles] == [0, 0, 0]


def hurt(data: Path, broker: Broker, topics: Topics, *, times: int, away: float) -> None:
    """Let each fault happen at random moments under load; prove after all of it that nothing is wrong."""
    with played(data, broker, topics, away) as scene:
        faults = [*FAULTS] * times
        scene.chance.shuffle(faults)
        sys.stdout.write(f"seed {SEED}\n")
        with Load(data, scene.conninfo) as load:
            for fault in faults:
                load.go_on()
                time.sleep(scene.chance.uniform(0, 0.3))
                sys.stdout.write(f"{time.strftime('%X')} {fault.__name__}\n")
                fault(scene)
                scene.goes_on(fault.__name__)
            load.go_on()
            load.kill()
            the_tables_are_a_fresh_fold(scene)
            the_topic_is_the_log(scene)
            load.start()
            records_go_missing(scene)
            load.go_on()
            load.kill()
        the_tables_are_a_fresh_fold(scene)
        every_stop_said_why(scene)


def a_relay_dies(scene: Scene) -> None:
    again(scene.relay)


def a_projector_dies(scene: Scene) -> None:
    again(scene.chance.choice(scene.projectors))


def the_broker_dies(scene: Scene) -> None:
    scene.broker.kill()
    scene.broker.start()


def all_die(scene: Scene) -> None:
    for role in scene.roles:
        role.kill()
    the_broker_dies(scene)
    for role in scene.roles:
        role.start()


def the_broker_is_away(scene: Scene) -> None:
    scene.broker.kill()
    time.sleep(scene.away)
    scene.broker.start()


def a_second_relay_starts(scene: Scene) -> None:
    with scene.relay.another() as second:
        scene.until(lambda: "another relay leads; standing by" in second.printed, "the second stands by")


def a_relay_pauses_while_another_leads(scene: Scene) -> None:
    with scene.relay.another():
        with paused(scene.relay, scene, _LEADERS):
            reached = published(scene.log)
            scene.until(lambda: published(scene.log) > reached, "another relay leads")
        scene.goes_on("the first relay woke")


def a_projector_pauses_while_another_reads_its_partitions(scene: Scene) -> None:
    with paused(scene.chance.choice(scene.projectors), scene, _SHARERS):
        scene.until(lambda: sum(scene.sharers()) == scene.log.partitions, "others take the partitions")


def projectors_divide_anew(scene: Scene) -> None:
    with scene.projectors[0].another():
        scene.until(lambda: scene.sharers() == [4, 4, 4], "three projectors share the partitions")
    scene.until(lambda: scene.sharers() == [6, 6], "two projectors share the partitions")


def records_are_doubled(scene: Scene) -> None:
    """Write some records once more, by hand."""
    records = read_topic(scene.broker.bootstrap, scene.topics.events, last=20)
    producer = KafkaProducer(bootstrap_servers=scene.broker.bootstrap)
    sent = [
        producer.send(scene.topics.events, one.value, one.key, list(one.headers), one.partition)
        for one in scene.chance.sample(records, min(len(records), 60)) + records[-3:]
    ]
    producer.close()
    scene.by_hand |= {(one.partition, one.offset) for one in (each.get() for each in sent)}


FAULTS: Sequence[Callable[[Scene], None]] = (
    a_relay_dies,
    a_projector_dies,
    the_broker_dies,
    all_die,
    the_broker_is_away,
    a_second_relay_starts,
    a_relay_pauses_while_another_leads,
    a_projector_pauses_while_another_reads_its_partitions,
    projectors_divide_anew,
    records_are_doubled,
)


def again(role: RoleOnKafka) -> None:
    role.kill()
    role.start()


@contextmanager
def paused(role: RoleOnKafka, scene: Scene, locks: str) -> Iterator[None]:
    """Stop a process and take its locks away; when it wakes it does not know."""
    os.kill(role.process.pid, signal.SIGSTOP)
    try:
        scene.cut_off(locks)
        yield
    finally:
        os.kill(role.process.pid, signal.SIGCONT)


def records_go_missing(scene: Scene) -> None:
    """Delete, by hand, nearly all that is published: also what no projector has read yet."""
    for projector in scene.projectors:
        projector.kill()
    head = scene.log.head()
    until(lambda: published(scene.log) > head + 100, "publication without projectors")
    admin = KafkaAdminClient(bootstrap_servers=scene.broker.bootstrap)
    ends = {
        TopicPartition(scene.topics.events, one.partition): one.offset
        for one in read_topic(scene.broker.bootstrap, scene.topics.events, last=1)
    }
    admin.delete_records(ends)
    admin.close()
    for projector in scene.projectors:
        projector.start()
    again(scene.relay)
    scene.goes_on("deletion")
    assert any("missing; read from the log" in projector.printed for projector in scene.projectors)
    verified = backstory(scene.data, "replay", "restore", "--from", "kafka", "--verify", *scene.flags)
    assert (verified.returncode, "missing" in verified.stderr) == (1, True), verified


def the_tables_are_a_fresh_fold(scene: Scene) -> None:
    head = scene.log.head()
    scene.until(lambda: scene.projected() >= head, "everything projected")
    assert differences(scene.log, scene.conninfo) == []


def the_topic_is_the_log(scene: Scene) -> None:
    """Every position once in its partition's order, but for what was written by hand."""
    prove(
        scene.log,
        [
            read_record(one.partition, one.value, one.headers)
            for one in read_topic(scene.broker.bootstrap, scene.topics.events)
            if (one.partition, one.offset) not in scene.by_hand
        ],
    )
    verified = backstory(
        scene.data, "replay", "restore", "--from", "kafka", "--verify", "--json", *scene.flags
    )
    assert verified.returncode == 0, verified.stderr
    assert lines(verified.stdout)[0]["events"] == scene.log.head()


def every_stop_said_why(scene: Scene) -> None:
    """What ended by itself said so (RoleOnKafka.tend); here: what waited, and no end was a fault of ours."""
    for role in scene.roles:
        sys.stdout.write(f"--- {role.printed}")
        assert "Traceback" not in role.printed
    assert "Kafka is away" in scene.relay.printed
    assert "publishes again" in scene.relay.printed


def test_ten_faults_of_kafka_and_its_readers_lose_double_and_skip_nothing(
    tmp_path: Path, broker: Broker, topics: Topics
) -> None:
    hurt(tmp_path, broker, topics, times=1, away=2)


@pytest.mark.soak
def test_fifty_faults_of_kafka_and_its_readers_lose_double_and_skip_nothing(
    tmp_path: Path, broker: Broker, topics: Topics
) -> None:
    hurt(tmp_path, broker, topics, times=5, away=60)


def test_a_burnt_database_comes_back_by_one_command_and_up_goes_on(
    tmp_path: Path, broker: Broker, topics: Topics
) -> None:
    where = ("--kafka", broker.bootstrap, "--kafka-prefix", topics.prefix)
    data, anew = tmp_path / "data", tmp_path / "anew"
    backstory(data, "keys", "create", "shop")
    relay = RoleOnKafka("relay", data, broker.bootstrap, topics.prefix)
    with EmbeddedPostgres(data / "postgres") as postgres:
        conninfo = postgres.conninfo("backstory")
        with Log(conninfo, base64.b64decode((data / "master.key").read_text())) as log:
            until(lambda: published(log) >= log.head() > 0, "everything published")
            head = log.head()
        assert relay.stop() == 0
    anew.mkdir()
    (anew / "master.key").write_bytes((data / "master.key").read_bytes())
    (anew / "master.key").chmod(0o600)
    code, printed, shown = on_a_terminal(anew, "replay", "restore", "--from", "kafka", *where)
    assert code == 0, shown
    assert printed.startswith(f"restored {head} events, ")
    assert re.search(r"restoring .*100%.* [\d,]+/s ", shown), shown
    twice = backstory(anew, "replay", "restore", "--from", "kafka", *where)
    assert (twice.returncode, "only into a database where none was begun" in twice.stderr) == (1, True)
    listed = backstory(anew, "keys", "list", "--json")
    assert [key["name"] for key in lines(listed.stdout)] == ["shop"]
