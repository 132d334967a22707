"""Everything that can be asked for is written down, and everything contracts promise is there."""

import argparse
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli.main import COMMANDS, main, parser
from api.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "api" / "README.md").read_text()


def actions(found: argparse.ArgumentParser) -> list[argparse.Action]:
    return found._actions  # noqa: SLF001 - argparse shows them nowhere else


def leaves(found: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every command with its parser, `keys create` by both words."""
    nested = [action for action in actions(found) if isinstance(action.choices, dict)]
    if not nested:
        yield name, found
    for action in nested:
        for word, child in dict(action.choices or {}).items():
            yield from leaves(child, f"{name} {word}".strip())


EVERY = dict(leaves(parser()))


def row_of(command: str) -> str:
    """Return the row of the options table that names a command first."""
    return next(line for line in README.splitlines() if line.startswith(f"| `{command}` |"))


@pytest.mark.parametrize("command", EVERY)
def test_every_command_is_documented(command: str) -> None:
    assert f"| `backstory {command}" in README


@pytest.mark.parametrize("command", EVERY)
def test_every_option_is_documented_in_its_commands_row(command: str) -> None:
    shared = {"--help", "-h", "--data", "--database", "--tenant"}
    given = {option for action in actions(EVERY[command]) for option in action.option_strings}
    assert shared <= given
    assert [option for option in given - shared if f"`{option}" not in row_of(command)] == []


@pytest.mark.parametrize("command", EVERY)
def test_every_option_says_what_it_does(command: str) -> None:
    assert [action.dest for action in actions(EVERY[command]) if not action.help] == []


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_variable_flag_and_default(name: str) -> None:
    field = Settings.model_fields[name]
    [row] = [line for line in README.splitlines() if line.startswith(f"| `BACKSTORY_{name.upper()}` |")]
    assert field.description
    if field.default is not None:
        default = f"{field.default:g}" if isinstance(field.default, float) else str(field.default)
        assert f"| `{default}` |" in row
    if name not in {"master_key", "smtp_password", "oidc_client_secret"}:
        assert f"`--{name.replace('_', '-')}`" in row


def test_the_make_targets_of_the_contract_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"up", "test", "setup", "bench", "soak", "fmt", "lint", "types"} <= targets


def test_continuous_integration_runs_the_suite_from_a_clean_checkout() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
    assert "make test" in script.read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["nonsense"], "invalid choice: 'nonsense'"),
        (["forget"], "the following arguments are required: CUSTOMER, --reason"),
        (["sql", "SELECT 1", "--format", "xml"], "argument --format: invalid choice: 'xml'"),
        (["keys"], "the following arguments are required: ACTION"),
        (["keys", "revoke", "x"], "the following arguments are required: --reason"),
        (["doctor", "--tenat", "x"], "unrecognized arguments: --tenat x"),
    ],
)
def test_wrong_usage_is_2_and_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit) as wrong:
        main(arguments)
    assert wrong.value.code == 2
    assert sentence in capsys.readouterr().err


def test_the_commands_of_the_contract_are_there() -> None:
    assert {
        "up",
        "api",
        "project",
        "import",
        "sql",
        "keys",
        "people",
        "forget",
        "doctor",
        "replay",
    } <= COMMANDS.keys()
