"""Putting version 1 into an application."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse

from api.http import errors
from api.http.auth import Keys
from api.http.head import Head
from api.http.rate import Rates
from api.http.v1 import (
    administration,
    customers,
    deals,
    docs,
    events,
    invoices,
    leads,
    orders,
    pipelines,
    reads,
)
from api.http.v1.limits import Limits
from api.http.v1.read_pool import ReadPool
from api.http.v1.service import Service
from api.http.v1.shapes import ProblemDocument
from api.http.v1.together import Together
from streams.log import Log

ROUTERS: tuple[APIRouter, ...] = tuple(
    module.router
    for module in (events, orders, leads, deals, customers, invoices, pipelines, reads, administration)
)
"""The busiest first, for routes are tried in their order."""

RATE = 1000.0
PATIENCE = 5.0


@contextmanager
def serving(
    app: FastAPI, log: Log, conninfo: str, rate: float = RATE, patience: float = PATIENCE
) -> Iterator[None]:
    """Give the routes what they need while the application runs, as `create_app` says."""
    reads = ReadPool(conninfo)
    reads.open()
    try:
        with Together(log) as commands:
            keys = Keys(log, Rates(rate, burst=2 * rate))
            app.state.service = Service(log, commands, reads, keys, patience)
            yield
    finally:
        reads.close()


def install(app: FastAPI) -> None:
    """Add the routes, the limits, the answers of errors and the OpenAPI document."""
    for router in ROUTERS:
        app.router.routes += router.routes  # a router that is included is searched twice for each request
    app.add_middleware(Limits)
    app.add_middleware(Head)
    errors.install(app)

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = described(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]

    @app.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    def documentation() -> HTMLResponse:
        """Show what can be asked."""
        return HTMLResponse(docs.page(document()), headers=docs.HEADERS)


def described(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document."""
    made = get_openapi(
        title="Backstory",
        version="1",
        summary="The whole story of every customer: write facts and requests, read what they came to.",
        routes=app.routes,
        tags=[{"name": name} for router in ROUTERS for name in router.tags],
    )
    parts = made.setdefault("components", {})
    parts["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key: `backstory keys create NAME`.",
        }
    }
    parts["schemas"][ProblemDocument.__name__] = ProblemDocument.model_json_schema()
    nulls = customers.ChangeBody.model_json_schema()["examples"]  # get_openapi leaves them out
    parts["schemas"][customers.ChangeBody.__name__]["examples"] = nulls
    for unused in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(unused, None)
    for operations in made["paths"].values():
        for operation in operations.values():
            if operation["responses"].get("422", {}).get("description") == "Validation Error":
                del operation["responses"]["422"]
    return made
