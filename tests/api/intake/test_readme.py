"""The publisher of the page about the log runs as written, and what it says is recorded."""

import re
from pathlib import Path

from api.intake.taking import Taker
from domain.order import OrderPlaced
from streams.log import Log
from tests.api.intake.publishing import Topic, settle

README = Path(__file__).parents[3] / "streams" / "README.md"


def test_the_publisher_of_the_readme_is_ten_lines_that_get_an_order_recorded(
    topic: Topic, taker: Taker, log: Log
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    [publisher] = [block for block in blocks if "import KafkaProducer" in block]
    assert len([line for line in publisher.splitlines() if line]) <= 10
    here = publisher.replace("localhost:9092", topic.servers).replace("backstory.intake", topic.topics.intake)
    exec(compile(here, str(README), "exec"), {})  # noqa: S102 - our own example
    assert settle(topic, taker) == []
    placed = [one.event for one in log.read(0, 10) if isinstance(one.event, OrderPlaced)]
    assert [(one.source, one.source_id) for one in placed] == [("shop", "1001")]
