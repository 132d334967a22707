"""What a mapping says: which rows make which records. Checked before any row is read."""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from api.imports.kinds import KINDS, PROFILE, TOUCH, Kind
from domain.currencies import CURRENCIES


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Lookup(_Strict):
    """Take the value from another input: from the `give` column of the row whose `key` is the value found."""

    input: str
    key: str
    give: str


class Expression(_Strict):
    """Where a value comes from, what is done to its text, and how the rows of a group become one value.

    The steps happen in the order of the fields. A plain string or list in a mapping is `{column = ...}`; of
    several columns the first with a value counts; where all of `unless` holds there is none. A file need not have
    `optional` columns.
    """

    column: str | list[str] | None = None
    value: str | None = None
    template: str | None = None
    optional: bool = False
    strip_prefix: str | None = None
    strip_suffix: str | None = None
    split: str | None = None
    part: int = 0
    case: Literal["lower", "upper"] | None = None
    map: dict[str, str] | None = None
    otherwise: str | None = None
    lookup: Lookup | None = None
    times: str | None = None
    over: str | None = None
    plus: list[str] = []
    minus: list[str] = []
    negate: bool = False
    dates: list[str] | None = None
    take: Literal["only", "first", "last", "min", "max", "sum"] = "only"
    default: str | None = None
    unless: list["Condition"] = []

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if sum(origin is not None for origin in (self.column, self.value, self.template)) != 1:
            raise ValueError("exactly one of column, value, template")
        if any(condition.changed for condition in self.unless):
            raise ValueError("unless: changed compares rows, a value cannot")
        if self.otherwise is not None and self.map is None:
            raise ValueError("otherwise needs a map")
        return self


Expr = Annotated[
    Expression, BeforeValidator(lambda given: {"column": given} if isinstance(given, str | list) else given)
]


class Condition(_Strict):
    """One test of a column's text, true when any row of the group (or `rows = "all"`) passes it."""

    column: str | list[str]
    optional: bool = False
    equals: str | None = None
    one_of: list[str] | None = None
    starts_with: str | None = None
    matches: str | None = None
    empty: bool | None = None
    above: Decimal | None = None
    below: Decimal | None = None
    sums: list[str] | None = None
    changed: Literal[True] | None = None
    rows: Literal["any", "all"] = "any"

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        tests = (
            self.equals, self.one_of, self.starts_with, self.matches,
            self.empty, self.above, self.below, self.sums, self.changed,
        )  # fmt: skip
        if sum(test is not None for test in tests) != 1:
            raise ValueError(
                "exactly one of equals, one_of, starts_with, matches, empty, above, below, sums, changed"
            )
        try:
            re.compile(self.matches or "")
        except re.error as cause:
            raise ValueError(f"matches: no regular expression: {cause}") from cause
        return self


class Record(_Strict):
    """One record to make of a group of rows when all of `when` holds; never, then, of a file without its columns.

    `unless` forbids it where all of its conditions hold. `make = "nothing"` leaves rows out for a `reason`.
    """

    make: str
    reason: str | None = Field(default=None, pattern=r"^[a-z][a-z-]*$")
    when: list[Condition] = []
    unless: list[Condition] = []
    set: dict[str, Expr] = {}
    profile: dict[str, Expr] = {}
    touch: dict[str, Expr] = {}
    form: dict[str, Expr] = {}
    lines: dict[str, Expr] = {}
    lines_when: list[Condition] = []

    @property
    def kind(self) -> Kind:
        """What the record's command takes. Raises KeyError for `nothing`."""
        return KINDS[self.make]

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.make == "nothing":
            if self.reason is None or self.set or self.profile or self.touch or self.form or self.lines:
                raise ValueError("make = 'nothing' takes a reason and conditions only")
            return self
        if self.make not in KINDS:
            raise ValueError(f"make is one of {', '.join(sorted(KINDS))}, nothing")
        kind = self.kind
        _known("set", self.set, kind.fields)
        _known("profile", self.profile, PROFILE if kind.profile else {})
        _known("touch", self.touch, TOUCH if kind.touch else {})
        _known("lines", self.lines, kind.lines or {})
        if self.form and not kind.form:
            raise ValueError(f"form: not a part of {self.make}")
        missing = [
            name
            for name, f in kind.fields.items()
            if f.required and name not in self.set and name != "currency"
        ]
        if kind.profile == "required" and not self.profile:
            missing.append("profile")
        if self.lines and kind.lines:
            missing += [
                f"lines.{name}" for name, f in kind.lines.items() if f.required and name not in self.lines
            ]
        if missing:
            raise ValueError(f"{self.make} needs {', '.join(missing)}")
        return self


def _known(part: str, given: dict[str, Any], allowed: Iterable[str]) -> None:
    for name in given:
        if name not in allowed:
            raise ValueError(
                f"{part}.{name}: not a part of this record; it has {', '.join(sorted(allowed)) or 'none'}"
            )


class Input(_Strict):
    """One kind of file: its form, its name, how its rows group into records, and the records.

    `per = "row"` makes records of each row of a group in its order, where `changed` compares with the rows
    before. A row without any record, and without a rule to make nothing of it, is told as bad; an input
    without records is there to be looked up in. A column named `@line` is the row's line number in its
    file, one named `@as_of` the mapping's as_of.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    files: list[str] = ["*"]
    required: bool = True
    format: Literal["csv", "tsv", "whitespace"] = "csv"
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    encoding: str = "utf-8-sig"
    header: bool = True
    columns: list[str] | None = None
    group_by: Expr | None = None
    order_by: list[str] = []
    per: Literal["group", "row"] = "group"
    records: list[Record] = []

    @model_validator(mode="after")
    def _is_readable(self) -> Self:
        if self.per == "group" and any(c.changed for r in self.records for c in (*r.when, *r.unless)):
            raise ValueError("changed compares rows of a group: it needs per = 'row'")
        if not self.header and self.columns is None:
            raise ValueError("header = false needs columns")
        try:
            "".encode(self.encoding)
        except LookupError as cause:
            raise ValueError(f"encoding: Python knows none called {self.encoding!r}") from cause
        return self


class StageRule(_Strict):
    """A stage of a pipeline the import defines where the tenant has none of that name."""

    name: str
    outcome: Literal["open", "won", "lost"] = "open"
    probability: Decimal = Field(default=Decimal(0), ge=0, le=1)
    limit_days: int | None = None


class PipelineRule(_Strict):
    """A pipeline the import defines, from `since` on, where the tenant has none of that name."""

    name: str
    since: datetime
    stages: list[StageRule] = Field(min_length=1)

    @model_validator(mode="after")
    def _since_has_a_zone(self) -> Self:
        if self.since.tzinfo is None:
            raise ValueError("since: a time with a zone")
        return self


class Numbers(_Strict):
    """How numbers are written in the files."""

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""


class Mapping(_Strict):
    """Everything an import needs to know beside its files; `as_of` is the time whose state the files show."""

    name: str = ""
    source: str = Field(min_length=1)
    currency: str | None = None
    time_zone: str | None = None
    as_of: str | None = None
    dates: list[str] = ["iso"]
    numbers: Numbers = Numbers()
    pipelines: list[PipelineRule] = []
    inputs: list[Input] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.currency is not None and self.currency not in CURRENCIES:
            raise ValueError("currency: an ISO 4217 code such as EUR")
        if self.time_zone is not None:
            try:
                ZoneInfo(self.time_zone)
            except (ZoneInfoNotFoundError, ValueError) as cause:
                raise ValueError("time_zone: an IANA name such as Europe/Berlin") from cause
        before: list[str] = []
        for given in self.inputs:
            if given.name in before:
                raise ValueError(f"inputs.{given.name}: named twice")
            for lookup in lookups(given):
                if lookup.input not in before:
                    raise ValueError(
                        f"lookup.input {lookup.input!r}: an input that stands before {given.name!r}"
                    )
            before.append(given.name)
        return self


def lookups(given: Input) -> list[Lookup]:
    """Return every lookup that an input's records make."""
    parts = (
        part
        for record in given.records
        for part in (record.set, record.profile, record.touch, record.form, record.lines)
    )
    return [e.lookup for part in parts for e in part.values() if e.lookup is not None]
