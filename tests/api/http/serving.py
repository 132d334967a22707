"""An application served on a real port."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from api.http.punctual import Punctual
from tests.acceptance.running import until


@contextmanager
def served(app: FastAPI, protocol: type[Punctual] = Punctual) -> Iterator[int]:
    """Serve until the end of the block; yield the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        server = uvicorn.Server(uvicorn.Config(app, http=protocol, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            until(lambda: server.started, "serving")
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(20)
    assert not thread.is_alive()
