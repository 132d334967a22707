"""What templates, styles and what browsers load from others must be."""

import gzip
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "api" / "pages"
TEMPLATES = sorted((PAGES / "templates").rglob("*.html"))
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|\shx-on|javascript:|hx-vals=.?js:", re.IGNORECASE
)


def test_no_template_has_what_the_content_security_policy_forbids() -> None:
    assert len(TEMPLATES) > 10
    found = [(path.name, match.group()) for path in TEMPLATES for match in INLINE.finditer(path.read_text())]
    assert found == []


def test_no_template_marks_text_as_safe() -> None:
    assert [path.name for path in TEMPLATES if re.search(r"\|\s*safe\b|autoescape", path.read_text())] == []


def test_every_form_that_changes_something_carries_the_token() -> None:
    forms = re.compile(r'<form[^>]*method="post".*?</form>', re.DOTALL)
    carried = re.compile(r'name="csrf"|guarded\(visit\)|once\(visit\)')
    written = [(path.name, form) for path in TEMPLATES for form in forms.findall(path.read_text())]
    assert written
    assert [name for name, form in written if not carried.search(form)] == []


def test_htmx_finds_nothing_in_the_templates_that_it_would_ignore() -> None:
    checker = ROOT / "node_modules" / "htmx.org" / "dist" / "scripts" / "upgrade-check.py"
    checked = subprocess.run(
        [sys.executable, checker, PAGES / "templates"], capture_output=True, text=True, check=False
    )
    assert "Found 0 issue(s)" in checked.stdout + checked.stderr


def test_what_every_page_loads_to_look_right_is_small() -> None:
    styles = b"".join((PAGES / "static" / name).read_bytes() for name in ("tokens.css", "app.css"))
    assert len(gzip.compress(styles)) < 20_000


def test_what_browsers_load_from_others_is_pinned_and_names_no_registry() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())["dependencies"]
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name, version in wanted.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert locked[f"node_modules/{name}"]["version"] == version
    assert all("integrity" in package for name, package in locked.items() if name)
    assert not [package for package in locked.values() if "resolved" in package]


def test_the_wheel_holds_what_pages_need(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("api/pages/")}
    kept = (path for path in PAGES.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert sorted({f"api/pages/{path.relative_to(PAGES).as_posix()}" for path in kept} - held) == []
    assert "api/pages/static/vendor/htmx.min.js" in held
