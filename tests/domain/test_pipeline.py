from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from domain import pipeline
from domain.errors import InvalidValue
from domain.pipeline import DEFAULT, PipelineDefined, Stage
from tests.domain.story import fold, given
from tests.examples import at

STAGES = (
    Stage(name="New"),
    Stage(name="Offer", probability=Decimal("0.5"), requires=("amount",), limit_days=14),
    Stage(name="Signed", outcome="won", probability=Decimal(1), enters_from=("Offer",)),
)
DEFINED = PipelineDefined(occurred_at=at(), name="sales", stages=STAGES)


def test_a_pipeline_is_defined_once() -> None:
    given().when(pipeline.define, name="sales", stages=STAGES, at=at()).then(DEFINED)
    given(DEFINED).when(pipeline.define, name="sales", stages=STAGES, at=at(5)).then_nothing()


def test_each_definition_is_a_new_version_of_the_rules() -> None:
    shorter = replace(DEFINED, occurred_at=at(5), stages=STAGES[:1])
    assert fold(pipeline, [DEFINED]).version == 1
    assert fold(pipeline, [DEFINED, shorter]).version == 2
    assert fold(pipeline, [DEFINED, shorter]).stage("Offer") is None


def test_a_renamed_stage_is_found_by_its_former_names() -> None:
    first = replace(DEFINED, stages=(Stage(name="Lead"),))
    second = replace(DEFINED, stages=(Stage(name="Fresh"),), renamed=(("Lead", "Fresh"),))
    third = replace(DEFINED, stages=(Stage(name="New"),), renamed=(("Fresh", "New"),))
    rules = fold(pipeline, [first, second, third])
    assert [rules.current(name) for name in ("Lead", "Fresh", "New", "Other")] == [
        "New",
        "New",
        "New",
        "Other",
    ]
    found = rules.stage("Lead")
    assert found is not None
    assert found.name == "New"


def test_a_name_used_again_means_the_new_stage() -> None:
    renamed = replace(DEFINED, stages=(Stage(name="Fresh"),), renamed=(("New", "Fresh"),))
    again = replace(DEFINED, stages=(Stage(name="Fresh"), Stage(name="New")))
    assert fold(pipeline, [DEFINED, renamed, again]).current("New") == "New"


@pytest.mark.parametrize(
    ("field", "stages"),
    [
        ("stages", ()),
        ("stages", (Stage(name="New"), Stage(name="New"))),
        ("stages.name", (Stage(name=" "),)),
        ("stages.probability", (Stage(name="New", probability=Decimal("1.01")),)),
        ("stages.probability", (Stage(name="New", probability=Decimal("-0.01")),)),
        ("stages.probability", (Stage(name="New", probability=Decimal("NaN")),)),
        ("stages.requires", (Stage(name="New", requires=("colour",)),)),
        ("stages.limit_days", (Stage(name="New", limit_days=0),)),
        ("stages.enters_from", (Stage(name="New", enters_from=("Elsewhere",)),)),
        ("stages.outcome", (Stage(name="New", outcome="maybe"),)),  # type: ignore[arg-type]
    ],
)
def test_stages_that_cannot_work_are_refused(field: str, stages: tuple[Stage, ...]) -> None:
    given().when(pipeline.define, name="sales", stages=stages, at=at()).then_refuses(
        InvalidValue, field=field
    )


@pytest.mark.parametrize("renamed", [("New", "Offer"), ("Lead", "Elsewhere")])
def test_only_a_former_stage_is_renamed_and_only_to_a_stage(renamed: tuple[str, str]) -> None:
    request: dict[str, Any] = {"name": "sales", "stages": STAGES, "renamed": (renamed,), "at": at()}
    given().when(pipeline.define, **request).then_refuses(InvalidValue, field="renamed")


def test_a_pipeline_without_a_name_is_refused() -> None:
    given().when(pipeline.define, name="", stages=STAGES, at=at()).then_refuses(InvalidValue, field="name")


def test_the_stages_to_begin_with_may_be_defined_as_they_are() -> None:
    [event] = pipeline.define(pipeline.NEW, name=DEFAULT.name, stages=DEFAULT.stages, at=at())
    assert fold(pipeline, [event]) == replace(DEFAULT, version=1)
    assert [stage.name for stage in DEFAULT.stages] == [
        "New",
        "Qualified",
        "Proposal",
        "Negotiation",
        "Won",
        "Lost",
    ]
