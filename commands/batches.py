"""Import batches: their report, and taking one back; and what was taken out."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce

from commands.command import Context, RecordExport, RecordImport, UndoBatch
from commands.customers import claim_of
from commands.desk import AGGREGATES, Desk
from commands.names import REFUND
from domain.ids import kind_of
from domain.order import RefundIssued, RefundLinkedToOrder
from domain.record import EventsWithdrawn, effective
from domain.tenant import OPERATIONS, BatchImported, BatchNotFound, BatchUndone, ListExported
from streams.records import Recorded

STREAMS_AT_ONCE = 5_000
_IMPORT = "import:"


def correlation_of(batch: str) -> str:
    """Return the correlation id that every event of an import batch carries."""
    return f"{_IMPORT}{batch}"


def of_import(correlation_id: str | None) -> bool:
    """Say whether an event of this correlation id is an import's."""
    return correlation_id is not None and correlation_id.startswith(_IMPORT)


def record_import(desk: Desk, command: RecordImport, context: Context) -> str:
    """Record the report of an import."""
    event = BatchImported(
        occurred_at=context.now,
        batch=command.batch,
        mapping=command.mapping,
        rows=command.rows,
        events=command.events,
        skipped=command.skipped,
        anomalies=command.anomalies,
    )
    desk.append(OPERATIONS, [event])
    return command.batch


def record_export(desk: Desk, command: RecordExport, context: Context) -> str:
    """Record that rows of a list were taken out."""
    event = ListExported(occurred_at=context.now, list=command.list, rows=command.rows, query=command.query)
    desk.append(OPERATIONS, [event])
    return command.list


def undo(desk: Desk, command: UndoBatch, context: Context) -> str:
    """Withdraw the batch's events from its next STREAMS_AT_ONCE streams; decides nothing when none are left.

    What the withdrawn events had claimed is free again, and their commands may be asked anew.
    """
    recorded = desk.log.recorded_by(desk.tenant, correlation_of(command.batch))
    recorded.pop(OPERATIONS, None)
    if not recorded:
        raise BatchNotFound(batch=command.batch)
    withdrawn = 0
    streams = 0
    for names in _slices(sorted(recorded)):
        for stream, events in desk.histories(names).items():
            standing = {version for version, _ in effective([(r.version, r.event) for r in events])}
            versions = tuple(
                v for v in recorded[stream][0] if v in standing and not _withdraws(events[v - 1])
            )
            if not versions:
                continue
            event = EventsWithdrawn(
                occurred_at=context.now, versions=versions, reason=command.reason, batch=command.batch
            )
            desk.withdraw(stream, [event], events)
            _settle_claims(desk, stream, events, frozenset(versions))
            for refund in _no_longer_told(stream, events, frozenset(versions)):
                _count_alone(desk, refund, stream, event)
            desk.draft.reopen.extend(sorted(recorded[stream][1]))
            withdrawn += len(versions)
            streams += 1
        if streams >= STREAMS_AT_ONCE:
            break
    if withdrawn:
        desk.append(
            OPERATIONS,
            [
                BatchUndone(
                    occurred_at=context.now, batch=command.batch, events=withdrawn, reason=command.reason
                )
            ],
        )
    return command.batch


def _settle_claims(desk: Desk, stream: str, events: Sequence[Recorded], versions: frozenset[int]) -> None:
    """Give back what only the withdrawn events had claimed, and take again what they had given back, if it is free."""
    if all(r.version in versions or _withdraws(r) for r in events):
        desk.draft.release_streams.append(stream)
        return
    if kind_of(stream) != "customer":
        return
    new, evolve = AGGREGATES["customer"]
    standing = effective([(r.version, r.event) for r in events])
    before, after = (
        {claim_of(one) for one in reduce(evolve, told, new).known_by()}
        for told in (
            [event for _, event in standing],
            [event for version, event in standing if version not in versions],
        )
    )
    for claim in before - after:
        desk.release(*claim, stream)
    for claim in after - before:
        if desk.holder(*claim) is None:
            desk.claim(*claim, stream)


def _no_longer_told(stream: str, events: Sequence[Recorded], versions: frozenset[int]) -> list[str]:
    """Return the ids of the refunds that an order has told of, and tells nothing of without these versions."""
    if kind_of(stream) != "order":
        return []
    told = effective([(r.version, r.event) for r in events])
    refunds = [(version, event.refund_id) for version, event in told if isinstance(event, RefundIssued)]
    left = {ident for version, ident in refunds if version not in versions}
    return sorted({ident for _, ident in refunds} - left)


def _count_alone(desk: Desk, refund_id: str, order: str, withdrawal: EventsWithdrawn) -> None:
    """Have a refund count again where it was told without its order, whose tellings are withdrawn."""
    if desk.holder(REFUND, refund_id) != order:
        return
    desk.release(REFUND, refund_id, order)
    alone = f"refund-{refund_id}"
    history = desk.histories([alone]).get(alone, [])
    standing = effective([(r.version, r.event) for r in history])
    links = tuple(version for version, event in standing if isinstance(event, RefundLinkedToOrder))
    if links:
        desk.withdraw(alone, [replace(withdrawal, versions=links)], history)


def _withdraws(recorded: Recorded) -> bool:
    return isinstance(recorded.event, EventsWithdrawn)


def _slices(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), STREAMS_AT_ONCE):
        yield names[start : start + STREAMS_AT_ONCE]
