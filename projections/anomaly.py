"""What looks wrong: when each anomaly of a row was found, and when a later fact settled it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from streams.records import Recorded


class Found(msgspec.Struct, frozen=True, omit_defaults=True):
    """One anomaly: the event that showed it, and when the log knew it and knew it settled."""

    kind: str
    position: int
    found_at: datetime
    detail: Mapping[str, Any] = {}
    settled_at: datetime | None = None


Anomalies = dict[str, Found]
"""By the anomaly's name within its row: its kind, or `kind:subject` where there can be several."""


def noted(before: Anomalies, now: Mapping[str, Mapping[str, Any]], recorded: Recorded) -> Anomalies:
    """Return what is known of a row's anomalies after an event, given those (name -> detail) it has now."""
    if not before and not now:
        return before
    after = dict(before)
    for name, detail in now.items():
        known = before.get(name)
        if known is None or known.settled_at is not None:
            kind = name.partition(":")[0]
            after[name] = Found(kind, recorded.position, recorded.recorded_at, detail)
        elif known.detail != detail:
            after[name] = msgspec.structs.replace(known, detail=detail)
    for name, known in before.items():
        if name not in now and known.settled_at is None:
            after[name] = msgspec.structs.replace(known, settled_at=recorded.recorded_at)
    return after


def open_kinds(anomalies: Anomalies) -> str:
    """Return the kinds of unsettled anomalies, sorted, as JSON."""
    if not anomalies:
        return "[]"
    kinds = {found.kind for found in anomalies.values() if found.settled_at is None}
    return msgspec.json.encode(sorted(kinds)).decode()
