"""People who may sign in: invited by e-mail address in a role, revoked, perhaps invited again."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from domain.contact import email_key
from domain.errors import InvalidValue, Refusal
from domain.event import Event, stored
from domain.record import EventsWithdrawn


@stored("person-invited.v1", sealed=("email", "name"))
@dataclass(frozen=True, slots=True, kw_only=True)
class PersonInvited(Event):
    """From now on whoever receives mail at `email` may sign in and act in `role`."""

    email: str | None
    role: str
    name: str | None = None


@stored("person-role-changed.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRoleChanged(Event):
    """The person acts in another role."""

    role: str


@stored("person-revoked.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRevoked(Event):
    """The person may not sign in any more; sessions end at once."""

    reason: str


PersonEvent = PersonInvited | PersonRoleChanged | PersonRevoked | EventsWithdrawn


class PersonNotFound(Refusal):
    """There is no such person."""


class PersonExists(Refusal):
    """Someone with this e-mail address may sign in already."""


class PersonInactive(Refusal):
    """This person may not sign in any more; invite them again first."""


class OwnAccess(Refusal):
    """Nobody changes their own role or ends their own access: ask another admin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What decisions about a person need to know, and who they are; `role` is None for who may not sign in."""

    known: bool = False
    role: str | None = None
    email: str | None = None
    name: str | None = None


NEW = Person()


def evolve(state: Person, event: PersonEvent) -> Person:
    """Return the state after an event."""
    match event:
        case PersonInvited(email=email, role=role, name=name):
            return Person(known=True, role=role, email=email, name=name)
        case PersonRoleChanged(role=role):
            return replace(state, role=role)
        case PersonRevoked():
            return replace(state, role=None)
        case EventsWithdrawn():
            return state
        case _:
            assert_never(event)


def invite(
    state: Person, *, email: str, role: str, name: str | None = None, at: datetime
) -> list[PersonEvent]:
    """Let someone sign in. Raises InvalidValue for what is no e-mail address, PersonExists for who may already."""
    address = email_key(email)
    if not address:
        raise InvalidValue(field="email", rule="an e-mail address such as ann@example.org")
    if state.role is not None:
        raise PersonExists
    return [PersonInvited(occurred_at=at, email=address, role=role, name=name)]


def change_role(state: Person, *, role: str, at: datetime) -> list[PersonEvent]:
    """Let someone act in another role; nothing when it is theirs already."""
    if not state.known:
        raise PersonNotFound
    if state.role is None:
        raise PersonInactive
    return [] if role == state.role else [PersonRoleChanged(occurred_at=at, role=role)]


def revoke(state: Person, *, reason: str, at: datetime) -> list[PersonEvent]:
    """End someone's access; nothing when it ended before."""
    if not state.known:
        raise PersonNotFound
    return [] if state.role is None else [PersonRevoked(occurred_at=at, reason=reason)]
