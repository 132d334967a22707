"""What is to be done about a deal: planned by a form on its page, and noted as done."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import AfterValidator, StringConstraints

from api import lengths
from api.http.errors import not_found
from api.http.v1.border import PathId
from api.pages.forms import Form, Maybe, read_form
from api.pages.visit import Visit, visitor
from commands.command import CompleteFollowUp, ScheduleFollowUp
from commands.desk import Desk
from commands.sound import EARLIEST, LATEST
from domain.deal import Deal
from domain.tenant import business_day

router = APIRouter()
Writer = Annotated[Visit, visitor("deals:write")]
_SOON = timedelta(days=7)


def _kept(day: date) -> date:
    if not EARLIEST.date() <= day < LATEST.date():
        raise ValueError("This is a day from 1900 to 2199.")
    return day


class FollowUp(Form):
    """What is typed to plan a follow-up."""

    task: Annotated[str, StringConstraints(min_length=1, max_length=lengths.TEXT, strip_whitespace=True)]
    due_on: Annotated[date, AfterValidator(_kept)]
    owner: Maybe = None


@router.get("/deals/{deal_id}/follow-ups/new")
def ask(visit: Writer, deal_id: PathId) -> Response:
    """Ask what is to be done, by when and by whom."""
    owner = _deal(visit, deal_id).owner.value
    due_on = business_day(datetime.now(UTC), visit.settings.time_zone) + _SOON
    return _form(visit, deal_id, {"due_on": due_on.isoformat(), "owner": owner or ""}, {})


@router.post("/deals/{deal_id}/follow-ups")
def plan(visit: Writer, deal_id: PathId) -> Response:
    """Plan something to be done about the deal."""
    asked, wrong = read_form(FollowUp, visit.form)
    if asked is None:
        return _form(visit, deal_id, visit.form, wrong, 422)
    planned = ScheduleFollowUp(
        deal_id=deal_id,
        follow_up_id=visit.new_id(),
        due_on=asked.due_on,
        task=asked.task,
        owner=asked.owner,
    )
    visit.passed(visit.do(planned).position)
    return visit.redirect(f"/deals/{deal_id}", "The follow-up is planned.")


@router.post("/deals/{deal_id}/follow-ups/{follow_up_id}/completed")
def complete(visit: Writer, deal_id: PathId, follow_up_id: PathId) -> Response:
    """Note that it was done."""
    answer = visit.do(CompleteFollowUp(deal_id=deal_id, follow_up_id=follow_up_id))
    visit.passed(answer.position)
    return visit.redirect(f"/deals/{deal_id}", "The follow-up is done.")


def _deal(visit: Visit, deal_id: str) -> Deal:
    if "\x00" in deal_id:
        raise not_found()
    deal: Deal = Desk(visit.service.log, visit.caller.tenant).state(f"deal-{deal_id}")
    if not deal.known:
        raise not_found()
    return deal


def _form(
    visit: Visit, deal_id: str, told: Mapping[str, str], wrong: Mapping[str, str], status: int = 200
) -> Response:
    title = _deal(visit, deal_id).title.value or "Untitled deal"
    return visit.page("records/follow_up.html", status, deal_id=deal_id, title=title, told=told, wrong=wrong)
