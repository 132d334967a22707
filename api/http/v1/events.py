"""POST /v1/events: what services report, as CloudEvents, one or many; each counts once by its source and id."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from fastapi.concurrency import run_in_threadpool

from api.http.errors import Problem, malformed, problem_of
from api.http.v1.asking import Ask, answer_document, is_new
from api.http.v1.documented import written
from api.http.v1.entry import may
from api.http.v1.service import json_response
from api.http.v1.shapes import EventResults, Written
from api.http.v1.strict import BATCH, StrictRoute
from api.intake import cloudevents
from api.intake.cloudevents import CloudEvent
from commands.command import Answer, Command, Context
from commands.handle import handle_many

router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["events"])
ORDER = {
    "specversion": "1.0",
    "id": "8d6f",
    "source": "shop",
    "type": "order-placed.v1",
    "time": "2026-03-01T09:30:00Z",
    "data": {
        "source_id": "1001",
        "currency": "EUR",
        "total": "29.90",
        "customer": {"email": "ann@example.org"},
    },
}
PAYMENT = {
    "specversion": "1.0",
    "id": "8d70",
    "source": "shop",
    "type": "payment-received.v1",
    "time": "2026-03-01T09:31:00Z",
    "data": {"order_source_id": "1001", "payment_id": "p-1", "currency": "EUR", "amount": "29.90"},
}
_ONE, _MANY = "application/cloudevents+json", BATCH
_EVENT_SCHEMA = CloudEvent.model_json_schema()
_DOCUMENTED = written(keyed=False, versioned=False)
_DOCUMENTED["responses"][200] |= {
    "model": Written | EventResults,
    "description": "Recorded before; or, for a batch, what became of each event, in its order.",
}
_DOCUMENTED["openapi_extra"]["requestBody"] = {
    "required": True,
    "content": {
        _ONE: {"schema": _EVENT_SCHEMA, "examples": {"an order": {"value": ORDER}}},
        _MANY: {
            "schema": {"type": "array", "items": _EVENT_SCHEMA, "maxItems": cloudevents.MOST},
            "examples": {"an order and its payment": {"value": [ORDER, PAYMENT]}},
        },
        "application/json": {
            "schema": {"type": "object", "description": "The data; the attributes are headers: ce-id ..."},
        },
    },
}


@router.post("/events", **_DOCUMENTED)
async def record_events(
    told: Annotated[Any, Body()],  # noqa: ANN401 - one event, many, or data
    ask: Annotated[Ask, may("events:write")],
) -> Response:
    """Record what a service reports: one CloudEvent, a batch, or one with its attributes as headers (`ce-id` ...).

    Its source and id make a repeat harmless, so no Idempotency-Key is needed. Types: customer-reported.v1,
    lead-captured.v1, lead-progressed.v1, deal-opened.v1, deal-changed.v1, deal-activity-recorded.v1,
    order-placed.v1, payment-received.v1, shipment-sent.v1, order-cancelled.v1, refund-issued.v1, invoice-issued.v1,
    invoice-paid.v1, invoice-refunded.v1. The schema of each one's data is served at `/schemas/intake/TYPE.json`: what
    the route that does the same takes, where there is one; facts of an order or invoice name it by `order_source_id` or
    `invoice_source_id`. The event's time is `occurred_at`, unless the data has one. A batch is answered event by event:
    a bad one does not stop the others.
    """
    waits = await ask.waits()
    ask.expected(versioned=False)
    kind = ask.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _MANY:
        return await _many(ask, told, waits)
    binary = kind != _ONE and "ce-id" in ask.request.headers
    event = cloudevents.read_event(
        cloudevents.event_of_headers(ask.request.headers, told) if binary else told
    )
    looks_up = cloudevents.names_records(event)
    command, context = await run_in_threadpool(_asked, ask, event) if looks_up else _asked(ask, event)
    answer = await ask.service.commands.handle(command, context)
    return await ask.answered(answer, waits)


async def _many(ask: Ask, told: object, waits: str | None) -> Response:
    if not isinstance(told, list) or len(told) > cloudevents.MOST:
        raise malformed([{"loc": ("body",), "msg": f"an array of at most {cloudevents.MOST} events"}])
    outcomes = await run_in_threadpool(_recorded, ask, told)
    results = [
        {"event": _named(event), **_result(outcome)} for event, outcome in zip(told, outcomes, strict=True)
    ]
    reached = max((one.position for one in outcomes if isinstance(one, Answer)), default=0)
    return json_response({"results": results}, HTTPStatus.OK, await ask.waited(waits, reached))


def _recorded(ask: Ask, told: Sequence[object]) -> list[Answer | Problem]:
    """Record events in their order; each is answered or refused by itself, as is what could not be read as JSON."""
    outcomes: dict[int, Answer | Problem] = {}
    asked: list[tuple[int, tuple[Command, Context]]] = []
    for number, one in enumerate(told):
        try:
            if isinstance(one, Problem):
                raise one
            asked.append((number, _asked(ask, cloudevents.read_event(one))))
        except Problem as problem:
            outcomes[number] = problem
    if asked:
        found = handle_many(ask.service.log, [pair for _, pair in asked])
        for (number, _), outcome in zip(asked, found, strict=True):
            outcomes[number] = outcome if isinstance(outcome, Answer) else problem_of(outcome)
    return [outcomes[number] for number in range(len(told))]


def _asked(ask: Ask, event: CloudEvent) -> tuple[Command, Context]:
    caller = ask.caller
    source = caller.source(event.source)
    return cloudevents.command_of(
        ask.service.log, event, tenant=caller.tenant, actor=caller.actor, source=source
    )


def _result(outcome: Answer | Problem) -> dict[str, object]:
    if isinstance(outcome, Problem):
        return outcome.document()
    status = HTTPStatus.CREATED if is_new(outcome) else HTTPStatus.OK
    return {"status": status, **answer_document(outcome)}


def _named(event: object) -> str | None:
    ident = event.get("id") if isinstance(event, dict) else None
    return ident if isinstance(ident, str) else None
