"""`backstory keys`: API keys are events of the tenant; a secret is shown once and kept as a digest."""

import argparse
import getpass
import hashlib
import json
import secrets
import sys
from datetime import UTC, datetime
from typing import Any

from api.http.policy import ACTIONS, ROLES, known_scope
from api.place import Place
from commands.command import Context, CreateApiKey, RevokeApiKey
from commands.handle import handle
from commands.tenants import KEYS
from domain.record import effective
from domain.tenant import ApiKeyCreated, ApiKeyRevoked

_PREFIX = "bsk_"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory keys` takes."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser(
        "create", help="hand out a key", description="Hand out a key; it is shown once."
    )
    create.add_argument("name", metavar="NAME", help="what or whom the key is for")
    create.add_argument(
        "--role", choices=ROLES, default="service", help="what the key may do (default: service)"
    )
    create.add_argument(
        "--scope",
        action="append",
        default=[],
        dest="scopes",
        type=_scope,
        help="narrow it to an action such as orders:write, or a source such as source:shop; may be repeated",
    )
    listed = actions.add_parser(
        "list", help="list the keys", description="List the keys, never their secrets."
    )
    revoke = actions.add_parser("revoke", help="end a key", description="End a key at once.")
    revoke.add_argument("key", metavar="KEY", help="the id of the key")
    revoke.add_argument("--reason", metavar="TEXT", required=True, help="why it is revoked")
    for action in (create, listed, revoke):
        action.add_argument(
            "--json", action="store_true", help="JSON: one document, or one object a line for list"
        )


def run(args: argparse.Namespace, place: Place) -> int:
    """Do the action; raises the refusal of a key that does not exist."""
    match args.action:
        case "create":
            made = create_key(place, args.name, args.role, tuple(args.scopes))
            place.catch_up()
            text = f"{made['secret']}\nkey {made['id']}, {args.role}, for {args.name}, shown only now\n"
            sys.stdout.write(_line(made) if args.json else text)
        case "list":
            for key in list_keys(place):
                sys.stdout.write(_line(key) if args.json else _told(key))
        case _:
            answer = handle(place.log, RevokeApiKey(key_id=args.key, reason=args.reason), _context(place))
            place.catch_up()
            done = {"id": answer.id, "revoked": answer.events > 0, "position": answer.position}
            text = f"key {answer.id} {'is revoked' if answer.events else 'was revoked before'}\n"
            sys.stdout.write(_line(done) if args.json else text)
    return 0


def create_key(place: Place, name: str, role: str, scopes: tuple[str, ...] = ()) -> dict[str, Any]:
    """Hand out a key: its id, its secret for this once, and the position it was recorded at."""
    key_id, secret = secrets.token_hex(6), _PREFIX + secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    asked = CreateApiKey(key_id=key_id, name=name, digest=digest, role=role, scopes=scopes)
    answer = handle(place.log, asked, _context(place))
    return {"id": key_id, "secret": secret, "role": role, "scopes": scopes, "position": answer.position}


def list_keys(place: Place) -> list[dict[str, Any]]:
    """Return every key of the tenant, from its events, in the order of creation, with its last use (to the minute)."""
    recorded = place.log.stream(place.tenant, KEYS)
    uses = _uses(place)
    keys: dict[str, dict[str, Any]] = {}
    for _, event in effective([(entry.version, entry.event) for entry in recorded]):
        match event:
            case ApiKeyCreated():
                keys[event.key_id] = {
                    "id": event.key_id,
                    "name": event.name,
                    "role": event.role,
                    "scopes": event.scopes,
                    "created_at": event.occurred_at.isoformat(),
                    "revoked_at": None,
                    "used_at": uses.get(event.key_id),
                }
            case ApiKeyRevoked():
                keys[event.key_id]["revoked_at"] = event.occurred_at.isoformat()
            case _:
                continue
    return list(keys.values())


def _uses(place: Place) -> dict[str, str]:
    with place.log.connection() as connection:
        rows = connection.execute(
            "SELECT key_id, used_at FROM log.key_uses WHERE tenant = %s", (place.tenant,)
        ).fetchall()
    return {key_id: used_at.isoformat() for key_id, used_at in rows}


def _scope(text: str) -> str:
    if not known_scope(text):
        raise argparse.ArgumentTypeError(f"one of {', '.join(sorted(ACTIONS))} or source:NAME")
    return text


def operator() -> str:
    """Return who runs this command, as the actor of what it does."""
    return f"cli:{getpass.getuser()}"


def _context(place: Place) -> Context:
    return Context(tenant=place.tenant, actor=operator(), source="backstory", now=datetime.now(UTC))


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document) + "\n"


def _told(key: dict[str, Any]) -> str:
    state = f"revoked {key['revoked_at']}" if key["revoked_at"] else f"since {key['created_at']}"
    scopes = f" ({', '.join(key['scopes'])})" if key["scopes"] else ""
    used = f", used {key['used_at']}" if key["used_at"] else ", never used"
    return f"{key['id']}  {key['role']}{scopes}  {key['name']}  {state}{used}\n"
