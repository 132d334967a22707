"""Rebuilding deals (pipeline_board and stage_changes) over a million events, against the stock library's runner."""

import os
import sys
import time

from projections.deals import DEALS
from projections.definition import Models
from projections.projector import Projector
from projections.schema import prepare
from replay.rebuild import rebuild
from streams.log import Log
from streams.migrate import migrate
from tests.benchmarks import _generated, _stock, machine
from tests.benchmarks._memory import Memory

_DEALS = int(os.environ.get("BENCH_DEALS", "125000"))
_STOCK_EVENTS = 6_000


def main() -> None:
    """Print events per second of both, their ratio, and the most memory all our processes had."""
    with machine.server() as server, machine.database(server) as conninfo:
        migrate(conninfo)
        prepare(conninfo)
        events = _generated.deals(conninfo, _DEALS)
        stock = _stock.events_per_second(conninfo, _STOCK_EVENTS)
        with Log(conninfo, machine.MASTER_KEY) as log:
            began = time.perf_counter()
            Projector(log, conninfo, Models((DEALS,))).catch_up()
            live = events / (time.perf_counter() - began)
            with Memory() as memory:
                (report,) = rebuild(log, ["deals"], reason="benchmark").models
        ours = events / report.seconds
        sys.stdout.write(
            f"events                 {events:,}\n"
            f"stock ProjectionRunner {stock:,.0f} events/s\n"
            f"deals live             {live:,.0f} events/s ({live / stock:.0f} x stock)\n"
            f"deals rebuilt          {ours:,.0f} events/s ({ours / stock:.0f} x stock), compared and swapped in "
            f"{report.seconds:.1f} s, {report.differing} rows differ\n"
            f"memory                 {memory.line}, worker processes included\n"
        )


if __name__ == "__main__":
    main()
