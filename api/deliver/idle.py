"""Follow-ups of idle deals: what a tenant's rules ask for, once for each stay of a deal in a stage.

What was planned is known from the log's own commands, so any number of workers may look, and be killed, at any moment.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg

from commands.command import Answer, Command, Context, FollowUpIdleDeal
from commands.desk import Desk
from commands.handle import handle_many
from commands.names import SETTINGS
from domain.event import stored_as
from domain.pipeline import Pipeline
from domain.tenant import FollowUpRulesDefined
from replay.ranges import tenants
from streams.errors import CommandReused
from streams.log import Log

_BATCH = 200  # deals
_RULED = (
    "SELECT DISTINCT e.tenant FROM unnest(%s::text[]) AS t(tenant) JOIN log.events e USING (tenant) "
    "WHERE e.stream = %s AND e.type = %s"
)
_IDLE = """
SELECT d.deal_id, d.stage, d.stage_since, i.command_id
FROM model.deals d
CROSS JOIN LATERAL (
    SELECT format('idle-%%s-%%s', d.deal_id, (extract(epoch FROM d.stage_since) * 1000000)::bigint)
) AS i(command_id)
WHERE d.tenant = %(tenant)s AND d.pipeline = %(pipeline)s AND d.stage = ANY(%(names)s) AND d.outcome = 'open'
  AND d.stage_since <= %(before)s
  AND (%(told_by)s::timestamptz IS NULL
       OR EXISTS (SELECT FROM log.events e WHERE e.position = d.position AND e.recorded_at <= %(told_by)s))
  AND NOT EXISTS (SELECT FROM log.commands c WHERE c.tenant = d.tenant AND c.command_id = i.command_id)
ORDER BY d.stage_since
LIMIT %(most)s
"""


def follow_up(log: Log, connection: psycopg.Connection) -> int:
    """Plan a follow-up for every deal that the rules of its tenant find idle; return how many were planned.

    `connection` is the owner's, in autocommit. Raises what the log refuses, except that another worker was faster.
    """
    planned = 0
    for tenant in _ruled(connection):
        while batch := list(_idle(log, connection, tenant, datetime.now(UTC), most=_BATCH)):
            for outcome in handle_many(log, batch):
                if isinstance(outcome, Answer):
                    planned += outcome.events
                elif not isinstance(outcome, CommandReused):
                    raise outcome
    return planned


def waiting(log: Log, connection: psycopg.Connection, since: timedelta) -> int:
    """Return how many deals of all tenants have needed a follow-up for at least so long and have none.

    What was told of a deal just now makes it wait from now on, however long ago it happened.
    """
    then = datetime.now(UTC) - since
    waits = (_idle(log, connection, tenant, then, told_by=then) for tenant in _ruled(connection))
    return sum(1 for deals in waits for _ in deals)


def _ruled(connection: psycopg.Connection) -> list[str]:
    """Return the tenants that ever had rules."""
    defined = (tenants(connection), SETTINGS, stored_as(FollowUpRulesDefined).name)
    return [tenant for (tenant,) in connection.execute(_RULED, defined)]


def _idle(  # noqa: PLR0913 - by whose rules, when, which of them
    log: Log,
    connection: psycopg.Connection,
    tenant: str,
    now: datetime,
    *,
    most: int | None = None,
    told_by: datetime | None = None,
) -> Iterator[tuple[Command, Context]]:
    """Yield what is to be asked about deals that are idle at a moment, the longest idle of a rule first.

    With `told_by`, of those alone that nothing was told of since then.
    """
    desk = Desk(log, tenant)
    for rule in desk.state(SETTINGS).follow_ups:
        pipeline: Pipeline = desk.state(f"pipeline-{rule.pipeline}")
        values = {
            "tenant": tenant,
            "pipeline": rule.pipeline,
            "names": pipeline.names(pipeline.current(rule.stage)),
            "before": now - timedelta(days=rule.days),
            "most": most,
            "told_by": told_by,
        }
        for deal_id, stage, since, command_id in connection.execute(_IDLE, values):
            command = FollowUpIdleDeal(deal_id=deal_id, stage=stage, since=since, task=rule.task)
            yield command, Context(tenant=tenant, actor="rule", source="app", now=now, command_id=command_id)
