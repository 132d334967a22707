"""API keys as people handle them: made, shown once, listed with their last use."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime

from commands.command import CreateApiKey
from commands.names import KEYS
from domain.record import effective
from domain.tenant import ApiKeyCreated, ApiKeyRevoked
from streams.log import Log

_PREFIX = "bsk_"


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was handed out; `used_at` is its last use, to the minute."""

    id: str
    name: str
    role: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None


def new_key(
    name: str, role: str, scopes: tuple[str, ...] = (), *, seed: bytes | None = None
) -> tuple[str, CreateApiKey]:
    """Return a secret, and the command that makes it a key; the command holds the digest alone.

    `seed`, 32 bytes that nobody can guess, makes it the same key whenever it is given again.
    """
    seed = seed or secrets.token_bytes(32)
    secret = _PREFIX + urlsafe_b64encode(seed).decode().rstrip("=")
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return secret, CreateApiKey(
        key_id=hashlib.sha256(b"id" + seed).hexdigest()[:12],
        name=name,
        digest=digest,
        role=role,
        scopes=scopes,
    )


def list_keys(log: Log, tenant: str) -> list[Key]:
    """Return every key of a tenant, from its events, in the order of creation."""
    with log.connection() as connection:
        uses = dict(
            connection.execute(
                "SELECT key_id, used_at FROM log.key_uses WHERE tenant = %s", (tenant,)
            ).fetchall()
        )
    created: dict[str, ApiKeyCreated] = {}
    revoked: dict[str, datetime] = {}
    for _, event in effective([(entry.version, entry.event) for entry in log.stream(tenant, KEYS)]):
        match event:
            case ApiKeyCreated():
                created[event.key_id] = event
            case ApiKeyRevoked():
                revoked[event.key_id] = event.occurred_at
            case _:
                continue
    return [
        Key(
            key_id, made.name, made.role, made.scopes, made.occurred_at, revoked.get(key_id), uses.get(key_id)
        )
        for key_id, made in created.items()
    ]
