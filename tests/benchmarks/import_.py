"""Import of a year of a real shop: lines a second, and the peak of memory above an idle process."""

import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from api.imports import importing
from api.imports.files import assign
from api.imports.loading import load
from projections.schema import prepare
from streams.log import Log
from streams.migrate import migrate
from tests.benchmarks import machine

_ROOT = Path(__file__).parents[2]
_FILE = _ROOT.parent / "shared" / "data" / "online_retail" / "online_retail.csv.gz"
_MOST_MB = 300


def main() -> None:
    """Import online_retail into an empty database in a process of its own, and again; print rates and peaks."""
    if not _FILE.is_file():
        sys.stdout.write("online_retail is not on this machine\n")
        return
    with machine.server() as server:
        idle = float(_child("idle", server))
        with machine.database(server) as conninfo:
            for what in ("first import", "again"):
                rows, events, seconds, projected, peak = _child("import", conninfo).split()
                above = float(peak) - idle
                sys.stdout.write(
                    f"{what:13} {int(rows) / float(seconds):>9,.0f} lines/s  {float(seconds):6.1f} s  "
                    f"{int(events):>9,} events  read models {float(projected):5.1f} s later  "
                    f"peak {above:4.0f} MB above an idle process (limit {_MOST_MB})\n"
                )
                if above > _MOST_MB:
                    raise SystemExit(f"peak memory {above:.0f} MB is above {_MOST_MB} MB")


def _child(what: str, conninfo: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.import_", what, conninfo],
        check=True,
        capture_output=True,
        text=True,
        cwd=_ROOT,
    )
    return done.stdout


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _measure(conninfo: str) -> str:
    migrate(conninfo)
    prepare(conninfo)
    mapping = load(str(_ROOT / "tests" / "imports" / "online_retail.toml"))
    with Log(conninfo, machine.MASTER_KEY) as log:
        request = importing.Request(
            mapping=mapping, files=assign(mapping, [str(_FILE)]), tenant="main", now=datetime.now(UTC)
        )
        report = importing.run_import(log, request)
        began = time.monotonic()
        importing.catch_up(log, conninfo)
        projected = time.monotonic() - began
    return f"{report.rows} {report.events} {report.seconds} {projected} {_peak()}"


if __name__ == "__main__":
    sys.stdout.write(_measure(sys.argv[2]) if sys.argv[1] == "import" else str(_peak()))
