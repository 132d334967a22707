"""What describes the stream, as it was published: the AsyncAPI document and a JSON Schema a version."""

from typing import Literal

from fastapi import APIRouter, Response

from api.http.errors import not_found
from streams.schemas.published import FOLDER, published

router = APIRouter(include_in_schema=False)


@router.get("/asyncapi.json")
def asyncapi() -> Response:
    """Show the topics, and what each record says."""
    return Response((FOLDER / "asyncapi.json").read_bytes(), media_type="application/json")


@router.get("/schemas/{kind}/{name}.json")
def schema(kind: Literal["events", "intake"], name: str) -> Response:
    """Show the schema of an event version, or of a type that services may report."""
    if name not in published(kind):
        raise not_found()
    return Response((FOLDER / kind / f"{name}.json").read_bytes(), media_type="application/schema+json")
