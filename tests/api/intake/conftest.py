"""The intake's topics, and who records what is published there."""

from collections.abc import Iterator

import pytest

from api.intake.taking import Taker
from streams.kafka.topics import Topics
from streams.log import Log
from tests.api.intake.publishing import Topic


@pytest.fixture
def topic(kafka: str, topics: Topics) -> Iterator[Topic]:
    """The intake's topics."""
    made = Topic(kafka, topics)
    yield made
    made.close()


@pytest.fixture
def taker(log: Log) -> Taker:
    """Records for the tenants main and other."""
    return Taker(log, ["main", "other"])
