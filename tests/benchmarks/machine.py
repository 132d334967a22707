"""The machine a benchmark runs on, and the PostgreSQL server it uses."""

import os
import platform
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
from psycopg.conninfo import make_conninfo

from api.embedded import EmbeddedPostgres

MASTER_KEY = bytes(range(32))


@contextmanager
def server() -> Iterator[str]:
    """Lend the conninfo of BACKSTORY_TEST_DATABASE, or of an embedded server on a folder that goes afterwards."""
    if given := os.environ.get("BACKSTORY_TEST_DATABASE"):
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="backstory-bench-"))
    try:
        with EmbeddedPostgres(folder / "postgres") as postgres:
            yield postgres.conninfo("postgres")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(server: str) -> Iterator[str]:
    """Lend the conninfo of an empty database on this server."""
    name = f"bench_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield make_conninfo(server, dbname=name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def postgres(conninfo: str) -> list[psutil.Process]:
    """Return the database's processes where it runs on this machine: its first one has all of the others."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        try:
            return [psutil.Process(row[0]).parent() or psutil.Process(row[0])] if row else []
        except psutil.NoSuchProcess:
            return []


def cpu(processes: Iterable[psutil.Process]) -> float:
    """Return the seconds of processor time that these and their children took so far."""
    found = [one for process in processes for one in (process, *process.children(recursive=True))]
    return sum(times.user + times.system for one in found for times in [one.cpu_times()])


def described(server: str) -> str:
    """Return cpu, cores, memory and versions, one a line."""
    with psycopg.connect(server) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}".encode()).fetchone()
            for name in ("server_version", "fsync", "synchronous_commit", "wal_sync_method", "shared_buffers")
        }
    settings = ", ".join(
        f"{name} {row[0]}" for name, row in shown.items() if row and name != "server_version"
    )
    version = shown["server_version"]
    return (
        f"cpu         {_cpu()}\n"
        f"cores       {psutil.cpu_count()} ({psutil.cpu_percent(0.3):.0f} % busy before we begin)\n"
        f"memory      {psutil.virtual_memory().total / 2**30:.1f} GB\n"
        f"system      {platform.system()} {platform.release()}, Python {platform.python_version()}\n"
        f"PostgreSQL  {version[0] if version else '?'} ({settings})\n"
    )


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
