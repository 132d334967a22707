"""kill -9 of any process at any moment under load."""

import base64
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import psycopg
import pytest

from api import health
from replay.verify import differences
from streams.log import Log
from tests.acceptance.running import Up, until
from tests.acceptance.writer import THREADS

ROOT = Path(__file__).parents[2]
VICTIMS = ("project", "api", "postgres", "up", "writer")
SEED = int(os.environ.get("BACKSTORY_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


class Load:
    """The writer process, started again after being killed."""

    def __init__(self, data: Path, conninfo: str) -> None:
        self.notes, self.errors = data / "acknowledged", data / "writer-errors"
        self._command = [
            sys.executable, "-m", "tests.acceptance.writer", conninfo, str(data / "master.key"), str(self.notes)
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        with self.errors.open("a") as errors:
            self.process = subprocess.Popen(self._command, cwd=ROOT, stderr=errors, start_new_session=True)

    def acknowledged(self) -> dict[str, tuple[int, int]]:
        """Return position and events of every command that was answered, by id."""
        text = self.notes.read_text() if self.notes.exists() else ""
        whole = text[: text.rfind("\n") + 1].splitlines()
        return {
            name: (int(position), int(events)) for name, position, events in (line.split() for line in whole)
        }

    def go_on(self) -> None:
        """Wait until some more commands are answered."""
        before = len(self.acknowledged())
        until(lambda: len(self.acknowledged()) > before + 20, "load")

    def kill(self) -> None:
        assert self.process.poll() is None, self.errors.read_text()
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def hurt(data: Path, rounds: int) -> None:
    """Kill a process at a random moment, again and again, and prove after all of it that nothing is wrong."""
    chance = random.Random(SEED)  # noqa: S311 - a seed repeats the run
    order = [VICTIMS[n % len(VICTIMS)] for n in range(rounds)]
    chance.shuffle(order)
    up = Up(data)
    try:
        up.wait_ready()
        conninfo = up.conninfo()
        with Load(data, conninfo) as load:
            for victim in order:
                load.go_on()
                time.sleep(chance.uniform(0, 0.5))
                up = struck(up, load, victim)
            load.go_on()
            load.kill()
            prove(conninfo, data, load.acknowledged(), rounds)
        assert up.stop() == 0
    finally:
        up.stop()
        sys.stdout.write(f"seed {SEED}, killed in turn: {', '.join(order)}\n{up.printed}\n")


def struck(up: Up, load: Load, victim: str) -> Up:
    """Kill a process, and wait until it, or what replaces it, is at work again; return the `up` that then runs."""
    if victim == "writer":
        load.kill()
        load.start()
        return up
    was = up.role(victim)
    up.kill(victim)
    if victim == "up":
        up.stop()
        up = Up(up.data)
        up.wait_ready()
    elif was is not None:
        until(lambda: up.role(victim) not in {None, was}, f"{victim} again")
    until(up.is_ready, f"ready after {victim} was killed")
    return up


def prove(conninfo: str, data: Path, acknowledged: dict[str, tuple[int, int]], rounds: int) -> None:
    """Every acknowledged command once, no gap, every read model equal to a fresh fold; totals as asked for."""
    assert len(acknowledged) > rounds * 20
    with psycopg.connect(conninfo) as connection:
        assert health.incomplete(connection) is None
        recorded = {
            name: (position, events)
            for name, position, events in connection.execute(
                "SELECT command_id, max(position), count(*) FROM log.events WHERE correlation_id = 'load' GROUP BY 1"
            )
        }
        twice = connection.execute(
            "SELECT data ->> 'source_id', count(*) FROM log.events WHERE type = 'order-placed.v1' "
            "GROUP BY 1 HAVING count(*) > 1"
        ).fetchall()
    effective = {name: told for name, told in acknowledged.items() if told[1]}
    assert {name: recorded.get(name) for name in effective} == effective
    assert len(recorded) - len(effective) <= THREADS * (rounds + 1)
    assert twice == []
    until(lambda: caught_up(conninfo), "the read models at the head")
    with Log(conninfo, base64.b64decode((data / "master.key").read_text())) as log:
        assert differences(log, conninfo) == []
    with psycopg.connect(conninfo) as connection:
        logged = connection.execute(
            "SELECT count(*), sum((data ->> 'total')::numeric) FROM log.events WHERE type = 'order-placed.v1'"
        ).fetchone()
        shown = connection.execute("SELECT count(*), sum(total) FROM read.orders").fetchone()
    assert shown == logged


def caught_up(conninfo: str) -> bool:
    with psycopg.connect(conninfo) as connection:
        return all(not model.lag_events for model in health.models(connection))


def test_ten_kills_under_load_lose_double_and_skip_nothing(tmp_path: Path) -> None:
    hurt(tmp_path, 10)


@pytest.mark.soak
def test_a_hundred_kills_under_load_lose_double_and_skip_nothing(tmp_path: Path) -> None:
    hurt(tmp_path, 100)
