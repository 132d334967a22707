"""Commands over HTTP beside a bare FastAPI route that does one plain insert, served and asked alike, in turns."""

import base64
import hashlib
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import psycopg

from api.cli.role_api import listening
from commands.command import Context, CreateApiKey, OpenDeal
from commands.handle import handle, handle_many
from projections.schema import prepare
from streams.log import Log
from streams.migrate import migrate
from tests.benchmarks import _bare, machine

CONNECTIONS = 24
SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
DEALS = 500
_BARE = "bare"
_OURS = {
    "leads": "POST /v1/leads, someone new",
    "stage": "POST /v1/deals/{id}/stage",
    "orders": "POST /v1/orders, a known customer",
    "events": "POST /v1/events, one order",
}


class Server(NamedTuple):
    """A process that answers, and where."""

    port: int
    process: psutil.Process


def main() -> None:
    """Print requests per second and p95 of each, and the median of its ratio to the bare route of the same round."""
    with machine.server() as server, machine.database(server) as conninfo:
        migrate(conninfo)
        prepare(conninfo)
        with psycopg.connect(conninfo) as connection:
            connection.execute(_bare.CREATE)
        with (
            Log(conninfo, machine.MASTER_KEY) as log,
            _serving(_bare_command(conninfo)) as bare,
            _serving(_OUR_COMMAND, conninfo) as ours,
        ):
            servers = {kind: bare if kind == _BARE else ours for kind in (_BARE, *_OURS)}
            measured = _measure(conninfo, log, servers, _key(log))
    _report(measured)


def _measure(
    conninfo: str, log: Log, servers: dict[str, Server], secret: str
) -> dict[str, list[dict[str, Any]]]:
    asked = {"secret": secret, "connections": CONNECTIONS}
    measured: dict[str, list[dict[str, Any]]] = {kind: [] for kind in servers}
    postgres = machine.postgres(conninfo)
    for number in range(-1, ROUNDS):  # the first is for warming up
        for kind, server in servers.items():
            told = asked | {"kind": kind, "port": server.port, "tag": secrets.token_hex(4)}
            told["ids"] = _deals(log) if kind == "stage" else []
            told["seconds"] = SECONDS if number >= 0 else 1.0
            load = [sys.executable, "-m", "tests.benchmarks._load", json.dumps(told)]
            before = machine.cpu([server.process]), machine.cpu(postgres)
            found = json.loads(subprocess.run(load, capture_output=True, text=True, check=True).stdout)
            answered = sum(found["statuses"].values())
            found["python"] = (machine.cpu([server.process]) - before[0]) / answered
            found["postgres"] = (machine.cpu(postgres) - before[1]) / answered
            if set(found["statuses"]) != {"201"}:
                raise SystemExit(f"{kind}: answers {found['statuses']}")
            if number >= 0:
                measured[kind].append(found)
    return measured


def _report(measured: dict[str, list[dict[str, Any]]]) -> None:
    _say(
        f"{CONNECTIONS} keep-alive connections from another process, one server process each, "
        f"{ROUNDS} rounds of {SECONDS:.0f} s in turns; medians"
    )
    named = {_BARE: "a bare FastAPI route, one plain insert"} | _OURS
    for kind, rounds in measured.items():
        rate = statistics.median(one["rate"] for one in rounds)
        p95 = statistics.median(one["p95"] for one in rounds)
        ratios = [one["rate"] / bare["rate"] for one, bare in zip(rounds, measured[_BARE], strict=True)]
        spread = (
            ""
            if kind == _BARE
            else f"   {statistics.median(ratios):.2f} of it ({min(ratios):.2f}-{max(ratios):.2f})"
        )
        python, postgres = (
            1000 * statistics.median(one[of] for one in rounds) for of in ("python", "postgres")
        )
        _say(
            f"{named[kind]:38} {rate:6,.0f} /s   p95 {1000 * p95:5.1f} ms   "
            f"cpu of server {python:.2f}, PostgreSQL {postgres:.2f} ms{spread}"
        )


def _key(log: Log) -> str:
    secret = "bsk_" + secrets.token_urlsafe(32)
    asked = CreateApiKey(
        key_id="bench", name="bench", digest=hashlib.sha256(secret.encode()).hexdigest(), role="admin"
    )
    handle(log, asked, _context())
    return secret


def _deals(log: Log) -> list[str]:
    opened = OpenDeal(
        pipeline="sales", stage="New", title="Tea", owner="mara", amount=Decimal(4800), currency="EUR"
    )
    return [outcome.id for outcome in handle_many(log, [(opened, _context())] * DEALS)]  # type: ignore[union-attr]


def _context() -> Context:
    return Context(tenant="main", actor="bench", source="backstory", now=datetime.now(UTC))


_OUR_COMMAND = [sys.executable, "-m", "api.cli", "api", "--rate-limit", "1000000", "--fd"]


def _bare_command(conninfo: str) -> list[str]:
    return [sys.executable, "-m", "tests.benchmarks._bare", conninfo]


@contextmanager
def _serving(command: list[str], database: str | None = None) -> Iterator[Server]:
    """Start a server on a free port and lend it, once it answers."""
    with (
        tempfile.TemporaryDirectory() as folder,
        listening("127.0.0.1", 0) as listener,
    ):
        port = listener.getsockname()[1]
        settings = {
            "BACKSTORY_DATA": folder,
            "BACKSTORY_MASTER_KEY": base64.b64encode(machine.MASTER_KEY).decode(),
        } | ({"BACKSTORY_DATABASE": database} if database else {})
        process = subprocess.Popen(
            [*command, str(listener.fileno())],
            env=dict(os.environ) | settings,
            cwd=Path(__file__).parents[2],
            pass_fds=[listener.fileno()],
        )
        try:
            _wait(port, process)
            yield Server(port, psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait()


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.05)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
