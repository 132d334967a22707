"""Following the log live: orders and customer_money, against the stock library's runner on the same events."""

import os
import sys
import time

import psutil

from projections.definition import Models
from projections.orders import ORDERS
from projections.projector import Projector
from projections.schema import prepare
from streams.log import Log
from streams.migrate import migrate
from tests.benchmarks import _generated, _stock, machine

_ORDERS = int(os.environ.get("BENCH_ORDERS", "160000"))
_STOCK_EVENTS = 6_000


def main() -> None:
    """Print events per second of both, their ratio, and the memory of the projector's process."""
    with machine.server() as server, machine.database(server) as conninfo:
        migrate(conninfo)
        prepare(conninfo)
        events = _generated.orders(conninfo, _ORDERS)
        stock = _stock.events_per_second(conninfo, _STOCK_EVENTS)
        process = psutil.Process()
        before = process.memory_info().rss
        with Log(conninfo, machine.MASTER_KEY) as log:
            began = time.perf_counter()
            Projector(log, conninfo, Models((ORDERS,))).catch_up()
            ours = events / (time.perf_counter() - began)
        grown = (process.memory_info().rss - before) / 2**20
        sys.stdout.write(
            f"events                {events:,}\n"
            f"stock ProjectionRunner {stock:,.0f} events/s\n"
            f"orders+customer_money {ours:,.0f} events/s ({ours / stock:.0f} x stock)\n"
            f"memory                {before / 2**20:.0f} MB idle, +{grown:.0f} MB after\n"
        )


if __name__ == "__main__":
    main()
