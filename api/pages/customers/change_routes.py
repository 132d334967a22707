"""The pages by which people change a field of a customer, or bring an earlier value of it back."""

from datetime import UTC, datetime

from fastapi import APIRouter, Response

from api.http.v1.border import PathId
from api.pages.customers.changing import FieldStanding, field_standing
from api.pages.customers.routes import Writer, seen
from api.pages.visit import Visit
from commands.command import Answer
from domain.errors import InvalidValue
from streams.errors import WrongExpectedVersion

router = APIRouter()


@router.get("/customers/{customer_id}/fields/{name}/change")
def ask(visit: Writer, customer_id: PathId, name: str) -> Response:
    """Ask what a field should be."""
    field = field_standing(visit, customer_id, name)
    return _ask(visit, field, field.now or "")


@router.post("/customers/{customer_id}/fields/{name}")
def change(visit: Writer, customer_id: PathId, name: str) -> Response:
    """Give a field the value of the form, or the one that stood at version `restores`.

    Where somebody has changed the field since it was seen, both values are shown and nothing is written.
    """
    field = field_standing(visit, customer_id, name, seen(visit, "seen"))
    home = f"/customers/{customer_id}"
    if field.customer.merged_into is not None:
        return visit.redirect(home, "This customer was merged meanwhile. Nothing was changed.")
    value = _value(visit, customer_id, name)
    if value == field.now:
        return visit.redirect(home, "It is so already.")
    if field.overtaken:
        return _ask(visit, field, value, 409)
    try:
        answer = visit.do(field.command(value, datetime.now(UTC)), expected=field.version)
    except InvalidValue as refusal:
        return _ask(visit, field, value, 422, error=f"It must be {refusal.detail['rule']}.")
    except WrongExpectedVersion:
        return change(visit, customer_id, name)  # decided again on what is there now
    visit.passed(answer.position)
    return _changed(visit, field, answer)


def _changed(visit: Visit, field: FieldStanding, answer: Answer) -> Response:
    home = f"/customers/{field.customer_id}"
    if field.offered:
        told = f"{field.label}: {field.owner} owns it, so its value stands. Yours is offered beside it, to be settled."
        return visit.redirect(home, told)
    told = f"{field.label} changed."
    if field.owner is not None:
        told += f" It stands until {field.owner}, who owns it, tells another."
    if "identity-taken" in answer.anomalies:
        told += " Another customer has the same: perhaps the same person."
    undo = f"?changed={field.name}&stood={field.version}" if field.now is not None else ""
    return visit.redirect(f"{home}{undo}", told)


def _value(visit: Visit, customer_id: str, name: str) -> str:
    version = seen(visit, "restores")
    if version is None:
        return visit.form.get("value", "").strip()
    return field_standing(visit, customer_id, name, version).seen or ""


def _ask(visit: Visit, field: FieldStanding, value: str, status: int = 200, *, error: str = "") -> Response:
    template = "customers/_change.html" if visit.partial else "customers/change.html"
    return visit.page(template, status, field=field, value=value, error=error)
