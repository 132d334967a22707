from collections.abc import Iterator

import psycopg
import pytest

from streams.bounded import Bounded


@pytest.fixture
def bounded(server: str) -> Iterator[Bounded]:
    with Bounded.connect(server, autocommit=True) as connection:
        yield connection


def test_a_connection_that_does_not_answer_in_time_is_closed(bounded: Bounded) -> None:
    bounded.patience = 0.2
    with pytest.raises(psycopg.OperationalError):
        bounded.execute("SELECT pg_sleep(60)")
    assert bounded.closed


def test_a_pipeline_that_is_not_answered_in_time_is_closed_with_its_connection(bounded: Bounded) -> None:
    bounded.patience = 0.2
    with pytest.raises(psycopg.OperationalError), bounded.pipeline():
        bounded.execute("SELECT pg_sleep(60)").fetchall()
    assert bounded.closed


def test_a_query_that_the_server_ends_leaves_its_connection_open(bounded: Bounded) -> None:
    bounded.patience = 30
    bounded.execute("SET statement_timeout = 50")
    with pytest.raises(psycopg.errors.QueryCanceled):
        bounded.execute("SELECT pg_sleep(60)")
    assert bounded.execute("SELECT 1").fetchone() == (1,)


def test_one_without_a_bound_waits(bounded: Bounded) -> None:
    assert bounded.execute("SELECT pg_sleep(0.3)").rowcount == 1
