"""The examination of every part, each with its own sentence."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any

import psycopg

from api import health
from api.analyst import guarded
from api.deliver import idle, leads, mail
from api.failures import Failure
from api.master_key import find_master_key
from api.place import open_database
from api.settings import Settings
from streams.errors import WrongMasterKey
from streams.kafka.intake_lag import intake_lag
from streams.kafka.retrying import KafkaAway
from streams.kafka.topics import Topics
from streams.log import Log

_LATE = 60.0  # seconds that anything may wait before that is worth a look
_LONG = timedelta(seconds=_LATE)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one part; `measured` holds the figures for programs."""

    part: str
    ok: bool
    says: str
    measured: dict[str, Any] = field(default_factory=dict)


def examine(settings: Settings, role: str | None = None) -> Iterator[Finding]:
    """Examine part after part, or what matters to one role. An embedded database is started, but none is made."""
    if settings.database is None and not (settings.data / "postgres" / "PG_VERSION").exists():
        yield Finding("database", False, f"none in {settings.data}: nothing was ever started there")
        return
    try:
        with open_database(settings) as (conninfo, server), psycopg.connect(conninfo) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            version = connection.info.server_version
            where = "embedded" if server else "by URL"
            yield Finding("database", True, f"PostgreSQL {version // 10_000}.{version % 10_000}, {where}")
            yield from _examine(connection, settings, conninfo, role)
    except Failure as cause:
        yield Finding("database", False, str(cause))


def _examine(
    connection: psycopg.Connection, settings: Settings, conninfo: str, role: str | None
) -> Iterator[Finding]:
    missing = health.missing_migrations(connection)
    foreign = health.foreign_migrations(connection)
    told = f"missing: {', '.join(missing)}; any other command applies them" if missing else "all applied"
    if foreign:
        told = f"{', '.join(foreign)}: applied by another version of Backstory; no command works here but with that"
    yield Finding("migrations", not (missing or foreign), told)
    if missing or foreign:
        return
    if role is not None:
        yield from ROLES[role](connection, settings, conninfo)
        return
    yield _master_key(settings, conninfo)
    yield _log(connection)
    yield from _projections(connection)
    yield from _deliver(connection, settings, conninfo)
    yield from _relay(connection, settings)
    yield from _intake(settings)
    safe = guarded(connection)
    cure = "REVOKE EXECUTE ON FUNCTION set_config(text, text, boolean) FROM PUBLIC, as a superuser"
    told = "confined to their tenant" if safe else f"a SELECT may change its own tenant: {cure}"
    yield Finding("analysts", safe, told)


def _master_key(settings: Settings, conninfo: str) -> Finding:
    try:
        key = find_master_key(settings)
        if key is None:
            return Finding("master key", False, f"neither in BACKSTORY_MASTER_KEY nor in {settings.data}")
        with Log(conninfo, key, connections=1):
            return Finding("master key", True, "opens this log")
    except (WrongMasterKey, Failure) as cause:
        return Finding("master key", False, str(cause))


def _log(connection: psycopg.Connection) -> Finding:
    head = health.head(connection)
    missing = health.incomplete(connection)
    told = missing or f"complete: {head:,} events at positions 1 to {head:,}, no version of a stream missing"
    return Finding("log", missing is None, told, {"head": head, "complete": missing is None})


def _projections(connection: psycopg.Connection) -> Iterator[Finding]:
    models = health.models(connection)
    alive = bool(models) and all(model.alive for model in models if not model.outdated)
    behind = any(model.lag_events for model in models)
    heard = min((model.heartbeat for model in models), default=None)
    places = health.places(connection)
    at_work = health.projectors(places)
    told = (
        f"at work: {'; '.join(map(_share, at_work))}"
        if alive
        else "none at work, and read models are behind"
        if behind
        else "none at work, none needed"
    )
    measured = {
        "heartbeat_seconds": heard,
        "projectors": [asdict(one) for one in at_work],
        "partitions": [
            {
                "model": one.model,
                "partition": one.partition,
                "lag_events": one.lag_events,
                "lag_seconds": one.lag_seconds,
            }
            for one in places
        ],
    }
    yield Finding("projector", alive or not behind, told, measured)
    for model in models:
        yield Finding(
            f"read model {model.name}",
            not model.outdated and not model.held_keys and (alive or not model.lag_events),
            _sentence(model),
            {
                "position": model.position,
                "head": model.head,
                "lag_events": model.lag_events,
                "lag_seconds": round(model.lag_seconds, 3),
                "held_keys": model.held_keys,
                "state": model.state,
                "version": model.version,
            },
        )


def _deliver(connection: psycopg.Connection, settings: Settings, conninfo: str) -> Iterator[Finding]:
    """Examine what follows from events by itself: whether any of it is overdue."""
    try:
        key = find_master_key(settings)
        if key is None:
            return
        with Log(conninfo, key, connections=1) as log:
            deals = idle.waiting(log, connection, _LONG)
    except (WrongMasterKey, Failure):
        return  # it is told of the master key
    late = {
        "idle_deals_waiting": (deals, "idle deals wait for their follow-ups"),
        "leads_waiting": (leads.waiting(connection, _LONG), "leads wait to be handled"),
        "messages_waiting": (mail.waiting(connection, _LONG), "messages wait to be sent"),
    }
    told = [f"{count:,} {what}" for count, what in late.values() if count]
    sentence = f"{', '.join(told)}: run `backstory deliver`" if told else "nothing waits"
    yield Finding("deliver", not told, sentence, {name: count for name, (count, _) in late.items()})


def _relay(connection: psycopg.Connection, settings: Settings) -> Iterator[Finding]:
    """Examine the publication, where one was ever begun or is configured."""
    relay = health.relay(connection)
    if relay is None:
        if settings.kafka is not None:
            yield Finding("relay", False, "none ever published this log: run `backstory relay`")
        return
    at_work = "" if relay.alive else f"; {relay.trouble or 'none at work'}"
    behind = f", {relay.lag_events:,} events and {relay.lag_seconds:.0f} s behind" if relay.lag_events else ""
    told = f"published through {relay.position:,}{behind}{at_work}"
    measured = {
        "position": relay.position,
        "head": relay.head,
        "lag_events": relay.lag_events,
        "lag_seconds": round(relay.lag_seconds, 3),
        "unpublished_keys": relay.keys,
        "heartbeat_seconds": relay.heartbeat,
    }
    yield Finding("relay", relay.alive or not (relay.lag_events or relay.keys), told, measured)


def _intake(settings: Settings) -> Iterator[Finding]:
    """Examine what services publish, where Kafka is configured and somebody ever made the intake's topics."""
    if settings.kafka is None:
        return
    try:
        lag = intake_lag(settings.kafka, Topics(settings.kafka_prefix))
    except KafkaAway as cause:
        yield Finding("intake", False, f"Kafka does not answer ({cause})")
        return
    if lag is None:
        return
    behind = f"{lag.messages:,} messages and {lag.seconds:.0f} s behind" if lag.messages else "at the end"
    kept = f"; {lag.rejects:,} rejects to put right: `backstory intake retry`" if lag.rejects else ""
    measured = {
        "lag_messages": lag.messages,
        "lag_seconds": round(lag.seconds, 3),
        "rejects": lag.rejects,
    }
    yield Finding("intake", lag.seconds < _LATE, f"{behind}{kept}", measured)


ROLES: Mapping[str, Callable[[psycopg.Connection, Settings, str], Iterator[Finding]]] = {
    "project": lambda connection, *_: islice(_projections(connection), 1),
    "deliver": _deliver,
    "relay": lambda connection, settings, _: _relay(connection, settings),
    "intake": lambda _, settings, __: _intake(settings),
}
"""What tells whether a role does its work, quickly enough to be asked often."""


def _share(projector: health.ProjectorHealth) -> str:
    held = f"{projector.worker} in {len(projector.partitions)} partitions"
    if not projector.lag_events:
        return held
    return f"{held}, up to {projector.lag_events:,} events and {projector.lag_seconds:.0f} s behind"


def _sentence(model: health.ModelHealth) -> str:
    if model.outdated:
        return f"{model.state}: run `backstory replay rebuild {model.name}`"
    held = (
        f", {model.held_keys} keys held behind a bad event: see `backstory replay held`"
        if model.held_keys
        else ""
    )
    if not model.lag_events:
        return f"at the head, {model.position:,}{held}"
    return f"at {model.position:,}, {model.lag_events:,} events and {model.lag_seconds:.0f} s behind{held}"
