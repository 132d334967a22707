"""The first page's example, as written: a service developer posts an event and reads it back."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.running import Up, lines

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(heading: str) -> list[str]:
    """Return the shell examples under a heading."""
    [section] = re.findall(rf"^## {heading}\n(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


@pytest.mark.parametrize("flags", [("--demo",), ()])
def test_an_event_in_a_minute(tmp_path: Path, flags: tuple[str, ...]) -> None:
    given, example = blocks("An event in a minute")
    activate, export = given.splitlines()
    assert set(re.findall(r"\b([A-Z]+)=", export)) == {"URL", "KEY"}
    with Up(tmp_path, *flags) as up:
        up.wait_ready()
        [key] = re.findall(r"admin key (bsk_\S+)", up.printed)
        environment = os.environ | {"URL": up.url, "KEY": key, "BACKSTORY_DATA": str(tmp_path)}
        answers = []
        for _ in range(2):
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", f"{activate}\n{example}"],
                cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            answers.append(done.stdout)
    first, again = (re.sub(r'"position":\d+', "", answer) for answer in answers)
    assert first == again, "sent again, it changes nothing"
    written, _, rest = answers[0].partition("}")
    [answer] = lines(written + "}")
    assert set(answer) == {"id", "position", "version"}
    assert rest.count("A-1001") == 2
    assert '"total":"29.90"' in rest
    assert "ann@example.org" not in rest
