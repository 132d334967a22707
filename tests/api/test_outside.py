"""What goes wrong outside of Backstory is told in one line, without a traceback."""

import subprocess
from base64 import b64encode
from pathlib import Path

import pytest

from api.cli.main import main
from tests.acceptance.running import BACKSTORY
from tests.conftest import MASTER_KEY


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", "refused"),
        ("postgresql://nobody@no-such-host.invalid/none", "resolve"),
    ],
)
def test_a_database_that_is_not_there_is_one_line(
    url: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sql", "--data", str(tmp_path), "--database", url, "SELECT 1"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("backstory: the database cannot be reached")
    assert why in line


def test_a_full_disk_is_one_line(database: str, tmp_path: Path) -> None:
    environment = {"BACKSTORY_MASTER_KEY": b64encode(MASTER_KEY).decode()}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [BACKSTORY, "sql", "--data", str(tmp_path), "--database", database, "SELECT 1"],
            env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "backstory: No space left on device\n"


def test_sql_without_a_statement_lists_the_views_with_their_columns(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKSTORY_MASTER_KEY", b64encode(MASTER_KEY).decode())
    assert main(["sql", "--data", str(tmp_path), "--database", database, "--format", "csv"]) == 0
    listed = capsys.readouterr().out
    for view in ("customers", "orders", "leads", "timeline"):
        assert f'\n{view},"tenant, ' in listed
