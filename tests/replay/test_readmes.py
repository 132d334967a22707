import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import projections
import replay
from projections.projector import Projector
from projections.schema import prepare
from streams.log import Log
from tests.projections.facts import append, placed, refunded
from tests.replay.conftest import Ask


def example(package: Any) -> str:
    text = (Path(package.__file__).parent / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return str(code)


def test_the_read_model_of_the_readme_is_projected(log: Log, database: str, ask: Ask) -> None:
    made: dict[str, Any] = {"__name__": "example"}
    exec(compile(example(projections), "README.md", "exec"), made)  # noqa: S102 - our own text
    prepare(database)
    prepare(database, made["MODELS"])
    append(log, "order-1", [placed(), refunded(order_id="1"), refunded(refund_id="r2", order_id="1")])
    Projector(log, database, made["MODELS"]).catch_up()
    assert ask("SELECT order_id, placed, refunded, position FROM model.counts") == [("1", 1, 2, 3)]


def test_the_rebuild_of_the_readme_runs(log: Log, projector: Projector, ask: Ask) -> None:
    append(log, "order-1", [placed(customer_id="c1")])
    projector.catch_up()
    exec(compile(example(replay), "README.md", "exec"), {"log": log})  # noqa: S102 - our own text
    assert ask("SELECT gross FROM read.customer_money") == [(Decimal("10.00"),)]


def test_the_readmes_name_every_module() -> None:
    for package in (projections, replay):
        folder = Path(str(package.__file__)).parent
        text = (folder / "README.md").read_text(encoding="utf-8")
        modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
        assert {name for name in modules if f"`{name}`" not in text} == set()
