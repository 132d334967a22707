from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import psycopg

from commands.command import Context, RecordOrder
from commands.handle import handle_many
from projections.models import ALL
from replay.ranges import cut
from streams.log import Log

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_every_stream_is_in_exactly_one_range_however_the_log_is_cut(log: Log) -> None:
    for tenant in ("main", "rival"):
        context = Context(tenant=tenant, actor="shop", source="shop", now=NOON)
        orders = [
            RecordOrder(source_id=str(n), currency="EUR", total=Decimal(1), occurred_at=NOON)
            for n in range(100)
        ]
        handle_many(log, [(order, context) for order in orders])
    [model] = ALL.named(["orders"])
    with psycopg.connect(log.conninfo) as connection:
        ranges = cut(connection, model, log.head(), 8)
        streams = connection.execute("SELECT DISTINCT tenant, stream FROM log.events").fetchall()
    assert len(ranges) > 16
    held = Counter(
        (tenant, stream)
        for tenant, stream in streams
        for piece in ranges
        if piece.tenant == tenant and piece.after < stream < piece.below
    )
    assert held == dict.fromkeys(streams, 1)
