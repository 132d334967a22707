"""The rules for follow-ups as rows of a form: one more than there are rules, to be filled in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from api.pages.settings.section import Typed
from domain.pipeline import Pipeline
from domain.tenant import Tenant

_FIELD = re.compile(r"(?:stage|days|task)-([0-9]{1,4})")
_place = msgspec.json.Decoder(tuple[str, str])


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the form as it was typed; `stage` is a value of `stages`."""

    number: int
    stage: str = ""
    days: str = ""
    task: str = ""
    removed: bool = False

    @property
    def blank(self) -> bool:
        """Say whether nothing was typed."""
        return not (self.stage or self.days or self.task)

    def said(self) -> dict[str, str]:
        """Return what was typed, as HTTP takes a rule."""
        pipeline, stage = stage_of(self.stage) or ("", "")
        told = {"pipeline": pipeline, "stage": stage, "days": self.days, "task": self.task}
        return {name: value for name, value in told.items() if value}


class Choice(NamedTuple):
    """A stage to choose."""

    value: str
    label: str


def rows_of(typed: Typed) -> list[Row]:
    """Return the rows of a form."""
    numbers = sorted({int(found[1]) for name in typed if (found := _FIELD.fullmatch(name))})
    return [_row(typed, number) for number in numbers]


def typed(state: Tenant) -> Typed:
    """Return the form of the rules that stand."""
    return with_another(
        {
            f"{name}-{number}": value
            for number, rule in enumerate(state.follow_ups)
            for name, value in (
                ("stage", value_of(rule.pipeline, rule.stage)),
                ("days", str(rule.days)),
                ("task", rule.task),
            )
        }
    )


def with_another(typed: Typed) -> Typed:
    """Return a form with one more row, which is blank."""
    number = max((row.number for row in rows_of(typed)), default=-1) + 1
    return {**typed, f"stage-{number}": ""}


def said(typed: Typed) -> Mapping[str, object]:
    """Return what a form says: the rows that are neither blank nor to be removed."""
    return {"rules": [row.said() for row in _meant(typed)]}


def place(typed: Typed, path: str) -> str:
    """Return the field that a path such as `rules.2.days` is about."""
    _, _, inside = path.partition(".")
    number, _, name = inside.partition(".")
    if not name:
        return path
    return f"{'stage' if name == 'pipeline' else name}-{_meant(typed)[int(number)].number}"


def stages(pipelines: Mapping[str, Pipeline], rows: list[Row]) -> list[Choice]:
    """Return the open stages, and those of rows that are none any more."""
    open_ = [
        (name, stage.name)
        for name, rules in pipelines.items()
        for stage in rules.stages
        if stage.outcome == "open"
    ]
    gone = [found for row in rows if (found := stage_of(row.stage)) is not None and found not in open_]
    return [
        *(Choice(value_of(*one), f"{one[1]} ({one[0]})") for one in open_),
        *(Choice(value_of(*one), f"{one[1]} ({one[0]}), not open") for one in dict.fromkeys(gone)),
    ]


def value_of(pipeline: str, stage: str) -> str:
    """Return a stage of a pipeline as one value of a form."""
    return msgspec.json.encode((pipeline, stage)).decode()


def stage_of(value: str) -> tuple[str, str] | None:
    """Return the pipeline and stage that a value of a form stands for."""
    try:
        return _place.decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None


def _meant(typed: Typed) -> list[Row]:
    return [row for row in rows_of(typed) if not (row.blank or row.removed)]


def _row(typed: Typed, number: int) -> Row:
    stage, days, task = (typed.get(f"{name}-{number}", "").strip() for name in ("stage", "days", "task"))
    return Row(number, stage, days, task, removed=f"remove-{number}" in typed)
