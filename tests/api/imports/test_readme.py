"""The README says what is so: its example runs, its lists are complete."""

import re
from pathlib import Path

import pytest

from api.imports.kinds import KINDS
from api.imports.loading import presets
from api.imports.mapping import Condition, Expression
from api.imports.problems import REASONS
from tests.api.imports.workshop import ROOT, Workshop

README = (ROOT / "api" / "imports" / "README.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_does_what_it_shows(
    shop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.toml").write_text(block("toml"))
    (tmp_path / "lines.csv").write_text(block("csv"))
    assert shop.run(str(tmp_path / "mine.toml"), str(tmp_path / "lines.csv")) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line for line in told if not line.startswith(("took", "batch"))] == block("text").splitlines()
    assert shop.sql("SELECT source_id, total FROM read.orders") == [("A1", 15)]


@pytest.mark.parametrize("name", [*presets(), *KINDS, *REASONS])
def test_every_preset_record_and_reason_is_named(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize("name", [*Expression.model_fields, *Condition.model_fields])
def test_every_key_is_explained(name: str) -> None:
    assert re.search(rf"[`{{ ]{name}\b", README), name
