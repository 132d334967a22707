"""The container that stands in where java or Maven is missing: what docker is asked for."""

import os
from pathlib import Path

import pytest
import yaml

from tests.kafka import broker
from tests.kafka.broker import NoKafka, lent
from tests.kafka.container import COMPOSE

DOCKER = """#!/bin/sh
echo "$@" >>{folder}/asked
case $1 in
    run | start) echo x >>{folder}/starts ;;
    logs) while read -r _; do echo "[KafkaRaftServer] Kafka Server started"; done <{folder}/starts ;;
esac
exit {code}
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `docker` that notes what it is asked, on a machine without java."""

    def missing() -> None:
        raise NoKafka("java 17 or newer is not there")

    monkeypatch.setattr(broker, "fetch", missing)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    program = tmp_path / "docker"
    program.write_text(DOCKER.format(folder=tmp_path, code=0))
    program.chmod(0o755)
    return program


def test_without_java_a_container_of_the_image_and_settings_of_compose_is_lent(docker: Path) -> None:
    with lent() as lent_broker:
        port = lent_broker.bootstrap.partition(":")[2]
        lent_broker.kill()
        lent_broker.start()
    made, *then = (docker.parent / "asked").read_text().splitlines()
    compose = yaml.safe_load(COMPOSE.read_text())["services"]["kafka"]
    words = made.split()
    assert words[0] == "run"
    assert words[-1] == compose["image"]
    assert f"--publish 127.0.0.1:{port}:9092" in made
    settings = dict(word.split("=", 1) for word in words if word.startswith(("KAFKA_", "CLUSTER_ID")))
    own = {"KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}"}
    assert settings.items() >= (compose["environment"] | own).items()
    assert settings["KAFKA_BROKER_SESSION_TIMEOUT_MS"] == "3000"
    name = words[words.index("--name") + 1]
    assert [line for line in then if not line.startswith("logs")] == [
        f"kill {name}", f"start {name}", f"rm --force --volumes {name}"
    ]  # fmt: skip


def test_a_docker_that_cannot_is_told_with_what_else_is_missing(docker: Path) -> None:
    docker.write_text(DOCKER.format(folder=docker.parent, code=1))
    with pytest.raises(NoKafka, match=r"java 17 or newer is not there; docker run: "), lent():
        pass
