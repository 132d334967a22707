"""A tenant's configuration: pipelines, ownership of fields, rules for follow-ups, time zone, API keys."""

from commands.command import (
    ChooseTimeZone,
    Context,
    CreateApiKey,
    DefineFollowUps,
    DefineOwnership,
    DefinePipeline,
    RevokeApiKey,
)
from commands.deals import rules_to_begin
from commands.desk import Desk
from commands.names import KEYS, SETTINGS
from domain import pipeline, tenant


def define_pipeline(desk: Desk, command: DefinePipeline, context: Context) -> str:
    """Set a pipeline's stages and rules from now on."""
    stream = f"pipeline-{command.name}"
    desk.expect(stream, context.expected)
    events = pipeline.define(
        desk.state(stream), name=command.name, stages=command.stages, renamed=command.renamed, at=context.now
    )
    desk.append(stream, events)
    return command.name


def define_ownership(desk: Desk, command: DefineOwnership, context: Context) -> str:
    """Say which source owns which customer field from now on."""
    desk.expect(SETTINGS, context.expected)
    desk.append(
        SETTINGS, tenant.define_ownership(desk.state(SETTINGS), owners=command.owners, at=context.now)
    )
    return "ownership"


def define_follow_ups(desk: Desk, command: DefineFollowUps, context: Context) -> str:
    """Say which idle deals get a follow-up from now on."""
    desk.expect(SETTINGS, context.expected)
    pipelines = {name: rules_to_begin(desk, name) for name in {rule.pipeline for rule in command.rules}}
    events = tenant.define_follow_ups(
        desk.state(SETTINGS), rules=command.rules, pipelines=pipelines, at=context.now
    )
    desk.append(SETTINGS, events)
    return "follow-ups"


def choose_time_zone(desk: Desk, command: ChooseTimeZone, context: Context) -> str:
    """Choose the zone of business days."""
    desk.expect(SETTINGS, context.expected)
    desk.append(
        SETTINGS, tenant.choose_time_zone(desk.state(SETTINGS), time_zone=command.time_zone, at=context.now)
    )
    return "time-zone"


def create_api_key(desk: Desk, command: CreateApiKey, context: Context) -> str:
    """Hand out a key; only its digest is kept."""
    events = tenant.create_api_key(
        desk.state(KEYS),
        key_id=command.key_id,
        name=command.name,
        digest=command.digest,
        role=command.role,
        scopes=command.scopes,
        at=context.now,
    )
    desk.append(KEYS, events)
    return command.key_id


def revoke_api_key(desk: Desk, command: RevokeApiKey, context: Context) -> str:
    """End a key."""
    events = tenant.revoke_api_key(
        desk.state(KEYS), key_id=command.key_id, reason=command.reason, at=context.now
    )
    desk.append(KEYS, events)
    return command.key_id
