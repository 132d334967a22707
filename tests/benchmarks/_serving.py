"""The real processes that a benchmark of the pages asks, and somebody who is signed in."""

import base64
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from api.pages.sessions import Sessions
from api.people import People
from commands.command import Context, InvitePerson
from commands.handle import handle
from streams.log import Log
from tests.benchmarks import machine

_BACKSTORY = str(Path(sys.executable).with_name("backstory"))
_PATIENCE = 120.0


@contextmanager
def serving(conninfo: str) -> Iterator[str]:
    """Run the API and a projector on a database; lend the address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="backstory-bench-") as data:
        key = base64.b64encode(machine.MASTER_KEY).decode()
        environment = {**os.environ, "BACKSTORY_MASTER_KEY": key, "BACKSTORY_DATABASE": conninfo}
        environment["BACKSTORY_DATA"] = data
        roles = [["api", "--port", str(port)], ["project"]]
        running = [subprocess.Popen([_BACKSTORY, *role], env=environment) for role in roles]
        try:
            _until_ready(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(30)


def signed_in(log: Log, role: str = "manager", tenant: str = "main") -> str:
    """Sign somebody in; return the secret of the session."""
    asked = InvitePerson(email=f"{uuid.uuid4().hex}@example.org", role=role, name="Robin")
    context = Context(tenant=tenant, actor="bench", source="backstory", now=datetime.now(UTC))
    return Sessions(log, People(log)).begin(tenant, handle(log, asked, context).id)


def _until_ready(url: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health/ready", timeout=5) as answer:  # noqa: S310 - our own server
                if answer.status == 200:
                    return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"{url} is not ready")
        time.sleep(0.1)
