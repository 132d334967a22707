"""What people do with a lead: give it to a colleague, find it worth pursuing or not, unless somebody was faster."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import StringConstraints

from api import lengths
from api.http.errors import not_found
from api.http.v1.border import PathId
from api.pages.board.pipelines import owners_of_deals
from api.pages.forms import Form, Maybe, read_form
from api.pages.lists.catalogue import LEADS
from api.pages.records.details import details
from api.pages.seen import Seen, position_of, seen_of
from api.pages.visit import Visit, visitor
from commands.command import AssignLeadOwner, DisqualifyLead, QualifyLead
from domain.lead import Lead
from streams.errors import WrongExpectedVersion

router = APIRouter()
Writer = Annotated[Visit, visitor("leads:write")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that people do with a lead: the end of its address, its words, and the field that it changes."""

    name: str
    title: str
    does: str
    done: str
    field: str
    value: Callable[[Lead], str | None]


_OWNED = Step(
    name="owner",
    title="Give the lead to a colleague",
    does="Change the owner",
    done="The lead has another owner.",
    field="Owner",
    value=lambda lead: lead.owner.value,
)
_QUALIFIED = Step(
    name="qualified",
    title="Qualify the lead",
    does="Qualify",
    done="The lead is qualified.",
    field="Status",
    value=lambda lead: lead.status,
)
_DISQUALIFIED = Step(
    name="disqualified",
    title="Disqualify the lead",
    does="Disqualify",
    done="The lead is disqualified.",
    field="Status",
    value=lambda lead: lead.status,
)


class Owner(Form):
    """What is typed to give a lead to a colleague."""

    owner: Maybe = None


class Why(Form):
    """What is typed to disqualify a lead."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=lengths.TEXT, strip_whitespace=True)]


@router.get("/leads/{lead_id}/owner")
def ask_owner(visit: Writer, lead_id: PathId) -> Response:
    """Ask who should look after the lead."""
    lead = _lead(visit, lead_id)
    return _form(visit, lead_id, _OWNED, {"owner": lead.now.owner.value or ""}, seen=lead.position)


@router.post("/leads/{lead_id}/owner")
def assign(visit: Writer, lead_id: PathId) -> Response:
    """Give the lead to a colleague."""
    asked, wrong = read_form(Owner, visit.form)
    if asked is None:
        return _wrong(visit, lead_id, _OWNED, wrong)
    return _do(visit, _OWNED, AssignLeadOwner(lead_id=lead_id, owner=asked.owner), asked.owner)


@router.post("/leads/{lead_id}/qualified")
def qualify(visit: Writer, lead_id: PathId) -> Response:
    """Find the lead worth pursuing."""
    return _do(visit, _QUALIFIED, QualifyLead(lead_id=lead_id), "qualified")


@router.get("/leads/{lead_id}/disqualified")
def ask_why(visit: Writer, lead_id: PathId) -> Response:
    """Ask why the lead will not be pursued."""
    return _form(visit, lead_id, _DISQUALIFIED, {}, seen=_lead(visit, lead_id).position)


@router.post("/leads/{lead_id}/disqualified")
def disqualify(visit: Writer, lead_id: PathId) -> Response:
    """Decide not to pursue the lead."""
    asked, wrong = read_form(Why, visit.form)
    if asked is None:
        return _wrong(visit, lead_id, _DISQUALIFIED, wrong)
    return _do(visit, _DISQUALIFIED, DisqualifyLead(lead_id=lead_id, reason=asked.reason), "disqualified")


def _do(
    visit: Visit, step: Step, command: AssignLeadOwner | QualifyLead | DisqualifyLead, yours: str | None
) -> Response:
    """Do a step; where somebody else has changed the same since it was seen, show that and write nothing."""
    lead_id = command.lead_id
    lead = _lead(visit, lead_id, position_of(visit.form.get("seen", "")))
    now, then = step.value(lead.now), step.value(lead.then)
    if now == yours:
        return visit.redirect(f"/leads/{lead_id}", "It is so already.")
    if now != then:
        row = (step.field, now or "nobody", yours or "nobody", then or "nobody")
        return _form(visit, lead_id, step, visit.form, 409, seen=lead.position, differences=[row])
    try:
        answer = visit.do(command, expected=lead.version)
    except WrongExpectedVersion:
        return _do(visit, step, command, yours)  # decided again on what is there now
    visit.passed(answer.position)
    return visit.redirect(f"/leads/{lead_id}", step.done)


def _lead(visit: Visit, lead_id: str, seen: int | None = None) -> Seen[Lead]:
    found: Seen[Lead] | None = seen_of(visit, f"lead-{lead_id}", position=seen)
    if found is None or not found.now.known:
        raise not_found()
    return found


def _wrong(visit: Visit, lead_id: str, step: Step, wrong: Mapping[str, str]) -> Response:
    _lead(visit, lead_id)
    return _form(
        visit, lead_id, step, visit.form, 422, seen=position_of(visit.form.get("seen", "")), wrong=wrong
    )


def _form(  # noqa: PLR0913 - what the form shows
    visit: Visit,
    lead_id: str,
    step: Step,
    told: Mapping[str, str],
    status: int = 200,
    *,
    seen: int | None,
    wrong: Mapping[str, str] | None = None,
    differences: Sequence[tuple[str, str, str, str]] = (),
) -> Response:
    with visit.reading() as connection:
        owners = owners_of_deals(connection)
        found = details(connection, visit.service.log, visit.caller.tenant, LEADS, lead_id)
    return visit.page(
        "records/lead.html",
        status,
        lead_id=lead_id,
        step=step,
        title=found.title if found else "Lead",
        told=told,
        seen=seen,
        wrong=wrong or {},
        differences=differences,
        owners=owners,
    )
