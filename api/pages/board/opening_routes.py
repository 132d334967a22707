"""The forms by which deals are opened and leads captured."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.http.errors import Problem
from api.pages.board.opening import FORM, Enquiry, NewDeal
from api.pages.board.pipelines import chosen, owners_of_deals, pipelines
from api.pages.board.query import BoardQuery
from api.pages.forms import read_form
from api.pages.visit import Visit, visitor
from commands.desk import Desk
from commands.names import SETTINGS
from domain.tenant import LeadHandlingDefined, is_handled

router = APIRouter()
Writer = Annotated[Visit, visitor("deals:write")]
Capturer = Annotated[Visit, visitor("leads:write")]
_LEAD = "SELECT lead_id, customer_id, owner FROM read.leads WHERE lead_id = %s"
_CUSTOMER = "SELECT name, company, email FROM read.customers WHERE customer_id = %s"
Lead = Annotated[str | None, Query(max_length=100)]


@router.get("/board/new")
def new_deal(visit: Writer, query: Annotated[BoardQuery, Query()], lead: Lead = None) -> Response:
    """Ask for what a new deal is, perhaps of a lead."""
    told: dict[str, str] = {}
    if lead is not None:
        told = _of_lead(visit, lead)
    return _deal_form(visit, query, told, {})


@router.post("/board/new")
def open_deal(visit: Writer, query: Annotated[BoardQuery, Query()]) -> Response:
    """Open a deal; the lead it is of is converted with it."""
    form = dict(visit.form)
    if form.get("lead_id"):
        form |= {
            name: value for name, value in _of_lead(visit, form["lead_id"]).items() if name.endswith("_id")
        }
    else:
        form.pop("customer_id", None)
    asked, wrong = read_form(NewDeal, form)
    if asked is None:
        return _deal_form(visit, query, form, wrong, 422)
    answer = visit.do(asked.command())
    visit.passed(answer.position)
    return visit.redirect(BoardQuery(pipeline=asked.pipeline).address(), flash="The deal is open.")


@router.get("/enquire")
def ask_enquiry(visit: Capturer) -> Response:
    """Ask who enquires, and about what."""
    return visit.page("board/enquire.html", told={}, wrong={})


@router.post("/enquire")
def capture(visit: Capturer) -> Response:
    """Capture a lead; go on to the deal it may become, or to the board where that is opened by itself."""
    asked, wrong = read_form(Enquiry, visit.form)
    if asked is None:
        return visit.page("board/enquire.html", 422, told=visit.form, wrong=wrong)
    answer = visit.do(asked.command())
    visit.passed(answer.position)
    handling: LeadHandlingDefined = Desk(visit.service.log, visit.caller.tenant).state(SETTINGS).lead_handling
    if handling.pipeline is not None and is_handled(handling, FORM):
        board = BoardQuery(pipeline=handling.pipeline).address()
        return visit.redirect(board, flash="The lead is captured. Its deal is opened by itself.")
    return visit.redirect(
        f"/board/new?lead={answer.id}", flash="The lead is captured. Open a deal for it now, or later."
    )


def _deal_form(
    visit: Visit, query: BoardQuery, told: dict[str, str], wrong: dict[str, str], status: int = 200
) -> Response:
    with visit.reading() as connection:
        known = pipelines(connection)
        owners = owners_of_deals(connection)
    rules = chosen(known, told.get("pipeline") or query.pipeline)
    return visit.page(
        "board/new.html", status, query=query, rules=rules, owners=owners, told=told, wrong=wrong
    )


def _of_lead(visit: Visit, lead_id: str) -> dict[str, str]:
    """Return what is known of a lead's deal before anything is typed. Raises Problem 404."""
    with visit.reading() as connection:
        lead = connection.execute(_LEAD, (lead_id,)).fetchone()
        if lead is None:
            raise Problem(404, "lead-not-found", "There is no such lead.")
        customer = connection.execute(_CUSTOMER, (lead[1],)).fetchone() if lead[1] else None
    told = {"lead_id": lead[0], "customer_id": lead[1], "owner": lead[2]}
    if customer is not None:
        told |= {"name": customer[0], "company": customer[1], "email": customer[2]}
        told["title"] = customer[1] or ""
    return {name: value for name, value in told.items() if value}
