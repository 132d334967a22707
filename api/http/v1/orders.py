"""Orders: what shops report of them; facts, recorded in whatever order they arrive."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from api import lengths
from api.http.v1.asking import Ask, referred
from api.http.v1.border import Body, Currency, Exact, Ident, Instant, Name, PathId, Source, Text, examples
from api.http.v1.documented import written
from api.http.v1.entry import may
from api.http.v1.people import ProfileBody, profile_of
from api.http.v1.strict import StrictRoute
from commands.command import (
    LinkOrderToCustomer,
    RecordCancellation,
    RecordOrder,
    RecordPayment,
    RecordRefund,
    RecordShipment,
)
from domain.order import OrderLine

router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["orders"])
_ask = may("orders:write")
_OF_ORDER = {"source", "order_source_id"}
_AT = {"occurred_at": "2026-03-02T10:00:00Z"}
_LINE = {"sku": "TEA-1", "title": "Green tea", "quantity": 2, "unit_price": "12.50"}


class LineBody(Body):
    """A quantity of one article at a unit price in the order's currency."""

    sku: Annotated[str, StringConstraints(max_length=lengths.NAME)]
    title: Annotated[str, StringConstraints(max_length=lengths.TITLE)]
    quantity: Exact
    unit_price: Exact

    def line(self) -> OrderLine:
        """Return it for a command."""
        return OrderLine(**self.model_dump())


class OrderBody(Body):
    """An order as it stands; told again with other content it was revised."""

    source: Source | None = Field(None, description="The shop that speaks; by default the key's.")
    source_id: Ident = Field(description="The shop's own id of the order.")
    currency: Currency
    total: Exact = Field(description="What the customer was asked for.")
    lines: list[LineBody] = Field([], max_length=1000)
    customer: ProfileBody | None = Field(None, description="None: a guest.")
    discount: Exact = Field(0, validate_default=True)
    shipping: Exact = Field(0, validate_default=True)
    tax: Exact = Field(0, validate_default=True)
    occurred_at: Instant

    model_config = examples(
        {
            "source_id": "1001",
            "currency": "EUR",
            "total": "29.90",
            "shipping": "4.90",
            "lines": [_LINE],
            "customer": {"email": "ann@example.org"},
            "occurred_at": "2026-03-01T09:30:00Z",
        }
    )

    def command(self) -> RecordOrder:
        """Return what is reported."""
        plain = self.model_dump(exclude={"customer", "source", "lines"})
        lines = tuple(line.line() for line in self.lines)
        return RecordOrder(**plain, lines=lines, profile=profile_of(self.customer))


class PaymentBody(Body):
    """Money received; its id counts once for its order, whichever source tells it."""

    source: Source | None = None
    payment_id: Ident
    currency: Currency
    amount: Exact
    method: Name | None = None
    occurred_at: Instant

    model_config = examples(
        {"payment_id": "p-1", "currency": "EUR", "amount": "29.90", "method": "card"} | _AT
    )

    def command(self, *, order_id: str | None = None, order_source_id: str | None = None) -> RecordPayment:
        """Return what is reported, of an order by our id or the source's."""
        return RecordPayment(
            **self.model_dump(exclude=_OF_ORDER), order_id=order_id, order_source_id=order_source_id
        )


class ShipmentBody(Body):
    """Goods sent: quantities by sku, or everything (`complete`); its id counts once for its order, whoever tells it."""

    source: Source | None = None
    shipment_id: Ident
    quantities: dict[Annotated[str, StringConstraints(max_length=lengths.NAME)], Exact] = Field(
        {}, max_length=1000
    )
    complete: bool = False
    occurred_at: Instant

    model_config = examples({"shipment_id": "s-1", "quantities": {"TEA-1": 2}} | _AT)

    def command(self, *, order_id: str | None = None, order_source_id: str | None = None) -> RecordShipment:
        """Return what is reported, of an order by our id or the source's."""
        return RecordShipment(
            **self.model_dump(exclude=_OF_ORDER), order_id=order_id, order_source_id=order_source_id
        )


class CancellationBody(Body):
    """That the shop cancelled its order."""

    source: Source | None = None
    reason: Text | None = None
    occurred_at: Instant

    model_config = examples({"reason": "out of stock"} | _AT)

    def command(
        self, *, order_id: str | None = None, order_source_id: str | None = None
    ) -> RecordCancellation:
        """Return what is reported, of an order by our id or the source's."""
        return RecordCancellation(
            **self.model_dump(exclude=_OF_ORDER), order_id=order_id, order_source_id=order_source_id
        )


class OrderRefundBody(Body):
    """Money given back; its id counts once for its order."""

    source: Source | None = None
    source_id: Ident = Field(description="The shop's own id of the refund.")
    currency: Currency
    amount: Exact
    reason: Text | None = None
    lines: list[LineBody] = Field([], max_length=1000)
    customer: ProfileBody | None = None
    occurred_at: Instant

    model_config = examples(
        {"source_id": "r-1", "currency": "EUR", "amount": "12.50", "reason": "broken"} | _AT
    )

    def command(self, *, order_id: str | None = None, order_source_id: str | None = None) -> RecordRefund:
        """Return what is reported, of an order by our id or the source's, or of none."""
        plain = self.model_dump(exclude={"source", "customer", "lines", "order_source_id"})
        lines = tuple(line.line() for line in self.lines)
        return RecordRefund(
            **plain,
            lines=lines,
            profile=profile_of(self.customer),
            order_id=order_id,
            order_source_id=order_source_id,
        )


class RefundBody(OrderRefundBody):
    """Money given back, for the shop's order `order_source_id`, known here or not, or for none."""

    order_source_id: Ident | None = None

    model_config = examples(
        {"source_id": "r-2", "order_source_id": "0999", "currency": "EUR", "amount": "7.00"} | _AT
    )


class LinkBody(Body):
    """Whose order it is; null: a guest's after all."""

    customer_id: Name | None

    model_config = examples({"customer_id": "{customer}"})


@router.post("/orders", **written(versioned=False))
async def record_order(body: OrderBody, ask: Annotated[Ask, _ask]) -> Response:
    """Record an order as the shop tells it."""
    return await ask.do(body.command(), source=body.source, versioned=False)


@router.post("/orders/{order_id}/payments", **written(versioned=False))
async def record_payment(order_id: PathId, body: PaymentBody, ask: Annotated[Ask, _ask]) -> Response:
    """Record money received for an order."""
    return await _tell(ask, order_id, body.command(order_id=order_id), body.source)


@router.post("/orders/{order_id}/shipments", **written(versioned=False))
async def record_shipment(order_id: PathId, body: ShipmentBody, ask: Annotated[Ask, _ask]) -> Response:
    """Record goods sent for an order."""
    return await _tell(ask, order_id, body.command(order_id=order_id), body.source)


@router.post("/orders/{order_id}/cancellation", **written(versioned=False))
async def record_cancellation(
    order_id: PathId, body: CancellationBody, ask: Annotated[Ask, _ask]
) -> Response:
    """Record that the shop cancelled the order."""
    return await _tell(ask, order_id, body.command(order_id=order_id), body.source)


@router.post("/orders/{order_id}/refunds", **written(versioned=False))
async def record_order_refund(order_id: PathId, body: OrderRefundBody, ask: Annotated[Ask, _ask]) -> Response:
    """Record money given back for an order. Answers with the refund's id and the order's version."""
    return await _tell(ask, order_id, body.command(order_id=order_id), body.source)


@router.post("/refunds", **written(versioned=False))
async def record_refund(body: RefundBody, ask: Annotated[Ask, _ask]) -> Response:
    """Record money given back, for an order that is perhaps not known yet, or for none."""
    return await ask.do(
        body.command(order_source_id=body.order_source_id), source=body.source, versioned=False
    )


@router.post("/orders/{order_id}/customer", **written())
async def link_order_to_customer(order_id: PathId, body: LinkBody, ask: Annotated[Ask, _ask]) -> Response:
    """Say whose a guest's order is, or take that back."""
    command = LinkOrderToCustomer(order_id=order_id, customer_id=body.customer_id)
    refers = referred(customer_id=body.customer_id)
    return await ask.do(command, existing=f"order-{order_id}", refers=refers)


async def _tell(
    ask: Ask,
    order_id: str,
    command: RecordPayment | RecordShipment | RecordCancellation | RecordRefund,
    source: str | None,
) -> Response:
    return await ask.do(command, source=source, existing=f"order-{order_id}", versioned=False)
