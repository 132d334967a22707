"""A real Apache Kafka in a container, for machines without java and Maven: the image and settings of compose.yaml."""

import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import yaml

COMPOSE = Path(__file__).parents[2] / "compose.yaml"
_PATIENCE = 180.0  # the image may have to be fetched first
_STARTED = "Kafka Server started"


class NoContainer(Exception):
    """Why there is no container for the tests."""


def command(name: str, port: int, quick: Mapping[str, str]) -> list[str]:
    """Return how a container is made whose broker is reached at a port of this machine; `quick` are more settings."""
    service = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["kafka"]
    settings = service["environment"] | {
        f"KAFKA_{setting.upper().replace('.', '_')}": value for setting, value in quick.items()
    }
    settings["KAFKA_ADVERTISED_LISTENERS"] = f"PLAINTEXT://127.0.0.1:{port}"
    given = [word for setting, value in settings.items() for word in ("--env", f"{setting}={value}")]
    place = ("--detach", "--name", name, "--hostname", "kafka", "--publish", f"127.0.0.1:{port}:9092")
    return ["docker", "run", *place, *given, service["image"]]


class Container:
    """A broker in a container, on a port which it keeps through any number of kills and starts."""

    def __init__(self, port: int, quick: Mapping[str, str]) -> None:
        if shutil.which("docker") is None:
            raise NoContainer("docker is not there")
        self.bootstrap = f"127.0.0.1:{port}"
        self._name = f"backstory-kafka-{secrets.token_hex(4)}"
        self._make: list[str] | None = command(self._name, port, quick)

    def start(self) -> None:
        """Start it and wait until it serves. Raises NoContainer with what docker or the broker said."""
        before = self._starts() if self._make is None else 0
        self._docker(*(self._make or ("docker", "start", self._name)))
        self._make = None
        deadline = time.monotonic() + _PATIENCE
        while self._starts() <= before:
            if time.monotonic() > deadline:
                raise NoContainer(f"the broker did not start:\n{self._printed()[-2000:]}")
            time.sleep(0.2)

    def kill(self) -> None:
        """Kill it with signal 9, where it runs."""
        subprocess.run(["docker", "kill", self._name], capture_output=True, check=False)

    def remove(self) -> None:
        """Remove it with its data."""
        subprocess.run(["docker", "rm", "--force", "--volumes", self._name], capture_output=True, check=False)

    def _starts(self) -> int:
        return self._printed().count(_STARTED)

    def _printed(self) -> str:
        return self._docker("docker", "logs", self._name)

    def _docker(self, *words: str) -> str:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoContainer(f"docker {words[1]}: {' '.join(done.stderr.split())[-500:]}")
        return done.stdout + done.stderr
