"""What a change of a published schema breaks: for those who publish by it, and for those who read by it."""

from collections.abc import Iterator
from typing import Any

from streams.schemas.published import Schema

_SAME = ("pattern", "format", "contentEncoding", "propertyNames", "dependentRequired")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_INSIDE = ("items", "additionalProperties", "x-opens-as")


def breaks_publishers(published: Schema, now: Schema) -> list[str]:
    """Return where what the published schema takes is refused now, and what is demanded there."""
    return [f"{at or '/'}: now {demanded}" for at, demanded in _refused(published, now, "")]


def breaks_readers(published: Schema, now: Schema) -> list[str]:
    """Return where an event version changed at all: what is recorded has its old form, and readers rely on that."""
    before = [f"{at or '/'}: until now {demanded}" for at, demanded in _refused(now, published, "")]
    return [*breaks_publishers(published, now), *before]


def _refused(taken: Schema, by: Schema, at: str) -> Iterator[tuple[str, str]]:
    """Find where a value that one schema takes may be refused by the other, and what that one demands."""
    for one in _choices(taken):
        tried = [list(_of_choice(one, other, at)) for other in _choices(by)]
        if all(tried):
            yield from min(tried, key=len)


def _choices(schema: Schema) -> list[Schema]:
    """Return the alternatives of a schema, each of one type."""
    if "anyOf" in schema:
        return [choice for one in schema["anyOf"] for choice in _choices(one)]
    kinds = schema.get("type")
    return [schema | {"type": kind} for kind in kinds] if isinstance(kinds, list) else [schema]


def _of_choice(taken: Schema, by: Schema, at: str) -> Iterator[tuple[str, str]]:
    kind, wanted = taken.get("type"), by.get("type")
    if wanted not in {None, kind} and (kind, wanted) != ("integer", "number"):
        yield at, f"of type {wanted}"
        return
    values = _values(by)
    if values is not None and not set(_values(taken) or [object()]) <= set(values):
        yield at, f"one of {', '.join(map(str, values))}"
    for rule in (*_SAME, *_LOWER, *_UPPER):
        if rule in by and not _as_strict(rule, taken.get(rule), by[rule]):
            yield at, f"of {rule} {by[rule]}"
    yield from _of_object(taken, by, at)
    for inside in _INSIDE:
        inner = taken.get(inside, {})
        if isinstance(by.get(inside), dict) and inner is not False:
            yield from _refused(inner, by[inside], f"{at}/*")


def _values(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _as_strict(rule: str, held: Any, demanded: Any) -> bool:  # noqa: ANN401 - what a rule says
    if held is None or rule in _SAME:
        return bool(held == demanded)
    return bool(held >= demanded if rule in _LOWER else held <= demanded)


def _of_object(taken: Schema, by: Schema, at: str) -> Iterator[tuple[str, str]]:
    fields, known = taken.get("properties", {}), by.get("properties", {})
    closed = by.get("additionalProperties") is False
    for name in by.get("required", ()):
        if name not in taken.get("required", ()):
            yield f"{at}/{name}", "required"
    for name, schema in fields.items():
        if name in known:
            yield from _refused(schema, known[name], f"{at}/{name}")
        elif closed:
            yield f"{at}/{name}", "no field"
    if closed and taken.get("additionalProperties", True) is not False:
        yield at, "without other fields"
