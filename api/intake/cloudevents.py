"""CloudEvents 1.0: an event in a JSON document, many in one, or its attributes as headers and its data as the body."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import Headers

from api.http.errors import Problem, malformed
from api.http.v1.asking import referred
from api.http.v1.border import Instant, Source
from api.http.v1.service import check_references
from api.intake.reports import REPORTS
from commands.command import Command, Context
from streams.log import Log

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


def names_records(event: CloudEvent) -> bool:
    """Say whether an event names records by their ids, which `command_of` looks up."""
    return any(name in event.data for name in _REFERENCES)


def command_of(
    log: Log, event: CloudEvent, *, tenant: str, actor: str, source: str
) -> tuple[Command, Context]:
    """Return what an event asks, in its source's name, once for its source and id. Raises Problem."""
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
    check_references(log, tenant, referred(**{name: getattr(body, name, None) for name in _REFERENCES}))
    digest = log.keyring.digest("event", tenant, source, event.id)
    context = Context(
        tenant=tenant,
        actor=actor,
        source=source,
        now=datetime.now(UTC),
        command_id=f"event-{digest.hex()[:48]}",
    )
    return report.command(body, tenant, source), context


def _malformed(cause: ValidationError, *within: str) -> Problem:
    found = cause.errors(include_url=False, include_input=False)
    return malformed([one | {"loc": ("body", *within, *one["loc"])} for one in found])
