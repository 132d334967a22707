"""Pipelines: a tenant's stages and their rules, each change a new version, so old events keep the rules of their day."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from domain.event import Event, stored

Outcome = Literal["open", "won", "lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage: its outcome, probability (0 to 1), required deal fields and limit in days."""

    name: str
    outcome: Outcome = "open"
    probability: Decimal = Decimal(0)
    requires: tuple[str, ...] = ()
    limit_days: int | None = None
    enters_from: tuple[str, ...] | None = None


@stored("pipeline-defined.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineDefined(Event):
    """The pipeline's stages in board order from now on; the event's version in its stream is the rules' version."""

    name: str
    stages: tuple[Stage, ...]
    renamed: tuple[tuple[str, str], ...] = ()
