"""Commands of many requests at once, done together: each answered or refused as if it had been alone."""

import asyncio
import secrets
from collections.abc import Callable, Sequence

import psycopg
import pytest

from api.http.v1.together import Together
from commands.command import Answer, CaptureLead, Command, Context, MoveToStage
from domain.customer import Profile
from domain.deal import DealNotFound
from streams.errors import CommandReused, UnknownEventType
from streams.log import Log
from tests.api.http.serving import awaited
from tests.commands.asking import an_order, context

Asked = tuple[Command, Context]


def at_once(log: Log, asked: Sequence[Asked]) -> list[Answer | Exception]:
    async def ask(together: Together) -> list[Answer | Exception | BaseException]:
        return await asyncio.gather(*(together.handle(*one) for one in asked), return_exceptions=True)

    with Together(log) as together:
        outcomes = awaited(ask(together))
    assert all(isinstance(outcome, Answer | Exception) for outcome in outcomes)
    return outcomes  # type: ignore[return-value]


def answered(outcomes: Sequence[Answer | Exception]) -> list[Answer]:
    found = [outcome for outcome in outcomes if isinstance(outcome, Answer)]
    assert len(found) == len(outcomes), outcomes
    return found


def test_each_gets_its_own_answer_and_most_share_a_commit(log: Log, database: str) -> None:
    answers = answered(at_once(log, [(an_order(str(n)), context(f"c-{n}")) for n in range(100)]))
    assert sorted(answer.position for answer in answers) == list(range(1, 101))
    recorded = {one.position: one for one in log.read(0, 200)}
    for n, answer in enumerate(answers):
        assert recorded[answer.position].command_id == f"c-{n}"
        assert recorded[answer.position].stream == f"order-{answer.id}"
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(DISTINCT xmin::text) FROM log.events").fetchone()
    assert row is not None
    assert row[0] < 50


def test_a_refused_one_stops_no_other(log: Log) -> None:
    asked: list[Asked] = [(an_order(str(n)), context(f"c-{n}")) for n in range(20)]
    asked[7:7] = [(MoveToStage(deal_id="none", stage="New"), context("refused"))]
    outcomes = at_once(log, asked)
    assert isinstance(outcomes.pop(7), DealNotFound)
    answered(outcomes)


@pytest.mark.parametrize("form", ["contact", None])
def test_the_same_person_many_times_is_one_customer(log: Log, form: str | None) -> None:
    lead = CaptureLead(form=form, profile=Profile(email="ann@example.org", name="Ann"))
    answers = answered(at_once(log, [(lead, context(f"c-{n}")) for n in range(50)]))
    assert len({answer.id for answer in answers}) == 1
    customers = {one.stream for one in log.read(0, 500) if one.stream.startswith("customer-")}
    assert len(customers) == 1


def test_one_command_many_times_is_done_once_and_with_other_content_refused(log: Log) -> None:
    asked: list[Asked] = [(an_order("1"), context("same"))] * 30
    answers = answered(at_once(log, asked))
    assert sum(not answer.repeated for answer in answers) == 1
    assert {answer.position for answer in answers} == {1}
    [outcome] = at_once(log, [(an_order("2"), context("same"))])
    assert isinstance(outcome, CommandReused)


def test_each_tenant_has_its_own(log: Log) -> None:
    asked = [(an_order(), context(f"c-{n}", tenant=f"t-{n % 5}")) for n in range(40)]
    answered(at_once(log, asked))
    assert sorted(one.tenant for one in log.read(0, 100)) == [f"t-{n}" for n in range(5)]


@pytest.fixture
def unreadable(log: Log, database: str) -> Callable[[], str]:
    """Makes a deal with an event that this code does not know."""

    def made() -> str:
        ident = secrets.token_hex(4)
        event = ["main", f"deal-{ident}", 1, "of-the-future.v9", secrets.token_hex(16), None, 0, "2026-03-01T09:30:00Z",
                 "x", "x", None, None, None, {}]  # fmt: skip
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("SELECT log.append(%s)", (psycopg.types.json.Jsonb({"events": [event]}),))
        assert log.head() == 1
        return ident

    return made


def test_one_that_cannot_be_read_is_no_others_trouble(log: Log, unreadable: Callable[[], str]) -> None:
    broken = MoveToStage(deal_id=unreadable(), stage="New")
    asked: list[Asked] = [(an_order(str(n)), context(f"c-{n}")) for n in range(30)]
    asked.insert(11, (broken, context("broken")))
    outcomes = at_once(log, asked)
    assert isinstance(outcomes.pop(11), UnknownEventType)
    answered(outcomes)
    assert log.head() == 31
