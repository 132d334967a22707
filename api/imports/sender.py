"""Commands of an import on their way to the log: in chunks, each answered and accounted to its rows."""

import re
import time
from datetime import datetime

from api.failures import Failure
from api.imports.records import Unit
from api.imports.report import Rejects, Report
from commands.batches import correlation_of
from commands.command import Answer, Command, Context
from commands.content import content_of
from commands.desk import Desk
from commands.handle import decide, handle_many, read_for
from commands.sound import unsound
from domain.errors import Refusal
from streams.errors import LogRefusal, OutcomeUnknown
from streams.log import Log

CHUNK = 1_000
_HEAVIEST = 10_000
_TRIES = 5
_DESK_LASTS = 20_000
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")

Outcome = Answer | Refusal | LogRefusal


def reason_of(refusal: Exception) -> str:
    """Return the name of a refusal as reports write it: `invalid-value` of InvalidValue."""
    return _WORD.sub("-", type(refusal).__name__).lower()


class Sender:
    """Sends units of commands, and counts what became of them and their rows."""

    def __init__(self, log: Log, report: Report, rejects: Rejects, *, tenant: str, now: datetime) -> None:
        self._log = log
        self._report = report
        self._rejects = rejects
        self._tenant = tenant
        self._now = now
        self._waiting: list[Unit] = []
        self._asked: list[tuple[Command, Context]] = []
        self._weight = 0
        self._rehearsal = Rehearsal(log, tenant) if report.dry_run else None

    def take(self, unit: Unit) -> None:
        """Take a unit: send its commands with the next chunk, or count its rows as skipped."""
        if not unit.commands:
            for row, reason, column in unit.skipped:
                self._rejects.skip(row, reason, column)
            return
        self._waiting.append(unit)
        for make, command in unit.commands:
            self._report.commands[make] += 1
            self._asked.append((command, self._context(make, command)))
        self._weight += len(unit.rows)
        if len(self._asked) >= CHUNK or self._weight >= _HEAVIEST:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        outcomes = iter(self._outcomes())
        for unit in self._waiting:
            self._settle(unit, [next(outcomes) for _ in unit.commands])
        self._waiting.clear()
        self._asked.clear()
        self._weight = 0

    def _settle(self, unit: Unit, outcomes: list[Outcome]) -> None:
        refusals: list[Refusal | LogRefusal] = []
        for outcome in outcomes:
            if isinstance(outcome, Answer):
                self._report.repeated += outcome.repeated
                if not outcome.repeated:
                    self._report.events += outcome.events
                    self._report.anomalies.update(outcome.anomalies)
            else:
                refusals.append(outcome)
        if len(refusals) == len(outcomes):
            for row in unit.rows:
                self._rejects.skip(row, reason_of(refusals[0]), None, _rule(refusals[0]))
            return
        self._report.used += len(unit.rows)
        for refusal in refusals:
            self._report.refused[reason_of(refusal)] += 1
            self._rejects.tell(unit.rows[0], reason_of(refusal), None, _rule(refusal))

    def _outcomes(self) -> list[Outcome]:
        if not self._asked:
            return []
        if self._rehearsal is not None:
            return self._rehearsal.outcomes(self._asked)
        for attempt in range(_TRIES):
            outcomes = handle_many(self._log, self._asked)
            if not any(isinstance(outcome, OutcomeUnknown) for outcome in outcomes):
                return outcomes
            time.sleep(0.2 * 2**attempt)
        raise Failure("the database did not answer; import again: what was recorded is not recorded twice")

    def _context(self, make: str, command: Command) -> Context:
        parts = (self._tenant, self._report.source, make, content_of(command))
        digest = self._log.keyring.digest("import", *parts).hex()
        return Context(
            tenant=self._tenant,
            actor="import",
            source=self._report.source,
            now=self._now,
            command_id=f"import-{digest[:40]}",
            correlation_id=correlation_of(self._report.batch or ""),
        )


class Rehearsal:
    """Decides commands without recording anything: what they would record, as far as bounded memory says.

    Decisions are seen by the next _DESK_LASTS commands; after that the log alone is known again, so that the
    events of a very large dry run are an upper bound.
    """

    def __init__(self, log: Log, tenant: str) -> None:
        self._log = log
        self._tenant = tenant
        self._desk = Desk(log, tenant)
        self._decided = 0
        self._known: set[str] = set()

    def outcomes(self, asked: list[tuple[Command, Context]]) -> list[Outcome]:
        """Decide each command on those before it."""
        if self._decided > _DESK_LASTS:
            self._desk, self._decided = Desk(self._log, self._tenant), 0
            self._known.clear()
        self._decided += len(asked)
        self._known |= read_for(self._desk, asked).keys()
        return [self._outcome(command, context) for command, context in asked]

    def _outcome(self, command: Command, context: Context) -> Outcome:
        if context.command_id in self._known:
            return Answer(id="", position=0, version=0, events=0, repeated=True)
        self._known.add(context.command_id or "")
        if (wrong := unsound(command, context)) is not None:
            return wrong
        self._desk.begin()
        try:
            ident = decide(self._desk, command, context)
        except (Refusal, LogRefusal) as refusal:
            return refusal
        anomalies = tuple(sorted(self._desk.draft.anomalies))
        append = self._desk.close(asked=None, actor=context.actor, source=context.source)
        events = sum(len(change.events) for change in append.changes)
        return Answer(id=ident, position=0, version=0, events=events, anomalies=anomalies)


def _rule(refusal: Exception) -> str:
    return (type(refusal).__doc__ or "").strip().splitlines()[0]
