"""Customers: who someone is, and which records are the same person."""

from dataclasses import asdict
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Response
from pydantic import Field, model_validator

from api.http.v1.asking import Ask
from api.http.v1.border import Body, Instant, Name, PathId, Source, Text, examples
from api.http.v1.documented import written
from api.http.v1.entry import may
from api.http.v1.people import ProfileBody
from api.http.v1.strict import StrictRoute
from commands.command import (
    GiveConsent,
    MergeCustomers,
    RecordCustomer,
    SettleConflict,
    UnmergeCustomer,
    WithdrawConsent,
)
from domain.customer import FIELDS, Emptying, Profile

router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["customers"])
_write, _merge = may("customers:write"), may("customers:merge")
_ANN = {"source_id": "c-17", "email": "ann@example.org", "name": "Ann Example", "country": "GB"}


class CustomerBody(ProfileBody):
    """What a source knows of a customer; who has one of these ids, addresses or numbers is found, else registered.

    A field that is left out says nothing; one that is null, that the customer has none.
    """

    source: Source | None = Field(None, description="The system that speaks; by default the key's.")
    occurred_at: Instant | None = None

    model_config = examples(_ANN | {"occurred_at": "2026-03-01T09:30:00Z"})

    @model_validator(mode="after")
    def _something(self) -> Self:
        if super().profile() == Profile():
            raise ValueError("a customer has at least one of these fields")
        return self

    def profile(self) -> Profile:
        """Return it for a command: what is null is emptied."""
        profile = super().profile()
        given = self.model_fields_set
        emptied = tuple(name for name in FIELDS if name in given and getattr(profile, name) is None)
        return Emptying(**asdict(profile), emptied=emptied) if emptied else profile

    def command(self, customer_id: str | None = None) -> RecordCustomer:
        """Return what is asked, of a customer known by our id or not."""
        return RecordCustomer(profile=self.profile(), customer_id=customer_id, occurred_at=self.occurred_at)


class ChangeBody(CustomerBody):
    """What is to be changed or added; null empties a field."""

    model_config = examples({"name": "Ann Other"}, {"phone": None})

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.profile() == Profile():
            raise ValueError("at least one of these fields is changed")
        return self


class MergeBody(Body):
    """The customer that this one is, and why."""

    into: Name = Field(description="Our id of the customer that stays.")
    reason: Text

    model_config = examples({"into": "{other}", "reason": "the same phone number"})


class ReasonBody(Body):
    """Why."""

    reason: Text

    model_config = examples({"reason": "two people after all"})


class ConsentBody(Body):
    """A purpose, and whether the customer agrees to it."""

    purpose: Name
    given: bool
    source: Source | None = None
    occurred_at: Instant | None = None

    model_config = examples({"purpose": "newsletter", "given": True})

    def command(self, customer_id: str) -> GiveConsent | WithdrawConsent:
        """Return what is asked."""
        kind = GiveConsent if self.given else WithdrawConsent
        return kind(customer_id=customer_id, purpose=self.purpose, occurred_at=self.occurred_at)


class SettleBody(Body):
    """The field, and whose value stands."""

    field: Name
    accept: Literal["owner", "offered"]

    model_config = examples({"field": "name", "accept": "owner"})


@router.post("/customers", **written(versioned=False))
async def record_customer(body: CustomerBody, ask: Annotated[Ask, _write]) -> Response:
    """Record what a source knows of a customer."""
    return await ask.do(body.command(), source=body.source, versioned=False)


@router.patch("/customers/{customer_id}", **written(keyed=False))
async def change_customer(customer_id: PathId, body: ChangeBody, ask: Annotated[Ask, _write]) -> Response:
    """Change fields of a customer, or empty them by null; one that another source owns stays, with a conflict."""
    return await ask.do(body.command(customer_id), source=body.source, existing=f"customer-{customer_id}")


@router.post("/customers/{customer_id}/merge", **written())
async def merge_customer(customer_id: PathId, body: MergeBody, ask: Annotated[Ask, _merge]) -> Response:
    """Show this customer under another, who is the same person; answers with that one's id and version.

    If-Match names the version of this customer. Both histories stay; unmerging is possible at any time.
    """
    command = MergeCustomers(loser=customer_id, survivor=body.into, reason=body.reason)
    refers = {"into": f"customer-{body.into}"}
    return await ask.do(command, existing=f"customer-{customer_id}", refers=refers)


@router.post("/customers/{customer_id}/unmerge", **written())
async def unmerge_customer(customer_id: PathId, body: ReasonBody, ask: Annotated[Ask, _merge]) -> Response:
    """Let a merged customer stand for itself again."""
    command = UnmergeCustomer(customer_id=customer_id, reason=body.reason)
    return await ask.do(command, existing=f"customer-{customer_id}")


@router.post("/customers/{customer_id}/consents", **written(versioned=False))
async def change_consent(customer_id: PathId, body: ConsentBody, ask: Annotated[Ask, _write]) -> Response:
    """Record that the customer agrees to a purpose, or no longer does."""
    existing = f"customer-{customer_id}"
    return await ask.do(body.command(customer_id), source=body.source, existing=existing, versioned=False)


@router.post("/customers/{customer_id}/conflicts", **written())
async def settle_conflict(customer_id: PathId, body: SettleBody, ask: Annotated[Ask, _write]) -> Response:
    """Keep the owner's value of a field, or take the one that was offered."""
    command = SettleConflict(customer_id=customer_id, field=body.field, accept=body.accept)
    return await ask.do(command, existing=f"customer-{customer_id}")
