from datetime import UTC, datetime

import pytest

from domain.order import OrderCancelled
from streams.errors import WrongExpectedVersion
from streams.log import Log
from streams.records import Append, Change

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def cancelled(stream: str, expected: int) -> Append:
    change = Change(stream=stream, expected=expected, events=[OrderCancelled(occurred_at=NOW)])
    return Append(tenant="main", actor="test", source="test", changes=[change])


def test_a_stale_writer_is_refused_and_nothing_is_recorded(log: Log) -> None:
    log.append(cancelled("order-1", 0))
    with pytest.raises(WrongExpectedVersion):
        log.append(cancelled("order-1", 0))
    assert log.head() == 1
