"""The consumer of the README runs as written and sees everything."""

import re
from pathlib import Path
from typing import Any

import kafka as library
import pytest

from streams.kafka.topics import Topics
from streams.log import Log
from tests.streams.kafka.reading import relaying
from tests.streams.kafka.test_relay import all_published, fill

README = Path(__file__).parents[3] / "streams" / "kafka" / "README.md"


def test_ten_lines_of_plain_kafka_python_follow_the_stream(
    log: Log,
    kafka: str,
    topics: Topics,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fill(log, 0, 40)
    with relaying(log.conninfo, kafka, topics):
        all_published(log)
    head = log.head()

    opened: list[library.KafkaConsumer] = []

    class Ending(library.KafkaConsumer):  # type: ignore[misc] # the one of the example follows for ever
        def __next__(self) -> Any:
            opened.append(self)
            if len(opened) > head:
                raise StopIteration
            return super().__next__()

    monkeypatch.setattr(library, "KafkaConsumer", Ending)
    [example] = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len([line for line in example.splitlines() if line]) <= 10
    try:
        exec(compile(example, str(README), "exec"), {"topic": topics.events, "servers": kafka})  # noqa: S102 - ours
    finally:
        opened[0].close()
    told = [line.split(" ", 3) for line in capsys.readouterr().out.splitlines()]
    assert sorted(int(position) for position, *_ in told) == list(range(1, head + 1))
    assert {kind for _, kind, *_ in told} == {"payment-received.v1"}
