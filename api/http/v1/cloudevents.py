"""CloudEvents 1.0: an event in a JSON document, many in one, or its attributes as headers and its data as the body."""

from typing import Annotated, Any, Literal
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import Headers

from api.http.errors import Problem, malformed
from api.http.v1.asking import Ask, referred
from api.http.v1.border import Instant, Source
from api.http.v1.reports import REPORTS
from commands.command import Command, Context

MOST = 1000
_REFERENCES = ("customer_id", "lead_id", "deal_id", "order_id")
_Attribute = Annotated[str, Field(min_length=1, max_length=200)]


class CloudEvent(BaseModel):
    """An event as its envelope tells it; extension attributes are allowed and not kept."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    specversion: Literal["1.0"]
    id: _Attribute
    source: Source
    type: _Attribute
    time: Instant | None = None
    subject: _Attribute | None = None
    datacontenttype: Literal["application/json"] = "application/json"
    data: dict[str, Any]


def read_event(told: object) -> CloudEvent:
    """Return an event. Raises Problem 400."""
    try:
        return CloudEvent.model_validate(told)
    except ValidationError as cause:
        raise _malformed(cause) from None


def event_of_headers(headers: Headers, data: object) -> dict[str, object]:
    """Return an event whose attributes are headers: ce-id, ce-source and so on."""
    attributes = {
        name.removeprefix("ce-"): unquote(value) for name, value in headers.items() if name.startswith("ce-")
    }
    return {**attributes, "data": data}


def command_of(ask: Ask, event: CloudEvent) -> tuple[Command, Context]:
    """Return what an event asks, in its source's name, once for its source and id. Raises Problem."""
    source = ask.caller.source(event.source)
    report = REPORTS.get(event.type)
    if report is None:
        title = "Events of this type are not taken."
        raise Problem(422, "event-type-unknown", title, types=sorted(REPORTS))
    if "source" in event.data:
        raise malformed(
            [{"loc": ("body", "data", "source"), "msg": "the event's own source says who speaks"}]
        )
    at = {"occurred_at": event.time.isoformat()} if event.time is not None else {}
    try:
        body = report.data.model_validate(at | event.data)
    except ValidationError as cause:
        raise _malformed(cause, "data") from None
    ask.check(referred(**{name: getattr(body, name, None) for name in _REFERENCES}))
    tenant = ask.caller.tenant
    digest = ask.service.log.keyring.digest("event", tenant, source, event.id)
    return report.command(body, tenant, source), ask.context(source, f"event-{digest.hex()[:48]}")


def _malformed(cause: ValidationError, *within: str) -> Problem:
    found = cause.errors(include_url=False, include_input=False)
    return malformed([{"loc": ("body", *within, *one["loc"]), "msg": one["msg"]} for one in found])
