"""Idle deals get the follow-up that a rule asks for: once, whoever looks and whatever is killed meanwhile."""

import json
import os
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread

import psycopg
import pytest

from api.deliver.idle import follow_up, waiting
from api.http.v1.administration import FollowUpsBody
from commands.command import (
    Command,
    Context,
    DefineFollowUps,
    DefinePipeline,
    LoseDeal,
    MoveToStage,
    OpenDeal,
    ReopenDeal,
)
from commands.handle import handle
from domain.deal import FollowUpScheduled
from domain.pipeline import DEFAULT, Stage
from domain.tenant import FollowUpRule, business_day
from projections.projector import Projector
from streams.log import Log
from tests.acceptance.running import BACKSTORY, PATIENCE, until
from tests.conftest import MASTER_KEY

RULES = (FollowUpRule(pipeline="sales", stage="New", days=7, task="Call back"),)
README = (Path(__file__).parents[3] / "api" / "deliver" / "README.md").read_text(encoding="utf-8")


class Business:
    """A tenant on a log whose read models follow when they are told to."""

    def __init__(self, log: Log, tenant: str = "main") -> None:
        self.log, self.tenant = log, tenant
        self.do(DefinePipeline(name="sales", stages=DEFAULT.stages))
        self.do(DefineFollowUps(rules=RULES))

    def do(self, command: Command, *, days_ago: float = 0) -> str:
        now = datetime.now(UTC) - timedelta(days=days_ago)
        context = Context(tenant=self.tenant, actor="mara", source="app", now=now)
        return handle(self.log, command, context).id

    def opened(self, days_ago: float, owner: str | None = "mara") -> str:
        deal = OpenDeal(pipeline="sales", stage="New", title="Lamps", owner=owner)
        return self.do(deal, days_ago=days_ago)

    def planned(self, deal: str) -> list[FollowUpScheduled]:
        events = [entry.event for entry in self.log.stream(self.tenant, f"deal-{deal}")]
        return [event for event in events if isinstance(event, FollowUpScheduled)]

    def project(self) -> None:
        Projector(self.log, self.log.conninfo).catch_up()

    def look(self) -> int:
        self.project()
        with psycopg.connect(self.log.conninfo, autocommit=True) as connection:
            return follow_up(self.log, connection)


@pytest.fixture
def business(log: Log) -> Business:
    return Business(log)


def test_a_deal_that_is_idle_for_as_long_as_a_rule_says_gets_its_follow_up_once(business: Business) -> None:
    idle, fresh = business.opened(days_ago=7.1), business.opened(days_ago=6.9)
    assert [business.look(), business.look()] == [1, 0]
    [planned] = business.planned(idle)
    today = business_day(datetime.now(UTC), "UTC")
    assert (planned.task, planned.owner) == ("Call back", "mara")
    assert today - timedelta(days=1) <= planned.due_on <= today
    assert business.planned(fresh) == []
    business.project()
    with psycopg.connect(business.log.conninfo) as connection:
        due = "SELECT next_follow_up_on FROM model.deals WHERE deal_id = %s"
        assert connection.execute(due, (idle,)).fetchone() == (planned.due_on,)


def test_each_stay_in_a_stage_gets_one(business: Business) -> None:
    deal = business.opened(days_ago=30)
    assert business.look() == 1
    business.do(MoveToStage(deal_id=deal, stage="Qualified"), days_ago=20)
    assert business.look() == 0
    business.do(MoveToStage(deal_id=deal, stage="New"), days_ago=10)
    assert [business.look(), business.look()] == [1, 0]
    assert len({planned.follow_up_id for planned in business.planned(deal)}) == 2


def test_a_deal_that_has_moved_on_or_closed_since_the_read_model_was_read_gets_none(
    business: Business,
) -> None:
    moved, lost, back = (business.opened(days_ago=9) for _ in range(3))
    business.project()
    business.do(MoveToStage(deal_id=moved, stage="Qualified"))
    business.do(LoseDeal(deal_id=lost, reason="price"))
    business.do(LoseDeal(deal_id=back, reason="price"))
    business.do(ReopenDeal(deal_id=back))
    with psycopg.connect(business.log.conninfo, autocommit=True) as connection:
        assert follow_up(business.log, connection) == 1
        assert waiting(business.log, connection, timedelta(0)) == 0
    assert [len(business.planned(deal)) for deal in (moved, lost, back)] == [0, 0, 1]


def test_a_rule_holds_for_every_name_that_its_stage_has_had(business: Business) -> None:
    before = business.opened(days_ago=8)
    stages = (Stage(name="Inbox"), *DEFAULT.stages[1:])
    business.do(DefinePipeline(name="sales", stages=stages, renamed=(("New", "Inbox"),)))
    after = business.do(OpenDeal(pipeline="sales", stage="Inbox", title="Chairs"), days_ago=8)
    assert business.look() == 2
    again = (FollowUpRule(pipeline="sales", stage="Inbox", days=7, task="Call"),)
    business.do(DefineFollowUps(rules=again))
    assert business.look() == 0
    assert [len(business.planned(deal)) for deal in (before, after)] == [1, 1]


def test_a_rule_is_for_deals_of_its_own_tenant(business: Business, log: Log) -> None:
    deal = business.opened(days_ago=8)
    other = Business(log, "other")
    other.do(DefineFollowUps(rules=()))
    theirs = other.opened(days_ago=8)
    assert business.look() == 1
    assert (len(business.planned(deal)), other.planned(theirs)) == (1, [])


def test_workers_that_look_at_the_same_moment_plan_it_once(business: Business) -> None:
    deals = [business.opened(days_ago=8) for _ in range(30)]
    business.project()
    counts: list[int] = []
    start = Barrier(3)

    def look() -> None:
        with psycopg.connect(business.log.conninfo, autocommit=True) as connection:
            start.wait(PATIENCE)
            counts.append(follow_up(business.log, connection))

    threads = [Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(counts) == 3
    assert [len(business.planned(deal)) for deal in deals] == [1] * 30


@contextmanager
def role(database: str, folder: Path) -> Iterator[None]:
    """Run `backstory deliver` meanwhile."""
    settings = {
        "BACKSTORY_MASTER_KEY": b64encode(MASTER_KEY).decode(),
        "BACKSTORY_DATABASE": database,
        "BACKSTORY_DATA": str(folder),
    }
    process = subprocess.Popen([BACKSTORY, "deliver"], env=os.environ | settings)
    try:
        yield
    finally:
        process.kill()
        process.wait(PATIENCE)


def test_kill_9_in_the_middle_and_two_at_once_plan_it_once(
    business: Business, database: str, tmp_path: Path
) -> None:
    deals = [business.opened(days_ago=8) for _ in range(600)]
    business.project()

    def planned() -> int:
        count = "SELECT count(*) FROM log.events WHERE type = 'follow-up-scheduled.v1'"
        with psycopg.connect(database) as connection:
            row = connection.execute(count).fetchone()
        assert row is not None
        return int(row[0])

    with role(database, tmp_path):
        until(planned, "the first batch")
    with role(database, tmp_path), role(database, tmp_path):
        until(lambda: planned() >= 600, "all of them")
    assert {len(business.planned(deal)) for deal in deals} == {1}


def test_what_waits_is_counted_from_when_it_was_told(business: Business) -> None:
    business.opened(days_ago=7.5)
    business.opened(days_ago=6.5)
    business.project()
    with psycopg.connect(business.log.conninfo, autocommit=True) as connection:

        def waits(seconds: float) -> int:
            return waiting(business.log, connection, timedelta(seconds=seconds))

        assert waits(0) == 1
        assert waits(3_600) == 0, "it was told just now"
        until(lambda: waits(0.5) == 1, "half a second has passed")


def test_the_example_of_the_page_is_accepted(business: Business) -> None:
    [example, _] = re.findall(r"-d '(.*?)'", README, re.DOTALL)
    body = FollowUpsBody.model_validate(json.loads(example))
    business.do(body.command())
    assert business.log.stream("main", "tenant-settings")[-1].event.rules[0].days == 14  # type: ignore[attr-defined]
