"""The JSON Schema (2020-12) of the data of each type of event that services report, from the models that read it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from api.http.errors import malformed
from api.intake.reports import REPORTS, Report
from streams.schemas.published import Schema, published
from streams.schemas.stored import DIALECT

_TIME = "By default the event's own time."
_NEEDED = " One of the two is needed."


def generated() -> Mapping[str, Schema]:
    """Return the schema of every type of event that is taken."""
    return {name: _schema(name, report) for name, report in sorted(REPORTS.items())}


def check(kind: str, data: object) -> None:
    """Raise Problem 400 where the data of an event is not what the published schema of its type describes."""
    found = [
        {"loc": ("body", "data", *error.absolute_path), "msg": f"{error.validator} {error.validator_value}"}
        for error in _validators()[kind].iter_errors(data)
    ]
    if found:
        raise malformed(found)


@cache
def _validators() -> Mapping[str, Draft202012Validator]:
    return {name: Draft202012Validator(schema) for name, schema in published("intake").items()}


def _schema(name: str, report: Report) -> Schema:
    """Who speaks is in the event's own source, and its time may be."""
    made = report.data.model_json_schema()
    schema: Schema = _inlined(made, made.pop("$defs", {}))
    fields = schema["properties"]
    fields.pop("source", None)
    required = schema.get("required", [])
    fields["occurred_at"]["description"] = _TIME + (_NEEDED if "occurred_at" in required else "")
    schema["required"] = [field for field in required if field != "occurred_at"]
    schema["examples"] = [dict(report.example)]
    about = {"$schema": DIALECT, "$id": f"urn:backstory:schema:intake:{name}", "title": name}
    return about | {key: value for key, value in schema.items() if key != "title"}


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any part of a schema
    """Return a part of a schema with what it refers to in place, and without pydantic's titles."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    kept = {name: one for name, one in schema.items() if name != "title" or not isinstance(one, str)}
    return {name: _inlined(one, definitions) for name, one in kept.items()}
