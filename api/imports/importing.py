"""An import from its files to its report: read, group, make commands, send them."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from api.imports.mapping import Mapping, lookups
from api.imports.passes import Pass, Tables
from api.imports.report import Report, rejects_to
from api.imports.sender import Sender
from api.progress import Progress, quiet
from commands.batches import correlation_of
from commands.command import Context, DefinePipeline, RecordImport, UndoBatch
from commands.handle import handle
from domain.pipeline import PipelineDefined, Stage
from domain.record import effective
from projections.projector import Projector
from projections.quiet import NOW_AND_THEN, collecting_seldom
from streams.log import Log
from streams.records import Recorded

_BATCH = 4_000  # events; four times as many are a third faster, and take three times the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to import: files by input, for which tenant, at what time; `dry_run` records nothing."""

    mapping: Mapping
    files: dict[str, list[Path]]
    tenant: str
    now: datetime
    dry_run: bool = False
    rejects: Path | None = None


def new_batch(mapping: Mapping, now: datetime) -> str:
    """Return a name for a batch: its mapping, its time, and a few random letters."""
    return f"{mapping.name}-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def run_import(log: Log, request: Request, progress: Progress = quiet) -> Report:
    """Import files and return the report; importing the same content again records nothing.

    Raises Misuse for a mapping that does not fit the files, Failure where the log does not answer.
    """
    began = time.monotonic()
    mapping = request.mapping
    report = Report(
        mapping=mapping.name,
        source=mapping.source,
        batch=None if request.dry_run else new_batch(mapping, request.now),
        dry_run=request.dry_run,
        left_out=frozenset(r.reason for one in mapping.inputs for r in one.records if r.reason is not None),
    )
    with rejects_to(report, request.rejects) as rejects, collecting_seldom(NOW_AND_THEN):
        sender = Sender(log, report, rejects, tenant=request.tenant, now=request.now)
        tables: Tables = {
            (lookup.input, lookup.key, lookup.give): {} for one in mapping.inputs for lookup in lookups(one)
        }
        passes = [
            Pass(one, mapping, request.files.get(one.name, []), tables)
            for one in mapping.inputs
            if request.files.get(one.name)
        ]
        if not request.dry_run:
            define_pipelines(log, request, report.batch or "")
        for each in passes:
            each.send(sender, report, rejects, progress)
        sender.flush()
    report.seconds = time.monotonic() - began
    if report.events and not request.dry_run:
        _record(log, report, request)
    return report


def catch_up(log: Log, conninfo: str) -> None:
    """Bring the read models to the head, in batches small enough for a shop's biggest orders."""
    Projector(log, conninfo, batch=_BATCH).catch_up()


def undo_import(log: Log, *, tenant: str, batch: str, reason: str, now: datetime) -> int:
    """Withdraw every event of a batch, so that it may be imported again; return how many records it had."""
    context = Context(tenant=tenant, actor="import", source="backstory", now=now)
    touched = 0
    while answer := handle(log, UndoBatch(batch=batch, reason=reason), context).events:
        touched += answer - 1
    return touched


def define_pipelines(log: Log, request: Request, batch: str) -> None:
    """Define the mapping's pipelines, as part of a batch, where the tenant has none of that name."""
    for rule in request.mapping.pipelines:
        if _stands(log.stream(request.tenant, f"pipeline-{rule.name}")):
            continue
        stages = tuple(Stage(**stage.model_dump()) for stage in rule.stages)
        context = Context(
            tenant=request.tenant,
            actor="import",
            source=request.mapping.source,
            now=rule.since,
            correlation_id=correlation_of(batch),
        )
        handle(log, DefinePipeline(name=rule.name, stages=stages), context)


def _stands(recorded: Sequence[Recorded]) -> bool:
    kept = effective([(one.version, one.event) for one in recorded])
    return any(isinstance(event, PipelineDefined) for _, event in kept)


def _record(log: Log, report: Report, request: Request) -> None:
    command = RecordImport(
        batch=report.batch or "",
        mapping=report.mapping,
        rows=report.rows,
        events=report.events,
        skipped=dict(report.skipped),
        anomalies=dict(report.anomalies),
    )
    handle(
        log,
        command,
        Context(
            tenant=request.tenant,
            actor="import",
            source=report.source,
            now=request.now,
            command_id=f"import-{report.batch}",
        ),
    )
