"""The race: a reader tails the log while processes append, conflict, abort, lose connections and are killed."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Self

import psycopg
from psycopg.conninfo import make_conninfo

from domain.order import PaymentReceived
from streams.errors import ClaimTaken, LogClosed, WrongExpectedVersion
from streams.follower import LogFollower
from streams.log import Log
from streams.records import Append, Change, Claim

KEY = bytes(range(32))
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a race ended: every number but `recorded`, and those of what was done to the writers, should be 0."""

    recorded: int
    gaps: int  # positions up to the head that hold no event
    missed: int  # events of the log that the reader did not see
    doubled: int  # events that the reader saw more than once
    lost: int  # acknowledged appends that are not in the log
    acknowledged: int
    refused: int
    aborted: int
    killed: int
    cut: int  # connections terminated by the server


def race(  # noqa: PLR0913 - each says what is done to the writers
    conninfo: str, *, events: int, processes: int = 3, threads: int = 8, kills: int = 2, cuts: int = 4
) -> Outcome:
    """Run until the log holds this many events; a killed process is replaced."""
    field = _Field(conninfo, processes, threads)
    cut = 0
    try:
        with Log(make_conninfo(conninfo, application_name="reader"), KEY) as log, _Reader(log) as reader:
            marks = sorted(random.sample(range(events // 10, events * 9 // 10), kills + cuts))
            while (head := _head(conninfo)) < events:
                field.check()
                if marks and head >= marks[0]:
                    marks.pop(0)
                    if len(field.gone) < kills:
                        field.replace()
                    else:
                        cut += _cut(conninfo)
                time.sleep(0.01)
            field.stop()
            reader.finish(_head(conninfo))
    finally:
        field.clear()
    return _judge(conninfo, reader.seen, [*field.gone, *field.writers], killed=len(field.gone), cut=cut)


class _Field:
    """The processes that take part, and those that were killed."""

    def __init__(self, conninfo: str, processes: int, threads: int) -> None:
        self._start = lambda: _Writer(conninfo, threads)
        self.gone: list[_Writer] = []
        self.writers = [self._start() for _ in range(processes)]

    def check(self) -> None:
        for writer in self.writers:
            writer.still_runs()

    def replace(self) -> None:
        self.gone.append(self.writers.pop(0))
        self.gone[-1].kill()
        self.writers.append(self._start())

    def stop(self) -> None:
        for writer in self.writers:
            writer.stop()

    def clear(self) -> None:
        for writer in self.writers:
            writer.kill()


def _judge(conninfo: str, seen: list[int], writers: list["_Writer"], *, killed: int, cut: int) -> Outcome:
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute("SELECT position, stream, version FROM log.events").fetchall()
    recorded = {(position, f"{stream}@{version}") for position, stream, version in rows}
    acknowledged = [ack for writer in writers for ack in writer.acknowledged]
    counts = Counter[str]()
    for writer in writers:
        counts += writer.counts
    return Outcome(
        recorded=len(rows),
        gaps=max(position for position, _, _ in rows) - len(rows),
        missed=len({position for position, _, _ in rows} - set(seen)),
        doubled=len(seen) - len(set(seen)),
        lost=len(set(acknowledged) - recorded) + len(acknowledged) - len(set(acknowledged)),
        acknowledged=len(acknowledged),
        refused=counts["refused"],
        aborted=counts["aborted"],
        killed=killed,
        cut=cut,
    )


def _head(conninfo: str) -> int:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT coalesce(max(position), 0) FROM log.events").fetchone()
    return int(row[0]) if row else 0


def _cut(conninfo: str) -> int:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'writer' "
            "AND datname = current_database() AND state = 'active' AND query LIKE '%log.append%' "
            "ORDER BY random() LIMIT 1"
        ).rowcount


class _Reader:
    """Follows the log as every reader does, from a position to the next."""

    def __init__(self, log: Log) -> None:
        self.seen: list[int] = []
        self._follower = LogFollower(log)
        self._log = log
        self._until: int | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._follow)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._until = self._until or 0
        self._thread.join()
        self._follower.close()

    def finish(self, head: int) -> None:
        self._until = head
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _follow(self) -> None:
        after = 0
        try:
            while self._until is None or after < self._until:
                batch = self._log.read(after, 1000)
                self.seen += [recorded.position for recorded in batch]
                after = batch[-1].position if batch else after
                if not batch:
                    self._follower.wait(after, 0.05)
        except BaseException as cause:  # noqa: BLE001 - raised by finish()
            self._failure = cause


class _Writer:
    """A process that appends, and tells each acknowledged append on a pipe, so that a kill loses no word of it."""

    def __init__(self, conninfo: str, threads: int) -> None:
        self.acknowledged: list[tuple[int, str]] = []
        self.counts = Counter[str]()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.streams.race", conninfo, str(threads)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._ear = threading.Thread(target=self._listen)
        self._ear.start()

    def still_runs(self) -> None:
        if self._process.poll() is not None:
            raise RuntimeError(f"a writer ended with {self._process.returncode}")

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._ear.join()
        self._close()

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._process.wait(timeout=60) != 0:
            raise RuntimeError("a writer failed")
        self._ear.join()
        self._close()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.endswith(b"\n"):
                continue  # killed while it wrote: not told
            word, _, place = line.decode().strip().partition(" ")
            if word.isdigit():
                self.acknowledged.append((int(word), place))
            else:
                self.counts[word] += 1


def _paid(n: int) -> PaymentReceived:
    return PaymentReceived(
        occurred_at=datetime.now(UTC), payment_id=str(n), currency="EUR", amount=Decimal(n)
    )


class _Appends:
    """What one thread of a writer does, again and again."""

    def __init__(self, log: Log, name: str) -> None:
        self.log = log
        self.name = name
        self.known: dict[str, int] = {}
        self.dice = random.Random(name)  # noqa: S311 - dice

    def run(self) -> None:
        n = 0
        with suppress(LogClosed):
            while True:
                n += 1
                self.step(n)

    def step(self, n: int) -> None:
        match n % 16:
            case 0:
                self.abort(n)
            case 1 | 2:
                self.append(f"order-shared-{self.dice.randrange(3)}", n)
            case 3:
                address = str(self.dice.randrange(1000))
                self.append(f"customer-{self.name}-{n}", n, claims=(address,))
            case _:
                self.append(f"order-{self.name}-{n // 16}", n)

    def append(self, stream: str, n: int, claims: tuple[str, ...] = ()) -> None:
        expected = self.known.get(stream, 0)
        change = Change(stream=stream, expected=expected, events=[_paid(n)])
        claimed = [Claim(kind="email", value=value, stream=stream) for value in claims]
        request = Append(tenant="main", actor="race", source="race", changes=[change], claims=claimed)
        try:
            appended = self.log.append(request)
        except WrongExpectedVersion as stale:
            self.known[stream] = stale.current
            _say("refused")
        except ClaimTaken:
            _say("refused")
        else:
            self.known[stream] = appended.version
            _say(f"{appended.position} {stream}@{appended.version}")

    def abort(self, n: int) -> None:
        """Append in a transaction that takes a position and gives it back."""
        row = ["main", f"order-{self.name}-aborted", n, "payment-received.v1", "0" * 31 + "1", None, 0]
        batch = {"events": [[*row, datetime.now(UTC).isoformat(), "race", "race", None, None, None, {}]]}
        with suppress(psycopg.OperationalError), self.log.connection() as connection:
            with connection.transaction(force_rollback=True):
                connection.execute("SELECT log.append(%s)", [psycopg.types.json.Jsonb(batch)])
            _say("aborted")


def _say(line: str) -> None:
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


def main(conninfo: str, threads: str) -> None:
    """Append from many threads until standard input ends."""
    with Log(make_conninfo(conninfo, application_name="writer"), KEY, connections=4) as log:
        for n in range(int(threads)):
            threading.Thread(target=_Appends(log, f"{os.getpid()}-{n}").run, daemon=True).start()
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
