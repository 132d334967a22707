"""The real processes, started, watched, killed and stopped from outside."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self, TypeVar

import psutil
import psycopg
from psycopg.conninfo import make_conninfo

BACKSTORY = str(Path(sys.executable).with_name("backstory"))
PATIENCE = 60.0

T = TypeVar("T")


def until(met: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
    """Wait for a condition and return what met it, or fail saying which it was."""
    deadline = time.monotonic() + patience
    while not (found := met()):
        assert time.monotonic() < deadline, f"{what}: not within {patience} s"
        time.sleep(0.02)
    return found


def backstory(data: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end."""
    return subprocess.run(
        [BACKSTORY, *arguments, "--data", str(data)], capture_output=True, text=True, check=False, timeout=120
    )


def on_a_terminal(data: Path, *arguments: str) -> tuple[int, str, str]:
    """Run one command whose standard error is a terminal; return its exit code, what it printed, what was shown."""
    ours, theirs = pty.openpty()
    shown: list[bytes] = []

    def watch() -> None:
        with contextlib.suppress(OSError):  # how a terminal ends
            while some := os.read(ours, 65_536):
                shown.append(some)

    watching = threading.Thread(target=watch)
    watching.start()
    done = subprocess.run(
        [BACKSTORY, *arguments, "--data", str(data)],
        stdout=subprocess.PIPE, stderr=theirs, text=True, check=False, timeout=120,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "200", "NO_COLOR": "1"},
    )  # fmt: skip
    os.close(theirs)
    watching.join(PATIENCE)
    os.close(ours)
    return done.returncode, done.stdout, b"".join(shown).decode()


class Up:
    """`backstory up` on a data folder; everything it and its roles print is kept in `printed`."""

    def __init__(self, data: Path, *flags: str) -> None:
        self.data = data
        self.printed = ""
        self._process = subprocess.Popen(
            [BACKSTORY, "up", "--port", "0", "--data", str(data), *flags],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.printed += line

    def wait_ready(self) -> None:
        """Wait for its word that everything answers."""
        deadline = time.monotonic() + PATIENCE
        while (
            "ready http" not in self.printed and self._process.poll() is None and time.monotonic() < deadline
        ):
            time.sleep(0.02)
        assert "ready http" in self.printed, f"not ready within {PATIENCE} s, having printed:\n{self.printed}"

    @property
    def url(self) -> str:
        [line] = [line for line in self.printed.splitlines() if line.startswith("ready ")]
        return line.split()[1]

    def answer(self, path: str) -> tuple[int, str]:
        """Return status and body of an address; status 0 where nothing answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=PATIENCE / 3) as answer:  # noqa: S310 - our own server
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def is_ready(self) -> bool:
        return self.answer("/health/ready")[0] == 200

    def conninfo(self) -> str:
        """Return how to connect to its embedded database, while that runs."""
        socket = (self.data / "postgres" / "postmaster.pid").read_text().splitlines()[4]
        return make_conninfo(host=socket, port=5432, user="postgres", dbname="backstory")

    def role(self, name: str) -> psutil.Process | None:
        """Return the process of a role, if it runs."""
        try:
            for child in psutil.Process(self._process.pid).children():
                if name in child.cmdline()[1:]:
                    return child
        except psutil.NoSuchProcess:
            pass
        return None

    def postgres(self) -> psutil.Process | None:
        """Return the database server's process, if it runs."""
        with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess, ValueError, IndexError):
            pid = int((self.data / "postgres" / "postmaster.pid").read_text().split("\n")[0])
            process = psutil.Process(pid)
            return process if process.name() == "postgres" else None
        return None

    def kill(self, what: str) -> None:
        """kill -9: up itself, a role, or postgres; what is just being started again is waited for."""
        find: Callable[[], psutil.Process | None] = {
            "up": lambda: psutil.Process(self._process.pid),
            "postgres": self.postgres,
        }.get(what, lambda: self.role(what))
        until(find, f"{what} runs").kill()
        if what == "up":
            self._process.wait()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop and return its exit code."""
        if self._process.poll() is None:
            os.kill(self._process.pid, number)
        code = self._process.wait(PATIENCE)
        self._reading.join(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        until(lambda: self.postgres() is None, "the database stops")


class RoleOnKafka:
    """`backstory ROLE` on a data folder and a Kafka; what every run of it prints is kept in one file."""

    def __init__(self, role: str, data: Path, bootstrap: str, prefix: str) -> None:
        self._told = (role, data, bootstrap, prefix)
        self._file = data / f"{role}-{id(self)}-printed"
        self._command = [BACKSTORY, role, "--data", str(data), "--kafka", bootstrap, "--kafka-prefix", prefix]
        self.start()

    def start(self) -> None:
        with self._file.open("a") as printed:
            self.process = subprocess.Popen(
                self._command, stderr=printed, stdout=printed, start_new_session=True
            )

    @property
    def printed(self) -> str:
        return self._file.read_text()

    def tend(self) -> None:
        """Start it again if it has ended by itself, as a supervisor would; it must have said why."""
        if (code := self.process.poll()) is None:
            return
        last = self.printed.splitlines()[-1:]
        assert code == 1, (code, self.printed)
        assert last, "it ended without a word"
        assert last[0].startswith("backstory: "), self.printed
        self.start()

    def kill(self) -> None:
        """kill -9, if it has not just ended by itself."""
        self.tend()
        self.end()

    @contextlib.contextmanager
    def another(self) -> Iterator[Self]:
        """Run one more like it for a while."""
        more = type(self)(*self._told)
        try:
            yield more
        finally:
            assert more.stop() == 0, more.printed

    def end(self) -> None:
        """Kill it, whatever it does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


def everything_stored(conninfo: str) -> str:
    """Return every row of every table of the database as text, and every view of schema read."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("SET backstory.tenant = 'main'")
        tables = connection.execute(
            "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables "
            "WHERE table_schema IN ('log', 'model', 'read')"
        ).fetchall()
        return "\n".join(
            str(row)
            for (table,) in tables
            for row in connection.execute(f"SELECT t::text FROM {table} t".encode())
        )


def lines(printed: str) -> list[dict[str, object]]:
    """Return the objects of JSON lines."""
    return [json.loads(line) for line in printed.splitlines()]
