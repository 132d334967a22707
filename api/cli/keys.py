"""`backstory keys`: API keys are events of the tenant; a secret is shown once and kept as a digest."""

import argparse
import getpass
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from api.failures import Misuse
from api.http.policy import ACTIONS, ROLES, beyond, known_scope
from api.keys import Key, list_keys, new_key
from api.place import Place
from commands.command import Context, RevokeApiKey
from commands.handle import handle


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
            if lacking := beyond(args.role, args.scopes):
                raise Misuse(f"the role {args.role} does not allow {', '.join(lacking)}")
            made = create_key(place, args.name, args.role, tuple(args.scopes))
            place.catch_up()
            text = f"{made['secret']}\nkey {made['id']}, {args.role}, for {args.name}, shown only now\n"
            sys.stdout.write(_line(made) if args.json else text)
        case "list":
            for key in list_keys(place.log, place.tenant):
                sys.stdout.write(_line(_document(key)) if args.json else _told(key))
        case _:
            answer = handle(place.log, RevokeApiKey(key_id=args.key, reason=args.reason), context_of(place))
            place.catch_up()
            done = {"id": answer.id, "revoked": answer.events > 0, "position": answer.position}
            text = f"key {answer.id} {'is revoked' if answer.events else 'was revoked before'}\n"
            sys.stdout.write(_line(done) if args.json else text)
    return 0


def create_key(place: Place, name: str, role: str, scopes: tuple[str, ...] = ()) -> dict[str, Any]:
    """Hand out a key: its id, its secret for this once, and the position it was recorded at."""
    secret, asked = new_key(name, role, scopes)
    answer = handle(place.log, asked, context_of(place))
    return {"id": answer.id, "secret": secret, "role": role, "scopes": scopes, "position": answer.position}


def _scope(text: str) -> str:
    if not known_scope(text):
        raise argparse.ArgumentTypeError(f"one of {', '.join(sorted(ACTIONS))} or source:NAME")
    return text


def operator() -> str:
    """Return who runs this command, as the actor of what it does."""
    return f"cli:{getpass.getuser()}"


def context_of(place: Place) -> Context:
    """Return who runs this command, and for which tenant."""
    return Context(tenant=place.tenant, actor=operator(), source="backstory", now=datetime.now(UTC))


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document) + "\n"


def _document(key: Key) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(key).items()
    }


def _told(key: Key) -> str:
    state = (
        f"revoked {key.revoked_at.isoformat()}" if key.revoked_at else f"since {key.created_at.isoformat()}"
    )
    scopes = f" ({', '.join(key.scopes)})" if key.scopes else ""
    used = f", used {key.used_at.isoformat()}" if key.used_at else ", never used"
    return f"{key.id}  {key.role}{scopes}  {key.name}  {state}{used}\n"
