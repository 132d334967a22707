"""Every no that HTTP says: one table from the class of an error to its status, code and sentence (RFC 9457)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPMethod, HTTPStatus
from typing import Any

import msgspec
import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout, TooManyRequests
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from api.http.head import takes_head
from domain import customer, deal, errors, invoice, lead, message, person, saved_filter, tenant
from streams import errors as log_errors

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = {"Retry-After": "1"}
_PROGRAMS = (
    "/v1",
    "/hooks/",
    "/health",
    "/metrics",
    "/openapi.json",
    "/asyncapi.json",
    "/schemas/",
    "/docs",
    "/static/",
)
_MOST = 20  # errors told of one request
_OF_KEY = "[key]"  # how pydantic ends the place of a member's name
_PLAINLY = dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), "a JSON object") | {
    "extra_forbidden": "no member of this name",
    "list_type": "a JSON array",
    "string_type": "a text",
    "bool_type": "true or false",
}
"""The rules that pydantic tells in words of Python, by its type of error."""
_BUSY = "The service cannot answer at the moment; ask again."


class Problem(Exception):
    """An answer other than yes: its status, stable code, sentence for people and what else programs may know."""

    def __init__(
        self, status: int, code: str, title: str, headers: Mapping[str, str] | None = None, **more: object
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.title = status, code, title
        self.headers = dict(headers or {})
        self.more = {name: value for name, value in more.items() if value is not None}
        if status == HTTPStatus.UNPROCESSABLE_ENTITY:
            self.more.setdefault("rule", title)

    def document(self) -> dict[str, object]:
        """Return the members of the problem document."""
        about = {"type": f"urn:backstory:problem:{self.code}", "title": self.title, "status": self.status}
        return {**about, "code": self.code, **self.more}

    def response(self) -> Response:
        """Return the answer."""
        body = msgspec.json.encode(self.document())
        return Response(body, self.status, self.headers, MEDIA_TYPE)


@dataclass(frozen=True, slots=True)
class Rule:
    """How a class of errors is told; `shows` names the details that hold no personal data."""

    status: int
    code: str
    shows: tuple[str, ...] = ()
    title: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


TABLE: Mapping[type[Exception], Rule] = {
    errors.Refusal: Rule(422, "refused"),
    errors.InvalidValue: Rule(422, "invalid-value", ("field", "rule")),
    customer.CustomerNotFound: Rule(404, "customer-not-found"),
    customer.SameCustomer: Rule(422, "same-customer"),
    customer.AlreadyMerged: Rule(422, "already-merged", ("into",)),
    customer.SurvivorMerged: Rule(422, "survivor-merged", ("into",)),
    customer.CustomerForgotten: Rule(422, "customer-forgotten"),
    customer.NotMerged: Rule(422, "not-merged"),
    customer.NoConflict: Rule(422, "no-conflict", ("field",)),
    lead.LeadNotFound: Rule(404, "lead-not-found"),
    lead.LeadClosed: Rule(422, "lead-closed"),
    deal.DealNotFound: Rule(404, "deal-not-found"),
    deal.DealExists: Rule(422, "deal-exists"),
    deal.DealClosed: Rule(422, "deal-closed", ("outcome",)),
    deal.StageUnknown: Rule(422, "stage-unknown", ("stages",)),
    deal.StageNotReachable: Rule(422, "stage-not-reachable", ("stage", "now", "enters_from")),
    deal.StageRequirementMissing: Rule(422, "stage-requirement-missing", ("stage", "missing", "rule")),
    deal.MoveNotFound: Rule(422, "move-not-found"),
    deal.FollowUpNotFound: Rule(404, "follow-up-not-found"),
    invoice.InvoiceNotFound: Rule(404, "invoice-not-found"),
    message.MessageNotFound: Rule(404, "message-not-found"),
    saved_filter.FilterNotFound: Rule(404, "filter-not-found"),
    person.PersonNotFound: Rule(404, "person-not-found"),
    person.PersonExists: Rule(422, "person-exists"),
    person.PersonInactive: Rule(422, "person-inactive"),
    person.OwnAccess: Rule(422, "own-access"),
    tenant.BatchNotFound: Rule(404, "batch-not-found"),
    tenant.KeyNotFound: Rule(404, "key-not-found"),
    tenant.KeyExists: Rule(422, "key-exists"),
    log_errors.LogRefusal: Rule(503, "log-refused", headers=RETRY_AFTER),
    log_errors.WrongExpectedVersion: Rule(409, "version-conflict", ("expected", "current")),
    log_errors.Overtaken: Rule(409, "overtaken"),
    log_errors.KeyDestroyed: Rule(409, "forgotten-meanwhile"),
    log_errors.KeyTaken: Rule(409, "told-meanwhile"),
    log_errors.ClaimTaken: Rule(409, "identity-taken", ("kind", "holder")),
    log_errors.Unstorable: Rule(400, "unstorable"),
    log_errors.CommandReused: Rule(422, "idempotency-key-reused"),
    log_errors.OutcomeUnknown: Rule(503, "outcome-unknown", headers=RETRY_AFTER),
    log_errors.UnknownEventType: Rule(500, "event-type-unreadable"),
    log_errors.UnreadableEvent: Rule(500, "event-unreadable"),
    log_errors.WrongMasterKey: Rule(503, "wrong-master-key", headers=RETRY_AFTER),
    log_errors.MigrationMismatch: Rule(503, "migration-mismatch", headers=RETRY_AFTER),
    log_errors.LogClosed: Rule(503, "stopping", headers=RETRY_AFTER),
    psycopg.OperationalError: Rule(503, "database-unavailable", title=_BUSY, headers=RETRY_AFTER),
    PoolTimeout: Rule(503, "database-busy", title=_BUSY, headers=RETRY_AFTER),
    TooManyRequests: Rule(503, "database-busy", title=_BUSY, headers=RETRY_AFTER),
}
"""Each error that people may meet. A class that is missing is a bug, found by a test."""


def problem_of(error: Exception) -> Problem:
    """Return how an error of the table, or of a class derived from one there, is told."""
    kind = next(base for base in type(error).__mro__ if base in TABLE)
    rule = TABLE[kind]
    detail: Mapping[str, Any] = getattr(error, "detail", {})
    shown = {name: detail[name] for name in rule.shows if name in detail}
    sentence = rule.title or " ".join((kind.__doc__ or "").split())
    return Problem(rule.status, rule.code, sentence, rule.headers, **shown)


def malformed(
    found: Sequence[Any],
    code: str = "malformed",
    title: str = "The request is not what the document of this API describes.",
) -> Problem:
    """Return the 400 of a request that breaks its schema: where and by which rule of pydantic's, never the value."""
    return Problem(400, code, title, errors=[_told(error) for error in found[:_MOST]])


def _told(error: Mapping[str, Any]) -> dict[str, str]:
    loc, rule = error["loc"], error["msg"].removeprefix("Value error, ")
    if loc[-1] == _OF_KEY:
        return {"at": _pointer(loc[:-2]), "rule": f"the names in it: {rule}"}
    return {"at": _pointer(loc), "rule": _PLAINLY.get(error.get("type", ""), rule)}


def _pointer(loc: tuple[str | int, ...]) -> str:
    where, *rest = [str(part) for part in loc]
    inside = "/".join(part.replace("~", "~0").replace("/", "~1")[:100] for part in rest)
    return f"/{inside}" if where == "body" else f"{where} {inside}".strip()


def not_found() -> Problem:
    """Return the 404 of what does not exist, or not for this caller: the two cannot be told apart."""
    return Problem(404, "not-found", "There is nothing here.")


def _of_http(request: Request, error: HTTPException) -> Problem:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return not_found()
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return Problem(400, "malformed", "The body cannot be read.")
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "-")
    headers = {**(error.headers or {})}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
    return Problem(error.status_code, code, f"{phrase}.", headers)


def _methods(request: Request) -> Iterator[str]:
    """Yield what an address can be asked by; each route knows of its own method alone."""
    below = request.scope.get("root_path", "")
    outermost = request.scope.get("app_root_path", below)  # also for what is mounted
    for method in HTTPMethod:
        asked = HTTPMethod.GET if method is HTTPMethod.HEAD else method
        scope = {**request.scope, "root_path": outermost, "method": asked.value}
        route = next((one for one in request.app.routes if one.matches(scope)[0] is Match.FULL), None)
        if route is None or (isinstance(route, Mount) and asked is not HTTPMethod.GET):
            continue  # what is mounted matches every method, but is there to be read
        if method is not HTTPMethod.HEAD or takes_head(request.url.path):
            yield method.value


async def answer(request: Request, problem: Problem) -> Response:
    """Return how a problem is told: to programs as a document, to people as the pages tell it."""
    if request.url.path.startswith(_PROGRAMS):
        return problem.response()
    told: Response = await request.app.state.tell_people(request, problem)
    return told


def install(app: FastAPI) -> None:
    """Let the application answer every known error."""

    async def told(request: Request, error: Exception) -> Response:
        return await answer(request, problem_of(error))

    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101 - registered for it alone
        return await answer(request, error)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
        return await answer(request, malformed(error.errors()))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
        return await answer(request, _of_http(request, error))

    for kind in TABLE:
        app.add_exception_handler(kind, told)
    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
