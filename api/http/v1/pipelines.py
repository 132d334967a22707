"""Pipelines: a tenant's stages and their rules, and the board they make."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from psycopg.rows import dict_row
from pydantic import Field

from api import lengths
from api.http.errors import Problem
from api.http.v1.asking import Ask
from api.http.v1.border import Body, Exact, Name, examples
from api.http.v1.documented import read, written
from api.http.v1.entry import may
from api.http.v1.listing import Reading, begin, reached
from api.http.v1.rows import BoardShape, PipelineShape
from api.http.v1.service import json_response
from api.http.v1.strict import StrictRoute
from commands.command import DefinePipeline
from domain import pipeline
from domain.pipeline import DEFAULT, NEW, Stage
from domain.record import effective

router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["pipelines"])
PipelineName = Annotated[str, Path(min_length=1, max_length=100, description="The pipeline's name.")]
_BOARD = (
    "SELECT pipeline, stage, stage_order, currency, deals, amount, weighted, oldest_since, probability, outcome "
    "FROM read.pipeline_board WHERE %(pipeline)s::text IS NULL OR pipeline = %(pipeline)s "
    "ORDER BY pipeline, stage_order, stage, currency"
)


class StageRule(Body):
    """A stage: its outcome, probability (0 to 1), limit in days, and what it takes to enter it."""

    name: Name
    outcome: Literal["open", "won", "lost"] = "open"
    probability: Exact = Field(0, validate_default=True)
    requires: list[Literal["amount", "owner", "customer", "title"]] = Field([], max_length=4)
    limit_days: int | None = Field(None, ge=1, le=100_000)
    enters_from: list[Name] | None = Field(None, max_length=100)

    def stage(self) -> Stage:
        """Return it for a command."""
        enters_from = None if self.enters_from is None else tuple(self.enters_from)
        return Stage(
            name=self.name,
            outcome=self.outcome,
            probability=self.probability,
            requires=tuple(self.requires),
            limit_days=self.limit_days,
            enters_from=enters_from,
        )


class PipelineBody(Body):
    """The stages in board order from now on, and the new names of former ones."""

    stages: list[StageRule] = Field(min_length=1, max_length=100)
    renamed: dict[Name, Name] = Field({}, max_length=100, description="Former name to new name.")

    model_config = examples(
        {
            "stages": [
                {"name": "Inquiry", "probability": "0.1", "limit_days": 7},
                {"name": "Proposal", "probability": "0.5", "requires": ["amount"]},
                {"name": "Signed", "outcome": "won", "probability": 1},
                {"name": "Gone", "outcome": "lost"},
            ]
        }
    )


class BoardQuery(Reading):
    """Which board."""

    pipeline: str | None = Field(None, max_length=lengths.NAME, examples=["sales"])


@router.put("/pipelines/{name}", **written(keyed=False))
async def define_pipeline(
    name: PipelineName, body: PipelineBody, ask: Annotated[Ask, may("pipelines:write")]
) -> Response:
    """Set a pipeline's stages and rules from now on; old events are read under the rules of their day."""
    stages = tuple(stage.stage() for stage in body.stages)
    return await ask.do(DefinePipeline(name=name, stages=stages, renamed=tuple(body.renamed.items())))


@router.get("/pipelines/{name}", **read(PipelineShape))
def get_pipeline(
    name: PipelineName, query: Annotated[Reading, Query()], ask: Annotated[Ask, may("pipelines:read")]
) -> Response:
    """Show the rules in force; `sales` has rules to begin with."""
    begin(ask, query)
    recorded = ask.service.log.stream(ask.caller.tenant, f"pipeline-{name}")
    rules = NEW
    for _, event in effective([(entry.version, entry.event) for entry in recorded]):
        rules = pipeline.evolve(rules, event)  # type: ignore[arg-type]
    if not rules.stages and name == DEFAULT.name:
        rules = DEFAULT
    if not rules.stages:
        raise Problem(404, "pipeline-not-found", "There is no such pipeline.")
    version = recorded[-1].version if recorded else 0
    document = {"name": name, "stages": rules.stages, "renamed": rules.renamed, "version": version}
    return json_response(document, headers={"ETag": f'"{version}"'})


@router.get("/board", **read(BoardShape))
def get_board(query: Annotated[BoardQuery, Query()], ask: Annotated[Ask, may("deals:read")]) -> Response:
    """Count and sum the deals of each stage, by currency: all of them, closed ones in the stages that close."""
    begin(ask, query)
    with ask.service.reads.of(ask.caller.tenant) as connection:
        position = reached(connection)
        cursor = connection.cursor(row_factory=dict_row)
        columns = cursor.execute(_BOARD, {"pipeline": query.pipeline}).fetchall()
    return json_response({"data": columns, "position": position})
