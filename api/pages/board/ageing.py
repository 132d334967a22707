"""Why a deal has the age it has: what set the clock of its stage, and what happened since without doing so."""

from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from api.http.errors import not_found
from api.pages.board.columns import days_between
from api.pages.board.pipelines import chosen, pipelines
from api.pages.customers.timeline import Entry, of_stream
from api.pages.freshness import freshness

_ENTERS = ("deal-opened.v1", "stage-changed.v1", "deal-won.v1", "deal-lost.v1", "deal-reopened.v1")
_DEAL = "SELECT pipeline, stage, stage_since FROM read.deals WHERE deal_id = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How long a deal is in a stage that allows `limit` days: since when, by which event, and the last one since."""

    stage: str
    since: datetime
    days: int
    limit: int | None
    entered: Entry | None
    last: Entry | None


def clock_of(connection: psycopg.Connection, deal_id: str) -> Clock:
    """Return the clock of a deal. Raises Problem 404 where there is none, or no stage was told of it."""
    row = connection.execute(_DEAL, (deal_id,)).fetchone() if "\x00" not in deal_id else None
    if row is None or row[2] is None:
        raise not_found()
    pipeline, stage, since = row
    rules = chosen(pipelines(connection), pipeline).stage(stage)
    shown = freshness(connection).position
    events = [one for one in of_stream(connection, f"deal-{deal_id}").entries if one.position <= shown]
    return Clock(
        stage=stage,
        since=since,
        days=days_between(since, datetime.now(UTC)),
        limit=rules.limit_days if rules else None,
        entered=next((one for one in events if one.occurred_at == since and one.type in _ENTERS), None),
        last=next((one for one in events if one.occurred_at > since), None),
    )
