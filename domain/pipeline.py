"""Pipelines: a tenant's stages and rules, each change a new version; old events keep their day's rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal, assert_never

from domain.errors import InvalidValue
from domain.event import Event, stored
from domain.record import EventsWithdrawn

_ZERO = Decimal(0)

Outcome = Literal["open", "won", "lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage: its outcome, probability (0 to 1), limit in days, and what it takes to enter it.

    `requires` names what the deal must have (REQUIRABLE), `enters_from` where it may come from (None: anywhere).
    """

    name: str
    outcome: Outcome = "open"
    probability: Decimal = _ZERO
    requires: tuple[str, ...] = ()
    limit_days: int | None = None
    enters_from: tuple[str, ...] | None = None


@stored("pipeline-defined.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineDefined(Event):
    """The pipeline's stages in board order from now on, and the new names of former ones."""

    name: str
    stages: tuple[Stage, ...]
    renamed: tuple[tuple[str, str], ...] = ()


PipelineEvent = PipelineDefined | EventsWithdrawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The rules in force: stages in board order, their `version` (0: none defined), old stages' new names."""

    name: str = ""
    version: int = 0
    stages: tuple[Stage, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)

    def current(self, stage: str) -> str:
        """Return the name that a stage goes by now."""
        return self.renamed.get(stage, stage)

    def stage(self, name: str) -> Stage | None:
        """Return the stage of this name, or of the name that replaced it; None when there is none."""
        current = self.current(name)
        return next((stage for stage in self.stages if stage.name == current), None)

    def names(self, stage: str) -> list[str]:
        """Return every name that deals of a stage may carry: its own first."""
        return [stage, *sorted(old for old in self.renamed if self.current(old) == stage)]

    def first(self, outcome: Outcome) -> Stage | None:
        """Return the first stage of the board with this outcome."""
        return next((stage for stage in self.stages if stage.outcome == outcome), None)


NEW = Pipeline()

DEFAULT = Pipeline(
    name="sales",
    stages=(
        Stage(name="New", probability=Decimal("0.05"), limit_days=7),
        Stage(name="Qualified", probability=Decimal("0.20"), limit_days=14),
        Stage(name="Proposal", probability=Decimal("0.50"), requires=("amount",), limit_days=21),
        Stage(name="Negotiation", probability=Decimal("0.75"), requires=("amount", "owner"), limit_days=30),
        Stage(name="Won", outcome="won", probability=Decimal(1), requires=("amount",)),
        Stage(name="Lost", outcome="lost"),
    ),
)
"""Stages to begin with, where a tenant has not defined its own."""

REQUIRABLE = ("amount", "owner", "customer", "title")
"""What a stage may require of a deal."""


def evolve(state: Pipeline, event: PipelineEvent) -> Pipeline:
    """Return the rules after an event."""
    match event:
        case PipelineDefined(name=name, stages=stages, renamed=renamed):
            names = dict(renamed)
            older = {old: names.get(new, new) for old, new in state.renamed.items()}
            taken = {stage.name for stage in stages}
            known = {old: new for old, new in {**older, **names}.items() if old not in taken}
            return Pipeline(name=name, version=state.version + 1, stages=stages, renamed=known)
        case EventsWithdrawn():
            return state
        case _:
            assert_never(event)


def define(
    state: Pipeline,
    *,
    name: str,
    stages: tuple[Stage, ...],
    renamed: tuple[tuple[str, str], ...] = (),
    at: datetime,
) -> list[PipelineEvent]:
    """Set the stages and rules from now on; nothing when they are so. Raises InvalidValue."""
    if not name.strip():
        raise InvalidValue(field="name", value=name, rule="not blank")
    names = [stage.name for stage in stages]
    if not stages or len(set(names)) < len(names):
        raise InvalidValue(field="stages", value=names, rule="at least one stage, each of another name")
    for stage in stages:
        _check(stage, names)
    for old, new in renamed:
        if old in names or new not in names:
            raise InvalidValue(
                field="renamed", value=[old, new], rule="from a former stage to one of the stages"
            )
    event = PipelineDefined(occurred_at=at, name=name, stages=stages, renamed=renamed)
    after = evolve(state, event)
    return [] if replace(after, version=state.version) == state else [event]


def _check(stage: Stage, names: Sequence[str]) -> None:
    if not stage.name.strip():
        raise InvalidValue(field="stages.name", value=stage.name, rule="not blank")
    if stage.outcome not in {"open", "won", "lost"}:
        raise InvalidValue(field="stages.outcome", value=stage.outcome, rule="open, won or lost")
    if not (stage.probability.is_finite() and 0 <= stage.probability <= 1):
        raise InvalidValue(field="stages.probability", value=str(stage.probability), rule="from 0 to 1")
    if stage.limit_days is not None and stage.limit_days <= 0:
        raise InvalidValue(field="stages.limit_days", value=stage.limit_days, rule="above 0")
    if unknown := set(stage.requires) - set(REQUIRABLE):
        raise InvalidValue(
            field="stages.requires", value=sorted(unknown), rule=f"one of {', '.join(REQUIRABLE)}"
        )
    if unknown := set(stage.enters_from or ()) - set(names):
        raise InvalidValue(field="stages.enters_from", value=sorted(unknown), rule="stages of this pipeline")
