"""Leads: enquiries and what becomes of them."""

from typing import Annotated, Self

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints, model_validator

from api import lengths
from api.http.v1.asking import Ask, referred
from api.http.v1.border import Body, Ident, Instant, Name, PathId, Source, Text, examples
from api.http.v1.documented import written
from api.http.v1.entry import may
from api.http.v1.people import ProfileBody, profile_of
from api.http.v1.strict import StrictRoute
from commands.command import AssignLeadOwner, CaptureLead, ConvertLead, DisqualifyLead, QualifyLead
from domain.lead import Touch

router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["leads"])
_ask = may("leads:write")
_FieldName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
_FieldValue = Annotated[str, StringConstraints(max_length=lengths.FORM_VALUE)]


class TouchBody(Body):
    """Where an enquiry came from, as advertisers use the words."""

    source: Name | None = None
    medium: Name | None = None
    campaign: Name | None = None


class LeadBody(Body):
    """An enquiry. The same person on the same form has one open lead; with `source_id` it is that record's."""

    form: Name | None = None
    source: Source | None = Field(None, description="The system that speaks; by default the key's.")
    source_id: Ident | None = None
    customer: ProfileBody | None = None
    touch: TouchBody | None = None
    fields: dict[_FieldName, _FieldValue] | None = Field(None, max_length=100)
    occurred_at: Instant | None = None

    model_config = examples(
        {
            "form": "contact",
            "customer": {"email": "ann@example.org", "name": "Ann Example"},
            "touch": {"source": "google", "medium": "cpc", "campaign": "spring"},
            "fields": {"budget": "10-20k", "message": "Please call me back."},
            "occurred_at": "2026-03-01T09:30:00Z",
        }
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.form is None and self.source_id is None and self.customer is None and not self.fields:
            raise ValueError("a lead has at least a form, fields, a customer or a source_id")
        return self

    def command(self) -> CaptureLead:
        """Return what is asked."""
        touch = Touch() if self.touch is None else Touch(**self.touch.model_dump())
        return CaptureLead(
            form=self.form,
            source_id=self.source_id,
            profile=profile_of(self.customer),
            touch=touch,
            fields=self.fields,
            occurred_at=self.occurred_at,
        )


class LeadOwnerBody(Body):
    """Who looks after the lead; null for nobody."""

    owner: Name | None

    model_config = examples({"owner": "mara"})


class QualifiedBody(Body):
    """Who found the lead worth pursuing."""

    by: Name | None = None

    model_config = examples({"by": "mara"})


class DisqualifiedBody(Body):
    """Why the lead will not be pursued."""

    reason: Text

    model_config = examples({"reason": "wrong region"})


class ConvertedBody(Body):
    """The customer that the lead became, and perhaps the deal."""

    customer_id: Name | None = None
    deal_id: Name | None = None

    model_config = examples({})


@router.post("/leads", **written(versioned=False))
async def capture_lead(body: LeadBody, ask: Annotated[Ask, _ask]) -> Response:
    """Capture an enquiry, by a form or otherwise; its customer is found or registered."""
    return await ask.do(body.command(), source=body.source, versioned=False)


@router.post("/leads/{lead_id}/owner", **written())
async def assign_lead_owner(lead_id: PathId, body: LeadOwnerBody, ask: Annotated[Ask, _ask]) -> Response:
    """Give the lead to a colleague."""
    return await ask.do(AssignLeadOwner(lead_id=lead_id, owner=body.owner), existing=f"lead-{lead_id}")


@router.post("/leads/{lead_id}/qualified", **written())
async def qualify_lead(lead_id: PathId, body: QualifiedBody, ask: Annotated[Ask, _ask]) -> Response:
    """Find the lead worth pursuing."""
    return await ask.do(QualifyLead(lead_id=lead_id, by=body.by), existing=f"lead-{lead_id}")


@router.post("/leads/{lead_id}/disqualified", **written())
async def disqualify_lead(lead_id: PathId, body: DisqualifiedBody, ask: Annotated[Ask, _ask]) -> Response:
    """Decide not to pursue the lead."""
    return await ask.do(DisqualifyLead(lead_id=lead_id, reason=body.reason), existing=f"lead-{lead_id}")


@router.post("/leads/{lead_id}/converted", **written())
async def convert_lead(lead_id: PathId, body: ConvertedBody, ask: Annotated[Ask, _ask]) -> Response:
    """Make the lead a customer, and perhaps a deal."""
    command = ConvertLead(
        lead_id=lead_id,
        customer_id=body.customer_id,
        deal_id=body.deal_id,
    )
    refers = referred(customer_id=body.customer_id, deal_id=body.deal_id)
    return await ask.do(command, existing=f"lead-{lead_id}", refers=refers)
