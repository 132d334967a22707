import re
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_every_promise_is_proved_by_a_test_that_exists() -> None:
    table = (TESTS / "README.md").read_text().split("## What must never happen", 1)[1]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "must never happen" not in line]
    named = {name for row in rows for name in re.findall(r"`(test_[a-z0-9_]+)`", row)}
    existing = {
        name
        for path in TESTS.rglob("test_*.py")
        for name in re.findall(r"def (test_[a-z0-9_]+)", path.read_text())
    }
    assert all("`test_" in row for row in rows)
    assert len(rows) >= 10
    assert sorted(named - existing) == []
