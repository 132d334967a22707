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
Ident = Annotated[str | None, Query(max_length=100)]


@router.get("/board/new")
def new_deal(
    visit: Writer, query: Annotated[BoardQuery, Query()], lead: Ident = None, customer: Ident = None
) -> Response:
    """Ask for what a new deal is, perhaps of a lead or of a customer."""
    return _deal_form(visit, query, _known(visit, lead, customer), {})


@router.post("/board/new")
def open_deal(visit: Writer, query: Annotated[BoardQuery, Query()]) -> Response:
    """Open a deal; the lead it is of is converted with it."""
    form = dict(visit.form)
    known = _known(visit, form.pop("lead_id", None), form.pop("customer_id", None))
    form |= {name: known[name] for name in ("lead_id", "customer_id", "company") if name in known}
    asked, wrong = read_form(NewDeal, form)
    if asked is None:
        return _deal_form(visit, query, known | form, wrong, 422)
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


def _known(visit: Visit, lead_id: str | None, customer_id: str | None) -> dict[str, str]:
    """Return what is known of a deal before anything is typed, by its lead or its customer. Raises Problem 404."""
    told: dict[str, str | None] = {}
    with visit.reading() as connection:
        if lead_id:
            lead = connection.execute(_LEAD, (lead_id,)).fetchone()
            if lead is None:
                raise Problem(404, "lead-not-found", "There is no such lead.")
            _, customer_id, _ = lead
            told = dict(zip(("lead_id", "customer_id", "owner"), lead, strict=True))
        if customer_id:
            customer = connection.execute(_CUSTOMER, (customer_id,)).fetchone()
            if customer is None and not lead_id:
                raise Problem(404, "customer-not-found", "There is no such customer.")
            name, company, email = customer or (None, None, None)
            told |= {"customer_id": customer_id, "name": name, "company": company, "email": email}
            told["title"] = company
    return {name: value for name, value in told.items() if value}
