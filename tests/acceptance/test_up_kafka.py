"""`backstory up --kafka`: what services publish is recorded, carried on and shown, by one command."""

from pathlib import Path

from streams.kafka.topics import Topics
from tests.acceptance.running import Up, until
from tests.api.intake.publishing import Topic


def figure(up: Up, name: str) -> float:
    """Return a figure of /metrics, -1 where it is not there."""
    lines = up.answer("/metrics")[1].splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith(f"{name} ")), -1.0)


def test_up_with_kafka_takes_what_services_publish_and_publishes_what_it_records(
    kafka: str, topics: Topics, tmp_path: Path
) -> None:
    topic = Topic(kafka, topics)
    with Up(tmp_path / "data", "--kafka", kafka, "--kafka-prefix", topics.prefix) as up:
        up.wait_ready()
        began = figure(up, "backstory_log_position")
        topic.report("order-placed.v1", "1", source_id="1")
        until(lambda: figure(up, "backstory_log_position") > began, "what was published is recorded")
        up.kill("intake")
        topic.report("order-placed.v1", "2", source_id="2")
        until(topic.settled, "an intake that was killed is started again")
        until(lambda: figure(up, "backstory_published_lag_events") == 0, "what was recorded is published")
        until(lambda: figure(up, "backstory_intake_lag_messages") == 0, "the intake is at the end")
        assert "intake: was ended by SIGKILL, starts again" in up.printed
    topic.close()
    assert topic.rejected() == []
