"""The peer of the benchmark `http`: a bare FastAPI route that does one plain insert, served as our API is."""

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool
from pydantic import BaseModel

CREATE = (
    "CREATE TABLE IF NOT EXISTS bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text, "
    "recorded_at timestamptz DEFAULT now(), data jsonb)"
)


class Document(BaseModel):
    """Any JSON object, read as FastAPI reads bodies."""

    kind: str
    data: dict[str, Any]


def create_app(conninfo: str) -> FastAPI:
    """Return the application: one route, one pool as large as the log's, one insert."""
    pool = ConnectionPool(conninfo, min_size=1, max_size=8, kwargs={"autocommit": True}, open=False)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        pool.open()
        yield
        pool.close()

    app = FastAPI(lifespan=lifespan)

    @app.post("/bare", status_code=201)
    def insert(document: Document, request: Request) -> dict[str, int]:
        """Insert one row and say which."""
        assert request.headers["authorization"]
        with pool.connection() as connection:
            row = connection.execute(
                "INSERT INTO bare (kind, data) VALUES (%s, %s) RETURNING id",
                (document.kind, Jsonb(document.data)),
            ).fetchone()
        assert row is not None
        return {"id": row[0]}

    return app


def main(conninfo: str, fd: int) -> None:
    """Serve with the settings of `backstory api`."""
    config = uvicorn.Config(create_app(conninfo), access_log=False, log_level="warning", server_header=False)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=fd)])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
