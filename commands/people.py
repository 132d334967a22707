"""People who may sign in: found by their e-mail address, which one person of a tenant holds."""

from commands.command import ChangePersonRole, Context, InvitePerson, RevokePerson
from commands.desk import Desk
from commands.names import fresh
from domain import person
from domain.contact import email_key
from domain.ids import id_of

EMAIL = "person-email"
"""The kind of claim by which a person is found."""


def invite_person(desk: Desk, command: InvitePerson, context: Context) -> str:
    """Let someone sign in; who was revoked comes back as the same person."""
    address = email_key(command.email)
    stream = desk.holder(EMAIL, address) or fresh("person")
    events = person.invite(
        desk.state(stream), email=address, role=command.role, name=command.name, at=context.now
    )
    desk.append(stream, events)
    desk.claim(EMAIL, address, stream)
    return id_of(stream)


def change_role(desk: Desk, command: ChangePersonRole, context: Context) -> str:
    """Let someone act in another role."""
    stream = _other(command.person_id, context)
    desk.append(stream, person.change_role(desk.state(stream), role=command.role, at=context.now))
    return command.person_id


def revoke_person(desk: Desk, command: RevokePerson, context: Context) -> str:
    """End someone's access."""
    stream = _other(command.person_id, context)
    desk.append(stream, person.revoke(desk.state(stream), reason=command.reason, at=context.now))
    return command.person_id


def _other(person_id: str, context: Context) -> str:
    """Return the stream of a person who is not the asker. Raises OwnAccess."""
    stream = f"person-{person_id}"
    if context.actor == f"person:{person_id}":
        raise person.OwnAccess
    return stream
