from dataclasses import replace

import psycopg

from streams.migrate import migrations
from tests.streams.race import Outcome, race

UNSAFE = """
    taken := nextval('log.unsafe');  -- a number drawn before the commit, as a serial column does
    at := clock_timestamp();
    PERFORM pg_sleep(random() * 0.01);  -- some commits take longer than others
"""


def told(outcome: Outcome) -> Outcome:
    """The outcome without what was done to the writers, which differs from run to run."""
    return replace(outcome, recorded=0, acknowledged=0, refused=0, aborted=0, killed=0, cut=0)


CLEAN = Outcome(
    recorded=0, gaps=0, missed=0, doubled=0, lost=0, acknowledged=0, refused=0, aborted=0, killed=0, cut=0
)


def test_a_reader_misses_no_event_while_writers_conflict_abort_are_cut_off_and_killed(database: str) -> None:
    outcome = race(database, events=12_000)
    assert told(outcome) == CLEAN
    assert min(outcome.refused, outcome.aborted, outcome.killed, outcome.cut) > 0
    assert outcome.recorded >= 12_000


def test_the_race_finds_the_events_that_readers_miss_where_positions_are_drawn_before_the_commit(
    database: str,
) -> None:
    source = [sql for _, sql in migrations() if "FUNCTION log.append" in sql][-1]
    start = source.index("    UPDATE log.head h SET position")
    end = source.index("INTO taken, at;") + len("INTO taken, at;")
    unsafe = source[:start] + UNSAFE + source[end:]
    with psycopg.connect(database) as connection:
        connection.execute(
            "CREATE SEQUENCE log.unsafe INCREMENT 100; GRANT USAGE ON SEQUENCE log.unsafe TO backstory_app"
        )
        connection.execute(unsafe.encode())
    assert race(database, events=100_000, threads=4, kills=0, cuts=0).missed > 0
