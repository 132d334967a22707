"""Following the log live: orders and customer_money, against the stock library's runner on the same events."""

import os
import sys
import time

from projections.definition import Models
from projections.orders import ORDERS
from projections.projector import Projector
from projections.schema import prepare
from streams.log import Log
from streams.migrate import migrate
from tests.benchmarks import _generated, _stock, machine
from tests.benchmarks._memory import Memory

_ORDERS = int(os.environ.get("BENCH_ORDERS", "160000"))
_STOCK_EVENTS = 6_000


def main() -> None:
    """Print events per second of both, their ratio, and the memory of the projector's process."""
    with machine.server() as server, machine.database(server) as conninfo:
        migrate(conninfo)
        prepare(conninfo)
        events = _generated.orders(conninfo, _ORDERS)
        stock = _stock.events_per_second(conninfo, _STOCK_EVENTS)
        with Log(conninfo, machine.MASTER_KEY) as log, Memory() as memory:
            began = time.perf_counter()
            Projector(log, conninfo, Models((ORDERS,))).catch_up()
            ours = events / (time.perf_counter() - began)
        sys.stdout.write(
            f"events                {events:,}\n"
            f"stock ProjectionRunner {stock:,.0f} events/s\n"
            f"orders+customer_money {ours:,.0f} events/s ({ours / stock:.0f} x stock)\n"
            f"memory                {memory.line}\n"
        )


if __name__ == "__main__":
    main()
