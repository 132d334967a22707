"""Sessions whose locks say who does what: their end must be noticed."""

import psycopg

_IDLE, _INTERVAL, _COUNT = 10, 5, 3  # seconds, seconds, times: together 25 seconds


def end_with_the_machine(connection: psycopg.Connection) -> None:
    """Have PostgreSQL end this session, and free its locks, 25 seconds after the machine at its other end is gone."""
    connection.execute(
        "SELECT set_config('tcp_keepalives_idle', %s, false), set_config('tcp_keepalives_interval', %s, false), "
        "set_config('tcp_keepalives_count', %s, false)",
        (str(_IDLE), str(_INTERVAL), str(_COUNT)),
    )
