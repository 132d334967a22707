"""The HTTP application: health, metrics, version 1 for programs, pages for people."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from api import health
from api.http import described
from api.http.errors import RETRY_AFTER
from api.http.metrics import render
from api.http.v1.install import PATIENCE, RATE, install, serving
from api.live.routes import feeding
from api.pages.entrance import Entrance
from api.pages.install import install as install_pages
from streams.kafka.intake_lag import IntakeLag
from streams.kafka.retrying import KafkaAway
from streams.log import Log

_PATIENCE = 2  # seconds a health check waits for a connection
_UNAVAILABLE = 503


def create_app(  # noqa: PLR0913 - all but the first two are by name, and may be left out
    conninfo: str,
    log: Log,
    *,
    rate: float = RATE,
    patience: float = PATIENCE,
    entrance: Entrance | None = None,
    intake: Callable[[], IntakeLag | None] | None = None,
) -> FastAPI:
    """Return the application on the database that `conninfo` names.

    Each key may ask `rate` times a second; a request waits `patience` seconds for read models.
    People come in by `entrance`; without one, links to sign in are written to standard error.
    `intake` says, where Kafka is configured, how far the intake is behind.
    """

    def connected() -> psycopg.Connection:
        """Connect anew: a pool hides for a while that a database is back."""
        return psycopg.connect(conninfo, autocommit=True, connect_timeout=_PATIENCE)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with serving(app, log, conninfo, rate, patience):
            async with feeding(app, conninfo):
                yield

    app = FastAPI(
        title="Backstory", lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False
    )  # such a redirect would lead to the host that the asker named, without TLS behind a proxy
    install(app)
    app.include_router(described.router)
    install_pages(app, log, entrance or Entrance("http://127.0.0.1"))

    @app.get("/health/live")
    def live() -> dict[str, bool]:
        """Say that the process answers."""
        return {"live": True}

    @app.get("/health/ready", responses={503: {"description": "Not ready; what is missing is false."}})
    def ready() -> JSONResponse:
        """Say whether requests can be served: database, migrations, projector; 503 if one is missing."""
        found = _readiness(connected)
        return JSONResponse(found) if found["ready"] else JSONResponse(found, _UNAVAILABLE, RETRY_AFTER)

    @app.get(
        "/metrics",
        response_class=PlainTextResponse,
        responses={503: {"description": "The database does not answer."}},
    )
    def metrics() -> Response:
        """Give the figures in Prometheus' text format."""
        with connected() as connection:
            text = render(
                health.head(connection),
                health.models(connection),
                health.places(connection),
                health.relay(connection),
                _behind(intake),
            )
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    return app


def _behind(intake: Callable[[], IntakeLag | None] | None) -> IntakeLag | None:
    """Return how far the intake is behind; None where there is none, or Kafka does not answer."""
    try:
        return intake() if intake is not None else None
    except KafkaAway:
        return None


def _readiness(connected: Callable[[], psycopg.Connection]) -> dict[str, Any]:
    try:
        with connected() as connection:
            missing = health.missing_migrations(connection)
            models = [] if missing else health.models(connection)
    except psycopg.OperationalError:
        return {"ready": False, "database": False}
    alive = bool(models) and all(model.alive for model in models if not model.outdated)
    found = {"database": True, "migrations": not missing, "projector": alive}
    return {
        "ready": all(found.values()),
        **found,
        "position": min((model.position for model in models), default=0),
        "lag_events": {model.name: model.lag_events for model in models},
    }
