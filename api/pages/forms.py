"""Forms: what was typed, and a sentence for each field that is wrong."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from api.http.v1.border import SOURCE, Name

Blank = BeforeValidator(lambda value: None if isinstance(value, str) and not value.strip() else value)
"""What is left empty is not said."""
Maybe = Annotated[Name | None, Blank]
NEEDED = "This is needed."
_SENTENCES = {
    "missing": NEEDED,
    "string_too_short": NEEDED,
    "string_pattern_mismatch": "This is not an address such as ann@example.org.",
    "string_too_long": "This is too long.",
    "too_long": "These are too many.",
    "greater_than_equal": "This is not below {ge}.",
    "less_than_equal": "This is not above {le}.",
    "int_parsing": "This is a whole number such as 14.",
    "int_parsing_size": "This is too large.",
    "date_from_datetime_parsing": "This is not a day such as 2026-03-31.",
    "date_parsing": "This is not a day such as 2026-03-31.",
}


class Form(BaseModel):
    """What is typed; fields it does not know are passed over."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


F = TypeVar("F", bound=BaseModel)


def read_form(kind: type[F], form: Mapping[str, object]) -> tuple[F | None, dict[str, str]]:
    """Return what a form says, or None and a sentence for each field that is wrong; "" is the form as a whole.

    What is wrong inside of a field is told by its path: `rules.2.days`.
    """
    try:
        return kind.model_validate(dict(form), strict=False), {}
    except ValidationError as wrong:
        return None, {".".join(map(str, error["loc"])): _sentence(error) for error in wrong.errors()}


def _sentence(error: Any) -> str:  # noqa: ANN401 - as pydantic has it
    known, about = _SENTENCES.get(error["type"]), error.get("ctx", {})
    if about.get("pattern") == SOURCE:
        return "This is a name such as shop, without spaces or accents."
    return str(error["msg"]).removeprefix("Value error, ") if known is None else known.format_map(about)
