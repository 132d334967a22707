"""kill -9 of the relay and the broker under load, a broker that is away, a second relay: the topic stays the log's."""

import base64
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from api.embedded import EmbeddedPostgres
from streams.kafka.outbox import LEASE
from streams.kafka.topics import Topics
from streams.log import Log
from tests.acceptance.running import BACKSTORY, backstory, lines, until
from tests.acceptance.test_kill import Load
from tests.kafka.broker import Broker
from tests.streams.kafka.reading import prove, published, read_events

SEED = int(os.environ.get("BACKSTORY_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
FAULTS = ("relay", "relay", "relay", "relay", "second", "stopped", "broker", "relay", "away", "relay")


class RelayProcess:
    """`backstory relay` on a data folder; what it prints is kept in a file."""

    def __init__(self, data: Path, broker: Broker, topics: Topics) -> None:
        self._where = (data, broker, topics)
        self.data, self.printed = data, data / "relay-printed"
        self._command = [BACKSTORY, "relay", "--data", str(data), "--kafka", broker.bootstrap]
        self._command += ["--kafka-prefix", topics.prefix]
        self.start()

    def start(self) -> None:
        with self.printed.open("a") as printed:
            self.process = subprocess.Popen(
                self._command, stderr=printed, stdout=printed, start_new_session=True
            )

    def kill(self) -> None:
        assert self.process.poll() is None, self.printed.read_text()
        self.process.kill()
        self.process.wait()

    @contextmanager
    def another(self) -> Iterator["RelayProcess"]:
        """Run a second one for a while."""
        second = RelayProcess(*self._where)
        try:
            yield second
        finally:
            second.stop()

    def end(self) -> None:
        """Kill it, if it still runs."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(60)


def hurt(data: Path, broker: Broker, topics: Topics, faults: list[str], away: float) -> None:
    """Let each fault happen at a random moment under load, and prove after all of it that the topic is the log."""
    chance = random.Random(SEED)  # noqa: S311 - a seed repeats the run
    chance.shuffle(faults)
    sys.stdout.write(f"seed {SEED}, in turn: {', '.join(faults)}\n")
    backstory(data, "keys", "list")  # makes the database and the master key
    with ExitStack() as stack:
        postgres = stack.enter_context(EmbeddedPostgres(data / "postgres"))
        conninfo = postgres.conninfo("backstory")
        log = stack.enter_context(Log(conninfo, base64.b64decode((data / "master.key").read_text())))
        relay = RelayProcess(data, broker, topics)
        stack.callback(relay.end)
        with Load(data, conninfo) as load:
            for fault in faults:
                load.go_on()
                time.sleep(chance.uniform(0, 0.3))
                strike(fault, relay, broker, away)
                reached = published(log)
                goes_on(log, reached, fault)
            load.go_on()
            load.kill()
        head = log.head()
        until(lambda: published(log) >= head, "everything published")
        prove(log, read_events(broker.bootstrap, topics))
        verified = backstory(
            data, "replay", "restore", "--from", "kafka", "--verify", "--json",
            "--kafka", broker.bootstrap, "--kafka-prefix", topics.prefix,
        )  # fmt: skip
        assert verified.returncode == 0, verified.stderr
        assert lines(verified.stdout)[0]["events"] == head
        assert relay.stop() == 0
    told = relay.printed.read_text()
    assert "Traceback" not in told
    if "away" in faults:
        assert "Kafka is away" in told
        assert "publishes again" in told
    if "second" in faults:
        assert "another relay leads; standing by" in told


def goes_on(log: Log, reached: int, fault: str) -> None:
    until(lambda: published(log) > reached, f"publication after {fault}", 90)


def strike(fault: str, relay: RelayProcess, broker: Broker, away: float) -> None:
    match fault:
        case "relay":
            relay.kill()
            relay.start()
        case "broker":
            broker.kill()
            broker.start()
        case "away":
            broker.kill()
            time.sleep(away)
            broker.start()
        case "second":
            with relay.another() as second:
                until(lambda: "standing by" in second.printed.read_text(), "the second relay stands by")
        case "stopped":
            leader_pauses_while_another_takes_over(relay)


def leader_pauses_while_another_takes_over(relay: RelayProcess) -> None:
    """Stop the leader, take its connection to PostgreSQL away, let another lead, wake the first."""
    os.kill(relay.process.pid, signal.SIGSTOP)
    try:
        with EmbeddedPostgres(relay.data / "postgres") as postgres:
            conninfo = postgres.conninfo("backstory")
            with psycopg.connect(conninfo, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted "
                    "AND objid = %s",
                    (LEASE,),
                )
            with relay.another():
                before = _position(conninfo)
                until(lambda: _position(conninfo) > before, "the second relay leads", 90)
                os.kill(relay.process.pid, signal.SIGCONT)
                time.sleep(0.5)
    finally:
        os.kill(relay.process.pid, signal.SIGCONT)


def _position(conninfo: str) -> int:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT position FROM log.published").fetchone()
    return row[0] if row else 0


def test_ten_faults_under_load_leave_every_event_in_the_topic_once(
    tmp_path: Path, broker: Broker, topics: Topics
) -> None:
    hurt(tmp_path, broker, topics, list(FAULTS), away=2)


@pytest.mark.soak
def test_fifty_faults_under_load_leave_every_event_in_the_topic_once(
    tmp_path: Path, broker: Broker, topics: Topics
) -> None:
    hurt(tmp_path, broker, topics, [*FAULTS, *FAULTS, *FAULTS, *FAULTS, *FAULTS], away=60)


def test_a_burnt_database_comes_back_by_one_command_and_up_goes_on(
    tmp_path: Path, broker: Broker, topics: Topics
) -> None:
    where = ("--kafka", broker.bootstrap, "--kafka-prefix", topics.prefix)
    data, again = tmp_path / "data", tmp_path / "again"
    backstory(data, "keys", "create", "shop")
    relay = RelayProcess(data, broker, topics)
    with EmbeddedPostgres(data / "postgres") as postgres:
        conninfo = postgres.conninfo("backstory")
        with Log(conninfo, base64.b64decode((data / "master.key").read_text())) as log:
            until(lambda: published(log) >= log.head() > 0, "everything published")
            head = log.head()
        assert relay.stop() == 0
    again.mkdir()
    (again / "master.key").write_bytes((data / "master.key").read_bytes())
    (again / "master.key").chmod(0o600)
    restored = backstory(again, "replay", "restore", "--from", "kafka", *where)
    assert restored.returncode == 0, restored.stderr
    assert restored.stdout.startswith(f"restored {head} events, ")
    twice = backstory(again, "replay", "restore", "--from", "kafka", *where)
    assert (twice.returncode, "only into a database where none was begun" in twice.stderr) == (1, True)
    listed = backstory(again, "keys", "list", "--json")
    assert [key["name"] for key in lines(listed.stdout)] == ["shop"]
