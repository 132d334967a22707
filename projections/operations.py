"""What is done to read models leaves an event in the operations of its tenant."""

from collections.abc import Sequence

from domain.tenant import OPERATIONS, TenantEvent
from streams.errors import WrongExpectedVersion
from streams.log import Log
from streams.records import Append, Change


def leave(log: Log, tenant: str, events: Sequence[TenantEvent], *, actor: str) -> None:
    """Append events to a tenant's operations, whatever others append there meanwhile."""
    while True:
        expected = len(log.stream(tenant, OPERATIONS))
        change = Change(stream=OPERATIONS, expected=expected, events=events)
        try:
            log.append(Append(tenant=tenant, changes=[change], actor=actor, source="replay"))
        except WrongExpectedVersion:
            continue
        return
