"""Following the log live: orders and customer_money, against the stock library's runner on the same events."""

import os
import sys
import time

import psutil

from projections.schema import prepare
from projections.waiting import wait
from streams.log import Log
from streams.migrate import migrate
from tests.benchmarks import _generated, _stock, machine
from tests.benchmarks._memory import Memory
from tests.benchmarks._projectors import running

_ORDERS = int(os.environ.get("BENCH_ORDERS", "160000"))
_WORKERS = (1, psutil.cpu_count() or 1)
_STOCK_EVENTS = 6_000


def main() -> None:
    """Print events per second of both, their ratio, and the memory of the projectors' processes."""
    with machine.server() as server:
        for workers in _WORKERS:
            with machine.database(server) as conninfo:
                _measure(conninfo, workers)


def _measure(conninfo: str, workers: int) -> None:
    migrate(conninfo)
    prepare(conninfo)
    events = _generated.orders(conninfo, _ORDERS)
    stock = _stock.events_per_second(conninfo, _STOCK_EVENTS)
    _generated.move_head(conninfo, 0)  # projectors see nothing yet
    with Log(conninfo, machine.MASTER_KEY) as log, running(conninfo, ["orders"], workers), Memory() as memory:
        _generated.move_head(conninfo, events)
        began = time.perf_counter()
        if not wait(log, events, 600, ["orders"]):
            sys.exit("the projectors did not get there")
        ours = events / (time.perf_counter() - began)
    sys.stdout.write(
        f"events                {events:,}, projectors: {workers}\n"
        f"stock ProjectionRunner {stock:,.0f} events/s\n"
        f"orders+customer_money {ours:,.0f} events/s ({ours / stock:.0f} x stock)\n"
        f"memory                {memory.line}\n"
    )


if __name__ == "__main__":
    main()
