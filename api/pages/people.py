"""The people of a tenant: who may sign in, in which role; for admins."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response

from api.http.policy import PERSONAL_ROLES
from api.pages.visit import Visit, visitor
from commands.command import ChangePersonRole, InvitePerson, RevokePerson
from domain.errors import InvalidValue
from domain.person import PersonExists

router = APIRouter()


@router.get("/people")
def people(visit: Annotated[Visit, visitor("people:read")]) -> Response:
    """Show everyone, and when they were here."""
    return _page(visit)


@router.post("/people")
def invite(visit: Annotated[Visit, visitor("people:write")]) -> Response:
    """Let somebody sign in."""
    email, role = visit.form.get("email", ""), visit.form.get("role", "")
    if role not in PERSONAL_ROLES:
        return _page(visit, 422, email=email, error="Choose a role.")
    try:
        visit.do(InvitePerson(email=email, role=role, name=visit.form.get("name", "").strip() or None))
    except InvalidValue:
        return _page(visit, 422, email=email, error="That is no e-mail address.")
    except PersonExists as refusal:
        return _page(visit, 422, email=email, error=str(refusal))
    return visit.redirect("/people", "Invited. They sign in here with that address.")


@router.post("/people/{person_id}/role")
def change_role(visit: Annotated[Visit, visitor("people:write")], person_id: str) -> Response:
    """Let somebody act in another role."""
    role = visit.form.get("role", "")
    if role not in PERSONAL_ROLES:
        return _page(visit, 422, error="Choose a role.")
    visit.do(ChangePersonRole(person_id=person_id, role=role))
    visit.sessions.people.forget(visit.caller.tenant, person_id)
    return visit.redirect("/people", f"Their role is {role} now.")


@router.post("/people/{person_id}/revoked")
def revoke(visit: Annotated[Visit, visitor("people:write")], person_id: str) -> Response:
    """End somebody's access, on every browser."""
    visit.do(RevokePerson(person_id=person_id, reason=visit.form.get("reason", "").strip() or "not said"))
    visit.sessions.people.forget(visit.caller.tenant, person_id)
    visit.sessions.end_all(visit.caller.tenant, person_id)
    return visit.redirect("/people", "They cannot sign in any more.")


def _page(visit: Visit, status: int = 200, *, email: str = "", error: str | None = None) -> Response:
    return visit.page(
        "people.html",
        status,
        people=visit.sessions.people.all_of(visit.caller.tenant),
        seen=_seen(visit),
        roles=PERSONAL_ROLES,
        email=email,
        error=error,
    )


def _seen(visit: Visit) -> dict[str, datetime]:
    with visit.service.log.connection() as connection:
        rows = connection.execute(
            "SELECT person_id, max(seen_at) FROM log.sessions WHERE tenant = %s GROUP BY person_id",
            (visit.caller.tenant,),
        )
        return dict(rows.fetchall())
