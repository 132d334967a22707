"""`backstory people`: who may sign in. Invitations, roles and revocations are events of the person."""

import argparse
import json
import sys
from typing import Any

from api.cli.keys import context_of
from api.failures import Failure
from api.http.policy import PERSONAL_ROLES
from api.pages.links import Link, Links
from api.people import Colleague, People
from api.place import Place
from commands.command import ChangePersonRole, Command, InvitePerson, RevokePerson
from commands.handle import handle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `backstory people` takes."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    invite = actions.add_parser("invite", help="let somebody sign in", description="Let somebody sign in.")
    invite.add_argument("email", metavar="EMAIL", help="where links to sign in are sent")
    invite.add_argument(
        "--role", choices=PERSONAL_ROLES, default="rep", help="what they may do (default: rep)"
    )
    invite.add_argument("--name", metavar="TEXT", help="how pages call them")
    listed = actions.add_parser("list", help="list the people", description="List who may sign in, or might.")
    role = actions.add_parser("role", help="change a role", description="Let somebody act in another role.")
    role.add_argument("person", metavar="PERSON", help="the id or the e-mail address")
    role.add_argument("role", metavar="ROLE", choices=PERSONAL_ROLES, help="what they may do from now on")
    revoke = actions.add_parser("revoke", help="end an access", description="End somebody's access at once.")
    revoke.add_argument("person", metavar="PERSON", help="the id or the e-mail address")
    revoke.add_argument(
        "--reason", metavar="TEXT", required=True, help="why; it stays in the log, so name nobody"
    )
    link = actions.add_parser(
        "link", help="make a link to sign in", description="Make a link that signs somebody in once, now."
    )
    link.add_argument("person", metavar="PERSON", help="the id or the e-mail address")
    for action in (invite, listed, role, revoke, link):
        action.add_argument(
            "--json", action="store_true", help="JSON: one document, or one object a line for list"
        )


def run(args: argparse.Namespace, place: Place) -> int:
    """Do the action; raises the refusal of what the rules do not allow."""
    match args.action:
        case "invite":
            done = _do(place, InvitePerson(email=args.email, role=args.role, name=args.name))
            _tell(args, done, f"invited as {args.role}: {done['id']}")
        case "list":
            for person in People(place.log).all_of(place.tenant):
                state = person.role or "access ended"
                _tell(
                    args,
                    _document(person),
                    f"{person.person_id}  {state}  {person.email}  {person.name or ''}",
                )
        case "role":
            found = _found(place, args.person)
            done = _do(place, ChangePersonRole(person_id=found.person_id, role=args.role))
            _tell(args, done, f"{found.person_id} is {args.role} now")
        case "revoke":
            found = _found(place, args.person)
            done = _do(place, RevokePerson(person_id=found.person_id, reason=args.reason))
            _tell(args, done, f"{found.person_id} cannot sign in any more")
        case _:
            found = _found(place, args.person)
            if found.role is None:
                raise Failure("this person may not sign in any more; invite them again first")
            link = place.address + sign_in_link(place, found.person_id)
            _tell(args, {"link": link}, f"{link}\ngood once, for 15 minutes")
    return 0


def first_admin_link(place: Place) -> str | None:
    """Invite an admin to a tenant without people, whom no mail reaches; return a link for them without its host."""
    if People(place.log).all_of(place.tenant):
        return None
    invited = InvitePerson(email="admin@backstory.invalid", role="admin", name="Admin")
    return sign_in_link(place, handle(place.log, invited, context_of(place)).id)


def sign_in_link(place: Place, person_id: str) -> str:
    """Return a link, without its host, that signs a person in once."""
    return Links(place.log).make(Link(place.tenant, person_id, "/"))


def _found(place: Place, named: str) -> Colleague:
    for person in People(place.log).all_of(place.tenant):
        if named in (person.person_id, person.email):
            return person
    raise Failure("there is no such person in this tenant")


def _do(place: Place, command: Command) -> dict[str, Any]:
    answer = handle(place.log, command, context_of(place))
    place.catch_up()
    return {"id": answer.id, "changed": answer.events > 0, "position": answer.position}


def _document(person: Colleague) -> dict[str, Any]:
    return {
        "id": person.person_id,
        "email": person.email,
        "name": person.name,
        "role": person.role,
        "invited_at": person.invited_at.isoformat(),
    }


def _tell(args: argparse.Namespace, document: dict[str, Any], text: str) -> None:
    sys.stdout.write(f"{json.dumps(document) if args.json else text}\n")
