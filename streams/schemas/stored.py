"""The JSON Schema (2020-12) of each event version as it is stored and published, from the event's class."""

import inspect
import types
import typing
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from domain.event import Event, registered, stored_as
from streams.codec import SEALED, SUBJECT
from streams.schemas.published import Schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DECIMAL = r"^-?[0-9]+(\.[0-9]+)?(E[+-][0-9]+)?$"
_SIMPLE: Mapping[object, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    Decimal: {"type": "string", "format": "decimal", "pattern": _DECIMAL},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    type(None): {"type": "null"},
}


def generated() -> Mapping[str, Schema]:
    """Return the schema of every event version that this code writes, by its stored name."""
    return {name: schema_of(cls) for name, cls in sorted(registered().items())}


def schema_of(cls: type[Event]) -> Schema:
    """Return the schema of an event's stored form: its sealed fields null, and in `$sealed` what they hold."""
    how = stored_as(cls)
    schema = _schema(cls)
    if how.sealed:
        fields: dict[str, Schema] = schema["properties"]
        personal = {name: fields[name] for name in fields if name in how.sealed}
        fields.update({name: {"type": "null", "description": f"Sealed in {SEALED}."} for name in personal})
        fields[SUBJECT] = {"type": "string", "description": "Whose key it is sealed under."}
        fields[SEALED] = {
            "type": "string",
            "contentEncoding": "base64",
            "description": "The personal fields, AES-256-GCM; unreadable once the person is forgotten.",
            "x-opens-as": {"type": "object", "properties": personal, "additionalProperties": False},
        }
        schema["dependentRequired"] = {SUBJECT: [SEALED], SEALED: [SUBJECT]}
    return {"$schema": DIALECT, "$id": f"urn:backstory:schema:event:{how.name}", **schema, "title": how.name}


def _schema(hint: Any) -> Schema:  # noqa: ANN401 - any type hint
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint in _SIMPLE:
        return dict(_SIMPLE[hint])
    if is_dataclass(hint) and isinstance(hint, type):
        return _object(hint)
    if origin is Literal:
        return {"enum": sorted(inner)}
    if origin in (typing.Union, types.UnionType):
        return _union([_schema(one) for one in inner])
    if origin is tuple:
        return _array(inner)
    return {"type": "object", "additionalProperties": _schema(inner[1])}


def _object(cls: type[Any]) -> Schema:
    """Return the schema of an object: every field is always written, one more or less would be another version."""
    hints = typing.get_type_hints(cls)
    return {
        "title": cls.__name__,
        "description": inspect.cleandoc(cls.__doc__ or ""),
        "type": "object",
        "properties": {name: _schema(hint) for name, hint in hints.items()},
        "required": list(hints),
        "additionalProperties": False,
    }


def _union(choices: list[Schema]) -> Schema:
    if all(choice.keys() == {"type"} for choice in choices):
        return {"type": [choice["type"] for choice in choices]}
    return {"anyOf": choices}


def _array(inner: tuple[Any, ...]) -> Schema:
    """Return the schema of a tuple. Its elements are of one type: older dialects know no `prefixItems`."""
    if inner[1:] == (...,):
        return {"type": "array", "items": _schema(inner[0])}
    [kind] = set(inner)
    return {"type": "array", "items": _schema(kind), "minItems": len(inner), "maxItems": len(inner)}
