"""Locks end with the machine of those who hold them."""

import socket
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from api.embedded import EmbeddedPostgres, server
from projections.checkpoints import projecting
from streams.kafka.outbox import Outbox
from streams.migrate import migrate


def noticed(connection: psycopg.Connection) -> int:
    """Return the seconds after which PostgreSQL gives up on a connection that does not answer; 0 for hours."""
    row = connection.execute(
        "SELECT current_setting('tcp_keepalives_idle')::int + current_setting('tcp_keepalives_interval')::int "
        "* current_setting('tcp_keepalives_count')::int"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_lock_of_a_machine_that_is_gone_is_free_within_half_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    by_network = ("listen_addresses=127.0.0.1", f"port={port}")
    monkeypatch.setattr(server, "_SETTINGS", (*server._SETTINGS, *by_network))  # noqa: SLF001
    monkeypatch.setattr(server, "_PORT", port)
    with EmbeddedPostgres(tmp_path / "postgres") as postgres:
        conninfo = make_conninfo(postgres.conninfo("postgres"), host="127.0.0.1")
        migrate(conninfo)
        with projecting(conninfo) as connection:
            assert 0 < noticed(connection) < 30
        with Outbox(conninfo) as outbox:
            assert 0 < noticed(outbox._connection) < 30  # noqa: SLF001
