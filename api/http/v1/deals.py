"""Deals: opening them and moving them along, by the pipeline's rules."""

from typing import Annotated, Self

from fastapi import APIRouter, Response
from pydantic import Field, model_validator

from api.http.v1.asking import Ask, referred
from api.http.v1.border import (
    Body,
    Currency,
    Day,
    Exact,
    Ident,
    Instant,
    Name,
    PathId,
    Source,
    Text,
    examples,
)
from api.http.v1.documented import written
from api.http.v1.entry import may
from api.http.v1.people import ProfileBody, profile_of
from api.http.v1.strict import StrictRoute
from commands.command import (
    AssignDealOwner,
    ChangeAmount,
    CompleteFollowUp,
    LoseDeal,
    MoveToStage,
    OpenDeal,
    ReopenDeal,
    ScheduleFollowUp,
    UndoMove,
    WinDeal,
)

router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["deals"])
_ask = may("deals:write")


class DealBody(Body):
    """An opportunity. With `source_id` it is that record of the source's, else a request by the pipeline's rules."""

    pipeline: Name = "sales"
    stage: Name
    title: Name
    source: Source | None = Field(None, description="The system that speaks; by default the key's.")
    source_id: Ident | None = None
    owner: Name | None = None
    amount: Exact | None = None
    currency: Currency | None = None
    customer: ProfileBody | None = None
    customer_id: Name | None = Field(
        None, description="Our id of a customer; what `customer` says is then not heard."
    )
    lead_id: Name | None = None
    lead_source_id: Ident | None = Field(None, description="The source's own id of the lead.")
    company: Name | None = None
    sequence: int = Field(0, ge=0, le=2**31 - 1, description="The source's own order where clocks are equal.")
    occurred_at: Instant | None = None

    model_config = examples(
        {
            "pipeline": "sales",
            "stage": "New",
            "title": "Tea for 12 offices",
            "amount": "4800.00",
            "currency": "EUR",
            "owner": "mara",
            "customer": {"email": "ann@example.org"},
        }
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        check_money(self.amount is None, self.currency is None)
        return self

    def command(self) -> OpenDeal:
        """Return what is asked."""
        plain = self.model_dump(exclude={"customer", "source"})
        return OpenDeal(**plain, profile=profile_of(self.customer))


class StageBody(Body):
    """The stage to enter."""

    stage: Name

    model_config = examples({"stage": "Qualified"})


class AmountBody(Body):
    """The deal's value; null for both: unknown."""

    amount: Exact | None
    currency: Currency | None

    model_config = examples({"amount": "5200.00", "currency": "EUR"})

    @model_validator(mode="after")
    def _complete(self) -> Self:
        check_money(self.amount is None, self.currency is None)
        return self


class DealOwnerBody(Body):
    """Who looks after the deal; null for nobody."""

    owner: Name | None

    model_config = examples({"owner": "noah"})


class NothingBody(Body):
    """Nothing more needs to be said."""

    model_config = examples({})


class LostBody(Body):
    """Why the deal was lost."""

    reason: Text

    model_config = examples({"reason": "price"})


class FollowUpBody(Body):
    """What is to be done, and by which day. An id of the caller's plans the same follow-up anew."""

    due_on: Day
    task: Text
    owner: Name | None = None
    follow_up_id: Ident | None = None

    model_config = examples({"follow_up_id": "call-1", "due_on": "2026-03-31", "task": "Call back"})


def check_money(no_amount: bool, no_currency: bool) -> None:  # noqa: FBT001 - two of a kind
    """Raise ValueError unless an amount and its currency are both told, or neither."""
    if no_amount != no_currency:
        raise ValueError("an amount has a currency, and a currency an amount")


@router.post("/deals", **written(versioned=False))
async def open_deal(body: DealBody, ask: Annotated[Ask, _ask]) -> Response:
    """Open a deal in a stage of a pipeline."""
    refers = referred(customer_id=body.customer_id, lead_id=body.lead_id)
    return await ask.do(body.command(), source=body.source, refers=refers, versioned=False)


@router.post("/deals/{deal_id}/stage", **written())
async def move_to_stage(deal_id: PathId, body: StageBody, ask: Annotated[Ask, _ask]) -> Response:
    """Move a deal to another stage, if the pipeline's rules allow it."""
    return await ask.do(MoveToStage(deal_id=deal_id, stage=body.stage), existing=f"deal-{deal_id}")


@router.post("/deals/{deal_id}/stage/undone", **written())
async def undo_move(deal_id: PathId, ask: Annotated[Ask, _ask], body: NothingBody | None = None) -> Response:
    """Take back what happened last, if it is a move, with all that came with it; by the source that made it."""
    del body
    return await ask.do(UndoMove(deal_id=deal_id), existing=f"deal-{deal_id}")


@router.post("/deals/{deal_id}/amount", **written())
async def change_amount(deal_id: PathId, body: AmountBody, ask: Annotated[Ask, _ask]) -> Response:
    """Estimate the deal's value anew."""
    command = ChangeAmount(deal_id=deal_id, amount=body.amount, currency=body.currency)
    return await ask.do(command, existing=f"deal-{deal_id}")


@router.post("/deals/{deal_id}/owner", **written())
async def assign_deal_owner(deal_id: PathId, body: DealOwnerBody, ask: Annotated[Ask, _ask]) -> Response:
    """Give the deal to a colleague."""
    return await ask.do(AssignDealOwner(deal_id=deal_id, owner=body.owner), existing=f"deal-{deal_id}")


@router.post("/deals/{deal_id}/won", **written())
async def win_deal(deal_id: PathId, ask: Annotated[Ask, _ask], body: NothingBody | None = None) -> Response:
    """Close the deal as won."""
    del body
    return await ask.do(WinDeal(deal_id=deal_id), existing=f"deal-{deal_id}")


@router.post("/deals/{deal_id}/lost", **written())
async def lose_deal(deal_id: PathId, body: LostBody, ask: Annotated[Ask, _ask]) -> Response:
    """Close the deal as lost."""
    return await ask.do(LoseDeal(deal_id=deal_id, reason=body.reason), existing=f"deal-{deal_id}")


@router.post("/deals/{deal_id}/reopened", **written())
async def reopen_deal(
    deal_id: PathId, ask: Annotated[Ask, _ask], body: NothingBody | None = None
) -> Response:
    """Open a closed deal again."""
    del body
    return await ask.do(ReopenDeal(deal_id=deal_id), existing=f"deal-{deal_id}")


@router.post("/deals/{deal_id}/follow-ups", **written())
async def schedule_follow_up(deal_id: PathId, body: FollowUpBody, ask: Annotated[Ask, _ask]) -> Response:
    """Plan something to be done about the deal. Answers with the deal's id and version."""
    command = ScheduleFollowUp(
        deal_id=deal_id,
        follow_up_id=body.follow_up_id or ask.derived_id("follow-up"),
        due_on=body.due_on,
        task=body.task,
        owner=body.owner,
    )
    return await ask.do(command, existing=f"deal-{deal_id}")


@router.post("/deals/{deal_id}/follow-ups/{follow_up_id}/completed", **written())
async def complete_follow_up(
    deal_id: PathId, follow_up_id: PathId, ask: Annotated[Ask, _ask], body: NothingBody | None = None
) -> Response:
    """Note that a follow-up was done."""
    del body
    return await ask.do(
        CompleteFollowUp(deal_id=deal_id, follow_up_id=follow_up_id), existing=f"deal-{deal_id}"
    )
