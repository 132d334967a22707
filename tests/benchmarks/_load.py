"""Load from a process of its own: keep-alive connections that each send prepared requests, one after the other."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tests.benchmarks import _asked


class Load(NamedTuple):
    """What was measured: requests a second, and how long each took."""

    rate: float
    p50: float
    p95: float
    statuses: dict[str, int]


async def _connection(
    port: int, requests: Iterator[bytes], until: float, took: list[float], statuses: dict[str, int]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while (began := time.perf_counter()) < until:
            writer.write(next(requests))
            head = await reader.readuntil(b"\r\n\r\n")
            lower = head.lower()
            at = lower.index(b"content-length:") + 15
            await reader.readexactly(int(lower[at : lower.index(b"\r\n", at)]))
            took.append(time.perf_counter() - began)
            status = head[9:12].decode()
            statuses[status] = statuses.get(status, 0) + 1
    finally:
        writer.close()


async def _load(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Load:
    took: list[float] = []
    statuses: dict[str, int] = {}
    began = time.perf_counter()
    until = began + seconds
    await asyncio.gather(*(_connection(port, requests, until, took, statuses) for _ in range(connections)))
    rate = len(took) / (time.perf_counter() - began)
    took.sort()
    return Load(rate, took[len(took) // 2], took[int(len(took) * 0.95)], statuses)


def main(arguments: Sequence[str]) -> None:
    """Send one kind of request as told, and print what was measured as JSON."""
    told: dict[str, Any] = json.loads(arguments[0])
    requests = _asked.requests(told["kind"], told["secret"], told["tag"], told["ids"])
    load = asyncio.run(_load(told["port"], requests, told["connections"], told["seconds"]))
    sys.stdout.write(json.dumps(load._asdict()))


if __name__ == "__main__":
    main(sys.argv[1:])
