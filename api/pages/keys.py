"""API keys for programs: made, shown once, listed, revoked; for admins."""

from typing import Annotated

from fastapi import APIRouter, Response

from api.http.policy import ACTIONS, ROLES, beyond, known_scope
from api.keys import list_keys, new_key
from api.pages.visit import Visit, visitor
from commands.command import RevokeApiKey
from streams.errors import CommandReused

router = APIRouter()
_LONGEST = 100
_BLANK = {"name": "", "role": "", "scopes": ""}
_FRESH = _BLANK | {"role": "service"}


@router.get("/keys")
def keys(visit: Annotated[Visit, visitor("keys:read")]) -> Response:
    """Show every key, and when it was used."""
    return _page(visit)


@router.post("/keys")
def create(visit: Annotated[Visit, visitor("keys:write")]) -> Response:
    """Hand out a key; this answer alone shows its secret."""
    name, role = visit.form.get("name", "").strip(), visit.form.get("role", "")
    scopes = tuple(visit.form.get("scopes", "").replace(",", " ").split())
    errors = {}
    if not 0 < len(name) <= _LONGEST:
        errors["name"] = f"Say what the key is for, in at most {_LONGEST} characters."
    if role not in ROLES:
        errors["role"] = "Choose a role."
    if unknown := [scope for scope in scopes if not known_scope(scope)]:
        errors["scopes"] = f"Not known: {', '.join(unknown)[:_LONGEST]}."
    elif lacking := beyond(role, scopes):
        errors["scopes"] = f"Not for this role: {', '.join(lacking)[:_LONGEST]}."
    if errors:
        return _page(visit, 422, errors=errors)
    secret, command = new_key(name, role, scopes)
    try:
        visit.do(command)
    except CommandReused:
        return visit.redirect("/keys", "This key was made already, and shown once.")
    return _page(visit, 201, secret=secret)


@router.post("/keys/{key_id}/revoked")
def revoke(visit: Annotated[Visit, visitor("keys:write")], key_id: str) -> Response:
    """End a key."""
    visit.do(RevokeApiKey(key_id=key_id, reason=visit.form.get("reason", "").strip() or "not said"))
    return visit.redirect("/keys", "The key opens nothing any more.")


def _page(
    visit: Visit, status: int = 200, *, secret: str | None = None, errors: dict[str, str] | None = None
) -> Response:
    keys = list_keys(visit.service.log, visit.caller.tenant)
    return visit.page(
        "keys.html",
        status,
        keys=sorted(keys, key=lambda key: (key.revoked_at is not None, -key.created_at.timestamp())),
        secret=secret,
        errors=_BLANK | (errors or {}),
        given={**_FRESH, **(visit.form if errors else {})},
        roles=ROLES,
        scopes=sorted(ACTIONS),
    )
