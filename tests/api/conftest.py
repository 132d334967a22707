"""What the tests of the command stand on: the command itself, in this process, on a fresh database."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from api.cli import main
from tests.conftest import MASTER_KEY


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture(scope="session")
def template(prepared: str) -> str:
    """Each test's database has its read models from the start."""
    return prepared


@pytest.fixture
def backstory(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Run `backstory` on the test's database and return how it ended."""
    monkeypatch.setenv("BACKSTORY_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        try:
            code = main([*arguments, "--data", str(tmp_path / "data"), "--database", database])
        except SystemExit as wrong_usage:
            code = int(wrong_usage.code or 0)
        told = capsys.readouterr()
        return Ended(code, told.out, told.err)

    return run
