"""How the tests ask a running service."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from httpx2 import Response
from starlette.testclient import TestClient

from commands.command import Context, CreateApiKey
from commands.handle import handle
from streams.log import Log

_numbers = count(1)


def make_key(log: Log, role: str, *scopes: str, tenant: str = "main") -> str:
    secret = "bsk_" + secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    asked = CreateApiKey(key_id=secrets.token_hex(6), name=role, digest=digest, role=role, scopes=scopes)
    handle(log, asked, Context(tenant=tenant, actor="test", source="backstory", now=datetime.now(UTC)))
    return secret


@dataclass
class Service:
    """How the tests ask: as some key, each write under an idempotency key of its own unless they say which."""

    client: TestClient
    log: Log
    secret: str
    headers: dict[str, str] = field(default_factory=dict)

    def as_(self, role: str, *scopes: str, tenant: str = "main") -> "Service":
        return Service(self.client, self.log, make_key(self.log, role, *scopes, tenant=tenant))

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        sent = {"Authorization": f"Bearer {self.secret}"} | self.headers
        if method == "POST":
            sent["Idempotency-Key"] = f"test-{next(_numbers)}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.request(method, path, headers=sent, json=body)

    def post(self, path: str, body: Any, **headers: str) -> Response:
        return self.ask("POST", path, body, **headers)

    def get(self, path: str, **params: Any) -> Response:
        return self.client.get(path, params=params, headers={"Authorization": f"Bearer {self.secret}"})

    def done(self, path: str, body: Any, **headers: str) -> dict[str, Any]:
        answer = self.post(path, body, **headers)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())
