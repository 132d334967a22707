import random
import time
from collections.abc import Callable

import psycopg
import pytest

from projections.checkpoints import projecting
from projections.holding import held, retry
from projections.projector import Projector
from projections.schema import prepare
from projections.sharing import Share
from projections.waiting import wait
from replay.rebuild import rebuild
from replay.verify import differences
from streams.follower import LogFollower
from streams.log import Log
from tests.projections.conftest import Ask, parts, running
from tests.projections.facts import append, moved, opened, paid, placed, refunded


def reach(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.usefixtures("projector")
def test_projectors_share_partitions_evenly_as_they_come_and_go(log: Log, ask: Ask) -> None:
    with running(log):
        reach(lambda: parts(ask) == [12])
        with running(log):
            reach(lambda: parts(ask) == [6, 6])
            with running(log):
                reach(lambda: parts(ask) == [4, 4, 4])
            reach(lambda: parts(ask) == [6, 6])
        reach(lambda: parts(ask) == [12])


@pytest.mark.parametrize(("partitions", "sharers"), [(12, 5), (16, 3), (12, 12), (3, 5)])
def test_every_partition_has_one_holder_however_many_share_them(
    database: str, partitions: int, sharers: int
) -> None:
    connections = [psycopg.connect(database, autocommit=True) for _ in range(sharers)]
    shares = [Share(connection, partitions) for connection in connections]
    for share in shares:
        share.join()
    for _ in range(3):
        for share in shares:
            share.take()
    assert sorted(n for share in shares for n in share.held) == list(range(partitions))
    assert max(len(share.held) for share in shares) == -(-partitions // sharers)
    assert not any(share.changed() for share in shares)
    for connection in connections:
        connection.close()


def test_what_is_given_back_is_free_however_often_more_was_taken(database: str) -> None:
    def joined() -> Share:
        share = Share(psycopg.connect(database, autocommit=True), 12)
        share.join()
        return share

    def divided(*shares: Share) -> list[int]:
        for share in shares:
            share.take()
        return [len(share.held) for share in shares]

    def left(share: Share) -> None:
        share._connection.close()  # noqa: SLF001 - as when its process is killed
        reach(one.changed)

    one, two = joined(), joined()
    assert divided(one, two) == [6, 6]
    left(two)
    assert divided(one) == [12]
    two = joined()
    assert divided(one, two) == [6, 6]
    three = joined()
    assert divided(one, two, three) == [4, 4, 4]
    for share in (two, three, one):
        share._connection.close()  # noqa: SLF001


def _facts(customers: int) -> list[tuple[str, str | None, object]]:
    return [
        (f"{kind}-{n}", f"c{n % 7}", event)
        for n in range(customers)
        for kind, event in (
            ("order", placed(customer_id=f"c{n % 7}")),
            ("order", paid()),
            ("order", refunded(order_id=str(n))),
            ("deal", opened()),
            ("deal", moved(5, "Won")),
        )
    ]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.usefixtures("projector")
def test_rows_equal_a_fresh_fold_while_projectors_come_and_go(log: Log, database: str, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a repeatable shuffle
    facts = _facts(16)
    chance.shuffle(facts)
    with running(log):
        for stream, customer, event in facts[:30]:
            append(log, stream, [event], customer_id=customer)  # type: ignore[list-item]
        with running(log):
            for stream, customer, event in facts[30:60]:
                append(log, stream, [event], customer_id=customer)  # type: ignore[list-item]
        for stream, customer, event in facts[60:]:
            append(log, stream, [event], customer_id=customer)  # type: ignore[list-item]
        assert wait(log, log.head(), 30)
    assert differences(log, database) == []


def _half(log: Log, database: str, partitions: range) -> None:
    """Bring some partitions to the head and leave the others where they are."""
    with Projector(log, database)._line(LogFollower(log)) as (line, _):  # noqa: SLF001
        assert line.follow(partitions, log.head(), lambda: False) == log.head()


def test_partitions_at_different_places_are_compared_rebuilt_and_swapped_as_they_are(
    log: Log, database: str, ask: Ask
) -> None:
    prepare(database)
    for stream, customer, event in _facts(12):
        append(log, stream, [event], customer_id=customer)  # type: ignore[list-item]
    _half(log, database, range(5))
    before = ask("SELECT name, partition, position FROM model.places ORDER BY 1, 2")
    assert {position for _, _, position in before} == {0, log.head()}
    assert differences(log, database) == []
    report = rebuild(log, ["orders", "deals"], reason="test")
    assert [(one.differing, one.swapped) for one in report.models] == [(0, True), (0, True)]
    assert ask("SELECT name, partition, position FROM model.places ORDER BY 1, 2") == before
    assert not wait(log, log.head(), 0.05)
    Projector(log, database).catch_up()
    assert differences(log, database) == []


def test_a_catalog_with_one_position_a_model_goes_on_from_there(log: Log, database: str, ask: Ask) -> None:
    prepare(database)
    append(log, "order-1", [placed(customer_id="c1")])
    Projector(log, database).catch_up()
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE model.checkpoints ADD COLUMN position bigint NOT NULL DEFAULT 1")
        connection.execute("DROP TABLE model.places CASCADE")
        connection.execute("ALTER TABLE model.builds DROP COLUMN positions")
        connection.execute("COMMENT ON SCHEMA model IS NULL")
    prepare(database)
    assert ask("SELECT DISTINCT position FROM model.places") == [(1,)]
    append(log, "order-1", [paid()])
    Projector(log, database).catch_up()
    assert differences(log, database) == []


def test_a_held_unit_is_folded_anew_as_far_as_its_own_partition_is(log: Log, database: str, ask: Ask) -> None:
    prepare(database)
    append(log, "order-1", [placed(customer_id="c1")], customer_id="c1")
    (mine,) = {recorded.partition for recorded in log.stream("main", "order-1")}
    other = (mine + 1) % log.partitions
    _half(log, database, range(other, other + 1))
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO model.held (model, tenant, unit, stream, position, type, error) "
            "VALUES ('orders', 'main', 'order-1', 'order-1', 1, 'order-placed.v1', 'x')"
        )
    (one,) = held(database)
    assert retry(log, database, one)
    assert ask("SELECT count(*) FROM model.orders") == [(0,)]  # its partition was not projected yet
    Projector(log, database).catch_up()
    assert ask("SELECT count(*) FROM model.orders") == [(1,)]
    with projecting(database) as connection:
        assert connection.execute("SELECT count(*) FROM model.held").fetchone() == (0,)
