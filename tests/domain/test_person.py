from domain import person
from domain.errors import InvalidValue
from domain.person import (
    PersonExists,
    PersonInactive,
    PersonInvited,
    PersonNotFound,
    PersonRevoked,
    PersonRoleChanged,
)
from tests.domain.story import fold, given
from tests.examples import at

INVITED = PersonInvited(occurred_at=at(), email="olga@example.org", role="rep", name="Olga")
REVOKED = PersonRevoked(occurred_at=at(5), reason="left")


def test_someone_is_invited_once_by_an_address_however_it_is_written() -> None:
    asked = {"email": " Olga@Example.ORG ", "role": "rep", "name": "Olga"}
    given().when(person.invite, **asked, at=at()).then(INVITED)
    given(INVITED).when(person.invite, **asked, at=at(5)).then_refuses(PersonExists)


def test_only_an_address_is_invited() -> None:
    for wrong in ("", " ", "olga", "a@b@c.org"):
        given().when(person.invite, email=wrong, role="rep", at=at()).then_refuses(
            InvalidValue, field="email"
        )


def test_who_was_revoked_can_be_invited_again_in_another_role() -> None:
    again = PersonInvited(occurred_at=at(9), email="olga@example.org", role="admin", name=None)
    given(INVITED, REVOKED).when(person.invite, email="olga@example.org", role="admin", at=at(9)).then(again)
    assert fold(person, [INVITED, REVOKED]).role is None
    assert fold(person, [INVITED, REVOKED, again]).role == "admin"


def test_a_role_is_changed_of_who_has_one() -> None:
    changed = PersonRoleChanged(occurred_at=at(2), role="manager")
    given(INVITED).when(person.change_role, role="manager", at=at(2)).then(changed)
    given(INVITED).when(person.change_role, role="rep", at=at(2)).then_nothing()
    given(INVITED, REVOKED).when(person.change_role, role="rep", at=at(9)).then_refuses(PersonInactive)
    given().when(person.change_role, role="rep", at=at(2)).then_refuses(PersonNotFound)


def test_an_access_is_ended_once() -> None:
    given(INVITED).when(person.revoke, reason="left", at=at(5)).then(REVOKED)
    given(INVITED, REVOKED).when(person.revoke, reason="left", at=at(6)).then_nothing()
    given().when(person.revoke, reason="left", at=at(6)).then_refuses(PersonNotFound)
