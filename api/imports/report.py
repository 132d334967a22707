"""What an import did, for people and for programs; and every row it could not use."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from api.imports.problems import REASONS, Row

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that could not be used: where, which column, the reason's name and the rule. Never its values."""

    file: str
    line: int
    column: str | None
    reason: str
    rule: str


@dataclass(slots=True)
class Report:
    """The figures of one import; `rows = used + every row skipped`, by the name of the reason.

    `left_out` names the reasons the mapping itself gives for leaving rows out; any other is a bad row.
    """

    mapping: str
    source: str
    batch: str | None
    dry_run: bool
    rows: int = 0
    used: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    left_out: frozenset[str] = frozenset()
    commands: Counter[str] = field(default_factory=Counter)
    events: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    anomalies: Counter[str] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether there were rows, and no row could be used or was to be left out."""
        return (
            self.rows > 0 and self.used == 0 and all(reason not in self.left_out for reason in self.skipped)
        )

    def document(self) -> dict[str, Any]:
        """Return the report as one JSON document."""
        return {
            "mapping": self.mapping,
            "source": self.source,
            "batch": self.batch,
            "dry_run": self.dry_run,
            "rows": self.rows,
            "used": self.used,
            "skipped": dict(sorted(self.skipped.items())),
            "commands": sum(self.commands.values()),
            "records": dict(sorted(self.commands.items())),
            "events": self.events,
            "repeated": self.repeated,
            "refused": dict(sorted(self.refused.items())),
            "anomalies": dict(sorted(self.anomalies.items())),
            "rejects": [
                {"file": r.file, "line": r.line, "column": r.column, "reason": r.reason, "rule": r.rule}
                for r in self.rejects
            ],
            "seconds": round(self.seconds, 3),
            "rows_per_second": round(self.rows / self.seconds) if self.seconds else None,
        }

    def text(self) -> str:
        """Return the report as lines for people."""
        out = io.StringIO()
        verb = "would be recorded" if self.dry_run else "recorded"
        out.write(f"rows read      {self.rows:>12,}\nrows used      {self.used:>12,}\n")
        for reason, count in sorted(self.skipped.items()):
            out.write(f"rows skipped   {count:>12,}  {reason}\n")
        for make, count in sorted(self.commands.items()):
            out.write(f"records        {count:>12,}  {make}\n")
        out.write(f"repeated       {self.repeated:>12,}  known already, nothing new\n")
        for reason, count in sorted(self.refused.items()):
            out.write(f"refused        {count:>12,}  {reason}\n")
        for kind, count in sorted(self.anomalies.items()):
            out.write(f"anomalies      {count:>12,}  {kind}\n")
        out.write(f"events         {self.events:>12,}  {verb}\n")
        if self.seconds:
            out.write(
                f"took           {self.seconds:>12,.1f}  seconds, {self.rows / self.seconds:,.0f} rows/s\n"
            )
        for r in self.rejects:
            column = f", column {r.column}" if r.column else ""
            out.write(f"bad row        {r.file} line {r.line}{column}: {r.reason}: expected {r.rule}\n")
        bad = sum(count for reason, count in self.skipped.items() if reason not in self.left_out)
        if bad > len(self.rejects):
            out.write(f"               and {bad - len(self.rejects):,} more; --rejects FILE lists them all\n")
        if self.batch:
            out.write(f"batch          {self.batch}\n")
        return out.getvalue()


class Rejects:
    """Takes every bad row: counts it, keeps the first MOST_SHOWN, writes each to a file if one is named."""

    def __init__(self, report: Report, out: TextIO | None = None) -> None:
        self._report = report
        self._writer = None if out is None else csv.writer(out)
        if self._writer is not None:
            self._writer.writerow(["file", "line", "column", "reason", "rule"])

    def skip(self, row: Row, reason: str, column: str | None, rule: str | None = None) -> None:
        """Count a row as skipped."""
        self._report.skipped[reason] += 1
        if reason not in self._report.left_out:
            self.tell(row, reason, column, rule)

    def tell(self, row: Row, reason: str, column: str | None, rule: str | None = None) -> None:
        """List what is wrong with a row."""
        reject = Reject(row.file, row.line, column, reason, rule or REASONS[reason])
        if len(self._report.rejects) < MOST_SHOWN:
            self._report.rejects.append(reject)
        if self._writer is not None:
            self._writer.writerow([reject.file, reject.line, reject.column or "", reject.reason, reject.rule])


@contextmanager
def rejects_to(report: Report, path: Path | None) -> Iterator[Rejects]:
    """Open the rejects of an import, in a file if one is named."""
    if path is None:
        yield Rejects(report)
        return
    with path.open("w", encoding="utf-8", newline="") as out:
        yield Rejects(report, out)
