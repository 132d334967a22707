"""How routes are documented: the headers, answers and problems that all of their kind have."""

from typing import Any

from fastapi.responses import JSONResponse

from api.http.errors import MEDIA_TYPE
from api.http.v1.shapes import ProblemDocument, Shape, Written

SECURITY: list[dict[str, list[str]]] = [{"key": []}]
_ANSWERS = {
    400: "Malformed, or without a header it needs.",
    401: "No key, or none that is known.",
    403: "It exists, but this key may not do this.",
    404: "It does not exist, or not for this key.",
    408: "The body took too long to arrive.",
    409: "Others changed the same record at the same moment; both versions are told.",
    412: "The record is not at the version that If-Match names; both versions are told.",
    413: "The body is larger than 1 MB.",
    415: "The body is of a type or encoding that is not read.",
    422: "A rule says no; the rule is told.",
    429: "This key asks too often.",
    503: "Not at the moment; ask again.",
}
_HEADERS = {
    "ETag": {"schema": {"type": "string"}, "description": "The record's version, for If-Match."},
    "Preference-Applied": {"schema": {"type": "string"}, "description": "How long was waited, where asked."},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Any text that names this request. The same key and body again gets the first answer, with 200; "
    "the same key with another body is refused. Keys are each API key's own.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "example": "order-1001-payment-1",
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The version that was seen, in quotes: the request is refused with 412 if there is a newer one.",
    "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$'},
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": "`wait=recorded` (default): answered when the log has it. `wait=projected`: when the read models "
    "have it, too; `wait=published`: when every in-sync replica of Kafka has it, refused with 400 where no relay ever "
    "published this log. Without Preference-Applied saying so, it has not come that far yet.",
    "schema": {"type": "string"},
    "example": "wait=projected",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return how these problems are documented."""
    schema = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
    return {
        status: {"description": _ANSWERS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def written(model: type[Written] = Written, *, keyed: bool = True, versioned: bool = True) -> dict[str, Any]:
    """Return what a write is documented by: with an Idempotency-Key, and If-Match if it is decided on a version."""
    statuses = [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503, *([412] if versioned else [])]
    return {
        "status_code": 201,
        "response_model": model,
        "response_class": JSONResponse,
        "responses": {
            200: {"model": model, "description": "Done before, or nothing to do.", "headers": _HEADERS},
            201: {"model": model, "description": "Recorded.", "headers": _HEADERS},
            **problems(*sorted(statuses)),
        },
        "openapi_extra": {
            "security": SECURITY,
            "parameters": [*([_KEY] if keyed else []), *([_IF_MATCH] if versioned else []), _PREFER],
        },
    }


def read(model: type[Shape]) -> dict[str, Any]:
    """Return what a read is documented by."""
    return {
        "response_model": model,
        "response_class": JSONResponse,
        "responses": problems(400, 401, 404, 429, 503),
        "openapi_extra": {"security": SECURITY},
    }
