import re
from pathlib import Path

from tests.conftest import MASTER_KEY

README = Path(__file__).parents[2] / "streams" / "README.md"


def test_the_examples_of_the_readme_run(database: str) -> None:
    found = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    blocks = [block for block in found if "from kafka import" not in block]
    assert len(blocks) == 3
    names = {"conninfo": database, "master_key": MASTER_KEY, "__name__": "__main__"}
    for block in blocks:
        exec(compile(block, str(README), "exec"), names)  # noqa: S102 - our own examples
