"""API keys that were handed out, found by the digest of their secret."""

from copy import copy
from datetime import datetime

import msgspec

from domain.ids import id_of
from domain.tenant import ApiKeyCreated, ApiKeyRevoked
from projections.definition import Fold, ReadModel, Row
from streams.records import Recorded


class Key(msgspec.Struct, omit_defaults=True):
    """What the fold of one key remembers."""

    name: str | None = None
    digest: str | None = None
    role: str | None = None
    scopes: tuple[str, ...] = ()
    created_at: datetime | None = None
    revoked_at: datetime | None = None


def _created(state: Key | None, recorded: Recorded) -> Key:
    event: ApiKeyCreated = recorded.event  # type: ignore[assignment]
    revoked_at = state.revoked_at if state else None
    return Key(event.name, event.digest, event.role, event.scopes, event.occurred_at, revoked_at)


def _revoked(state: Key | None, recorded: Recorded) -> Key:
    after = copy(state) if state else Key()
    after.revoked_at = recorded.event.occurred_at
    return after


def _row(state: Key) -> Row:
    scopes = msgspec.json.encode(state.scopes).decode()
    return (state.name, state.digest, state.role, scopes, state.created_at, state.revoked_at)


def _unit(recorded: Recorded) -> str:
    """Return stream/key: one poison key holds itself, so that no other key's revocation waits behind it."""
    match recorded.event:
        case ApiKeyCreated(key_id=key_id) | ApiKeyRevoked(key_id=key_id):
            return f"{recorded.stream}/{key_id}"
        case _:
            return recorded.stream


def _key(unit: str) -> str:
    return unit.partition("/")[2] or id_of(unit)


API_KEYS = ReadModel(
    name="api_keys",
    version=1,
    kinds=("tenant",),
    unit=_unit,
    fold=Fold(
        name="api_keys",
        key="key_id",
        columns={
            "name": "text",
            "digest": "text",
            "role": "text",
            "scopes": "jsonb",
            "created_at": "timestamptz",
            "revoked_at": "timestamptz",
        },
        state=Key,
        evolve={ApiKeyCreated: _created, ApiKeyRevoked: _revoked},
        row=_row,
        keyed=_key,
        indexes=("digest",),
    ),
)
