"""Forms: what was typed, and a sentence for each field that is wrong."""

from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from api.http.v1.border import Name

Blank = BeforeValidator(lambda value: None if isinstance(value, str) and not value.strip() else value)
"""What is left empty is not said."""
Maybe = Annotated[Name | None, Blank]
NEEDED = "This is needed."
_SENTENCES = {
    "missing": NEEDED,
    "string_too_short": NEEDED,
    "string_pattern_mismatch": "This is not an address such as ann@example.org.",
    "string_too_long": "This is too long.",
    "greater_than_equal": "This is not below 0.",
    "date_from_datetime_parsing": "This is not a day such as 2026-03-31.",
    "date_parsing": "This is not a day such as 2026-03-31.",
}


class Form(BaseModel):
    """What is typed; fields it does not know are passed over."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


F = TypeVar("F", bound=Form)


def read_form(kind: type[F], form: Mapping[str, str]) -> tuple[F | None, dict[str, str]]:
    """Return what a form says, or None and a sentence for each field that is wrong; "" is the form as a whole."""
    try:
        return kind.model_validate(dict(form)), {}
    except ValidationError as wrong:
        return None, {
            str(error["loc"][0]) if error["loc"] else "": _SENTENCES.get(
                error["type"], error["msg"].removeprefix("Value error, ")
            )
            for error in wrong.errors()
        }
