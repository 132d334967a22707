"""compose.yaml and the Dockerfile name what exists, and set what the tests run on."""

import re
import shlex
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.cli.main import COMMANDS, parser
from api.embedded.server import _SETTINGS as EMBEDDED
from api.settings import Settings
from tests.kafka.broker import _PROPERTIES as BROKER

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"] == "backstory"}
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
OF_ONE_PLACE = {
    "process.roles", "node.id", "listeners", "controller.listener.names", "log.dirs",
    "controller.quorum.bootstrap.servers",
}  # fmt: skip


def test_every_role_of_the_architecture_runs_as_the_one_image() -> None:
    assert OURS.keys() >= {"api", "project", "relay", "intake", "deliver"}
    for name, service in OURS.items():
        assert service["command"] == [name]
        assert name in COMMANDS
        parser(name).parse_args([name])
    assert OURS["project"]["deploy"]["replicas"] > 1


def test_every_setting_is_one_that_backstory_knows() -> None:
    for service in OURS.values():
        for variable in service["environment"]:
            assert variable.removeprefix("BACKSTORY_").lower() in Settings.model_fields
    for variable in re.findall(r"BACKSTORY_\w+", DOCKERFILE):
        assert variable.removeprefix("BACKSTORY_").lower() in Settings.model_fields


def test_every_service_is_watched_limited_restarted_and_keeps_its_data() -> None:
    for name, service in SERVICES.items():
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}, name
    for name in ("postgres", "kafka"):
        [volume] = SERVICES[name]["volumes"]
        assert volume.partition(":")[0] in COMPOSE["volumes"]
    for service in OURS.values():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert set(service["depends_on"]) == {"postgres", "kafka"}


def test_the_health_checks_of_our_roles_are_commands_that_we_have() -> None:
    for name, service in OURS.items():
        command, *arguments = service["healthcheck"]["test"][1:]
        if command == "backstory":
            assert parser(arguments[0]).parse_args(arguments).role == name
        else:
            assert command == "python"
            compile(arguments[1], "health check", "exec")
            assert "/health/live" in arguments[1]


def test_the_broker_is_the_version_of_the_tests_with_the_settings_of_the_tests() -> None:
    pom = ET.parse(ROOT / "tests" / "kafka" / "pom.xml").getroot()  # noqa: S314 - our own file
    versions = {one.text for one in pom.iterfind(".//{*}dependency/{*}version")}
    assert SERVICES["kafka"]["image"].partition(":")[2] in versions
    tested = dict(line.split("=", 1) for line in BROKER.strip().splitlines())
    given = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in SERVICES["kafka"]["environment"].items()
    }
    same = {name: value for name, value in tested.items() if name not in OF_ONE_PLACE}
    assert same.keys() <= given.keys()
    assert {name: given[name] for name in same} == same


def test_postgresql_logs_as_little_of_people_as_the_embedded_one() -> None:
    about_people = {one for one in EMBEDDED if one.startswith(("log_min", "log_parameter", "log_error"))}
    assert set(shlex.split(SERVICES["postgres"]["command"])[2::2]) == about_people


def test_the_image_is_built_from_what_is_there_and_runs_without_root() -> None:
    stages = DOCKERFILE.split("\nFROM ")
    assert len(stages) == 4
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for name in copied.split():
            assert (ROOT / name).exists(), name
            assert f"!{name}" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines(), name
    last = stages[-1]
    assert re.search(r"^USER 1\d+:\d+$", last, re.MULTILINE)
    assert 'ENTRYPOINT ["backstory"]' in last
    assert "api/pages/static/vendor" in stages[2]


@pytest.mark.parametrize("secret", ["POSTGRES_PASSWORD", "BACKSTORY_MASTER_KEY"])
def test_no_secret_stands_in_the_file(secret: str) -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    told = re.findall(rf"^\s+{secret}: (.*)$", text, re.MULTILINE)
    assert told
    assert set(told) == {f"${{{secret}:?}}"}
