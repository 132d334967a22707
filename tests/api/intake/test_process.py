"""The role as a process of its own: killed in the middle, told to stop, and what it prints."""

import os
import signal
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from kafka import KafkaConsumer
from kafka.structs import TopicPartition

from streams.kafka.clients import config
from streams.log import Log
from tests.acceptance.running import BACKSTORY, PATIENCE
from tests.api.intake.publishing import Topic, body, headers, until
from tests.conftest import MASTER_KEY

ANN = "ann.private@example.org"


@contextmanager
def role(topic: Topic, database: str, printed: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `backstory intake` meanwhile."""
    settings = {
        "BACKSTORY_MASTER_KEY": b64encode(MASTER_KEY).decode(),
        "BACKSTORY_DATABASE": database,
        "BACKSTORY_KAFKA": topic.servers,
        "BACKSTORY_KAFKA_PREFIX": topic.topics.prefix,
        "BACKSTORY_DATA": str(printed.parent),
    }
    with printed.open("ab") as to:
        process = subprocess.Popen(
            [BACKSTORY, "intake"], env={**os.environ, **settings}, stdout=to, stderr=to
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)


@pytest.mark.parametrize("kills", [2, pytest.param(15, marks=pytest.mark.soak)])
def test_kill_9_in_the_middle_records_everything_once_and_rejects_what_is_bad(
    topic: Topic, log: Log, database: str, tmp_path: Path, kills: int
) -> None:
    printed = tmp_path / "printed"
    published, bad = [], set()
    with closing(
        KafkaConsumer(**config(topic.servers), group_id=topic.topics.intake, enable_auto_commit=False)
    ) as watcher:
        for kill in range(kills + 1):
            partition = 0
            for number in range(150):
                ident = f"{kill}-{number}"
                if number % 10 == 3:
                    bad.add(topic.report("customer-reported.v1", ident, email=[ANN]))
                else:
                    told = body("order-placed.v1", source_id=ident, customer={"email": ANN})
                    partition, _ = topic.publish(told, headers("order-placed.v1", ident))
                    published.append(ident)
            place = TopicPartition(topic.topics.intake, partition)
            before = log.head(), watcher.committed(place)
            with role(topic, database, printed) as process:
                if kill < kills:
                    until(lambda was=before, at=place: (log.head(), watcher.committed(at)) != was)
                    time.sleep(0.05 * kill)  # another place each time
                    process.send_signal(signal.SIGKILL)
                else:
                    until(topic.settled)
                    process.send_signal(signal.SIGTERM)
                    assert process.wait(PATIENCE) == 0
    events = log.read(0, 100_000)
    placed = [one.event.source_id for one in events if one.type == "order-placed.v1"]  # type: ignore[attr-defined]
    assert sorted(placed) == sorted(published)
    rejected = [dict(record.headers) for record in topic.rejected()]
    assert {(int(one["backstory_partition"]), int(one["backstory_offset"])) for one in rejected} == bad
    assert ANN not in printed.read_text()
