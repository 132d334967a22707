"""Pipelines: the stages and rules in force."""

import msgspec

from domain.pipeline import NEW, Pipeline, PipelineDefined, evolve
from projections.definition import Fold, ReadModel, Row
from streams.records import Recorded


class Defined(msgspec.Struct, frozen=True):
    """The rules in force."""

    rules: Pipeline


def _defined(state: Defined | None, recorded: Recorded) -> Defined:
    event: PipelineDefined = recorded.event  # type: ignore[assignment]
    return Defined(evolve(state.rules if state else NEW, event))


def _row(state: Defined) -> Row:
    rules = state.rules
    return (rules.version, encoded_stages(rules), msgspec.json.encode(rules.renamed).decode())


def encoded_stages(rules: Pipeline) -> str:
    """Return the stages of a pipeline in board order as JSON."""
    return msgspec.json.encode(rules.stages).decode()


PIPELINES = ReadModel(
    name="pipelines",
    version=1,
    kinds=("pipeline",),
    fold=Fold(
        name="pipelines",
        key="pipeline",
        columns={"version": "integer", "stages": "jsonb", "renamed": "jsonb"},
        state=Defined,
        evolve={PipelineDefined: _defined},
        row=_row,
    ),
)
