"""Rules about the repository itself."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("domain", "commands", "streams", "projections", "replay", "api")
RUFF = Path(sys.executable).with_name("ruff")
REFUSED_NAMES = {"utils", "helpers", "common", "base", "manager", "core"}


def sources() -> list[Path]:
    return sorted(path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py"))


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.splitlines()]


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [path for path in sources() if path.stem in REFUSED_NAMES]


def test_every_public_thing_says_what_it_promises() -> None:
    checked = subprocess.run(
        [RUFF, "check", "--select", "D101,D102,D103", *PRODUCT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_every_dependency_is_named_with_its_reason_in_the_readme() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    listed = project.split("dependencies = [", 1)[1].split("\n]", 1)[0]
    names = re.findall(r'^\s+"([a-z-]+)', listed, re.MULTILINE)
    table = (ROOT / "README.md").read_text().split("## What it stands on", 1)[1].lower()
    assert names
    assert [name for name in names if name not in table] == []


def test_every_link_of_the_documentation_leads_to_a_file() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in tracked()
        if page.suffix == ".md"
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_the_repository_names_no_machine_and_no_registry() -> None:
    refused = re.compile(rb"/(work|root|opt/wheels)/|--(index-url|extra-index-url|find-links)[ =]")
    found = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.is_file() and path != Path(__file__) and refused.search(path.read_bytes())
    ]
    assert found == []
