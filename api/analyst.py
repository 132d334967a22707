"""Connections for analysts: one tenant, read only, schema `read`, and no way out by a statement."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

_ROLE = "backstory_analyst"
_SET_CONFIG = "pg_catalog.set_config(text, text, boolean)"
_LOCK = 0x616E6C73  # "anls"


def guard_analysts(conninfo: str) -> bool:
    """Take from analysts the one function by which a SELECT changes the tenant or role it runs under.

    Only a superuser can; returns whether analysts are without it.
    """
    with psycopg.connect(conninfo) as connection:
        if not _may_set_config(connection):
            return True
        if connection.info.parameter_status("is_superuser") != "on":
            return False
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        if _may_set_config(connection):
            connection.execute(f"REVOKE EXECUTE ON FUNCTION {_SET_CONFIG} FROM PUBLIC".encode())
    return True


def guarded(connection: psycopg.Connection) -> bool:
    """Say whether a SELECT of an analyst cannot change its tenant."""
    return not _may_set_config(connection)


@contextmanager
def analyst(conninfo: str, tenant: str, timeout: float) -> Iterator[psycopg.Connection]:
    """Open a read-only transaction of an analyst of this tenant; each statement may take `timeout` seconds.

    What it reads is one moment of the database. Where the connection may, the session itself becomes the
    analyst's, so that even RESET ROLE gives nothing back.
    """
    with psycopg.connect(conninfo) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        for name, value in (
            ("backstory.tenant", tenant),
            ("search_path", "read"),
            ("statement_timeout", f"{round(timeout * 1000)}ms"),
            ("idle_in_transaction_session_timeout", "0"),
            ("timezone", "UTC"),
            ("datestyle", "ISO"),
            ("intervalstyle", "iso_8601"),
            ("bytea_output", "hex"),
        ):
            connection.execute("SELECT set_config(%s, %s, true)", (name, value))
        superuser = connection.info.parameter_status("is_superuser") == "on"
        become = "SET LOCAL SESSION AUTHORIZATION" if superuser else "SET LOCAL ROLE"
        connection.execute(f"{become} {_ROLE}".encode())
        yield connection
        connection.rollback()


def _may_set_config(connection: psycopg.Connection) -> bool:
    row = connection.execute(
        "SELECT has_function_privilege(%s, %s, 'execute')", (_ROLE, _SET_CONFIG)
    ).fetchone()
    return row == (True,)
