"""The types that requests are checked by: exact numbers, aware times, texts of bounded length."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, WithJsonSchema

from api import lengths
from domain.currencies import CURRENCIES

_EXACT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,6}\d*)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class Body(BaseModel):
    """What a request says: nothing unknown, nothing guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


def examples(*bodies: dict[str, Any]) -> ConfigDict:
    """Return the configuration of a model that is shown by these examples; tests send them."""
    return ConfigDict(json_schema_extra={"examples": list(bodies)})


def _exact(value: Any) -> Decimal:  # noqa: ANN401 - any JSON
    if isinstance(value, float):
        raise ValueError(  # noqa: TRY004 - pydantic tells ValueErrors
            'a text such as "12.50" or an integer: a JSON number with a fraction is not exact'
        )
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _EXACT.fullmatch(value):
        raise ValueError('an exact number such as "12.50", at most 15 digits before and 6 after the point')
    return Decimal(value)


def _instant(value: Any) -> datetime:  # noqa: ANN401 - any JSON
    rule = "a time with its offset such as 2026-03-01T09:30:00Z"
    if not isinstance(value, str) or not (found := _INSTANT.fullmatch(value)):
        raise ValueError(rule)
    fraction = found[1] or ""
    try:
        told = datetime.fromisoformat(value.replace(fraction, fraction[:7], 1).upper())
        at = told.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(rule) from None
    if not _EARLIEST <= at < _LATEST:
        raise ValueError("a time from 1900 to 2199")
    return at


def _day(value: Any) -> date:  # noqa: ANN401 - any JSON
    rule = "a day such as 2026-03-31"
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise ValueError(rule)
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(rule) from None


def _ident(value: Any) -> str:  # noqa: ANN401 - any JSON
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("an id: a text or an integer")  # noqa: TRY004 - pydantic tells ValueErrors
    return str(value)


def _currency(value: str) -> str:
    if value not in CURRENCIES:
        raise ValueError("an ISO 4217 currency code such as EUR")
    return value


_NUMBER_SCHEMA = {
    "anyOf": [{"type": "string", "pattern": rf"^{_EXACT.pattern}$"}, {"type": "integer"}],
    "description": "An exact decimal: a text, or an integer, of at most 15 digits before and 6 after the point. "
    "Never a JSON number with a fraction.",
}
Exact = Annotated[Decimal, BeforeValidator(_exact), WithJsonSchema(_NUMBER_SCHEMA)]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "description": "A time from 1900 to 2199 with its offset; no leap second.",
        }
    ),
]
Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "description": "A day from 1900 to 2199."}),
]
Currency = Annotated[
    str,
    StringConstraints(min_length=3, max_length=3),
    BeforeValidator(lambda value: _currency(value) if isinstance(value, str) else value),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$", "description": "An ISO 4217 code."}),
]
Ident = Annotated[
    str,
    BeforeValidator(_ident),
    StringConstraints(min_length=1, max_length=lengths.NAME),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "minLength": 1, "maxLength": lengths.NAME}, {"type": "integer"}],
            "description": "An id; integers of any size are taken as texts.",
        }
    ),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=lengths.NAME)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=lengths.TEXT)]
SOURCE = r"^[!-~]+$"
Source = Annotated[str, StringConstraints(min_length=1, max_length=lengths.NAME, pattern=SOURCE)]
PathId = Annotated[str, Path(min_length=1, max_length=100, description="Our id of the record.")]
