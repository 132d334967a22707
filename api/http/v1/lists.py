"""The lists and records that can be read, each a view of schema `read`."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.http.v1.asking import Ask
from api.http.v1.border import PathId
from api.http.v1.documented import read
from api.http.v1.entry import may
from api.http.v1.listing import Listing, Page, Reading, Search, record, searched
from api.http.v1.rows import LeadPage, LeadRecord

router = APIRouter(tags=["reads"])
Text = Annotated[str | None, Field(max_length=200)]

LEADS = Listing(
    view="read.leads",
    key="lead_id",
    order="captured_at",
    columns=(
        "lead_id", "customer_id", "captured_at", "form", "status", "owner", "first_source", "first_medium",
        "first_campaign", "last_source", "last_medium", "last_campaign", "converted_at", "deal_id", "source",
        "source_id", "fields", "anomalies", "position",
    ),
    filters={
        "q": searched("form", "owner", "source_id"),
        "status": "status = %(status)s",
        "form": "form = %(form)s",
        "owner": "owner = %(owner)s",
        "customer_id": "customer_id = %(customer_id)s",
        "source": "source = %(source)s",
        "source_id": "source_id = %(source_id)s",
    },
)  # fmt: skip


class LeadQuery(Page):
    """Which leads."""

    q: Search = None
    status: Literal["open", "qualified", "disqualified", "converted"] | None = Field(None, examples=["open"])
    form: Text = Field(None, examples=["contact"])
    owner: Text = Field(None, examples=["mara"])
    customer_id: Text = None
    source: Text = None
    source_id: Text = None


@router.get("/leads", **read(LeadPage))
def list_leads(query: Annotated[LeadQuery, Query()], ask: Annotated[Ask, may("leads:read")]) -> Response:
    """List leads, the newest first."""
    return LEADS.answer(ask, query)


@router.get("/leads/{lead_id}", **read(LeadRecord))
def get_lead(
    lead_id: PathId, query: Annotated[Reading, Query()], ask: Annotated[Ask, may("leads:read")]
) -> Response:
    """Show one lead."""
    return record(ask, query, LEADS, "lead", lead_id)
