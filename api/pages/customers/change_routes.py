"""The pages by which people change or empty a field of a customer, or bring an earlier value of it back."""

from datetime import UTC, datetime

from fastapi import APIRouter, Response

from api.http.v1.border import PathId
from api.pages.customers.changing import FieldStanding, field_standing
from api.pages.customers.routes import Writer
from api.pages.seen import version_seen
from api.pages.visit import Visit
from commands.command import Answer
from domain.errors import InvalidValue
from streams.errors import WrongExpectedVersion

router = APIRouter()


@router.get("/customers/{customer_id}/fields/{name}/change")
def ask(visit: Writer, customer_id: PathId, name: str) -> Response:
    """Ask what a field should be."""
    field = field_standing(visit, customer_id, name)
    return _ask(visit, field, field.now)


@router.post("/customers/{customer_id}/fields/{name}")
def change(visit: Writer, customer_id: PathId, name: str) -> Response:
    """Give a field the value of the form, or the one that stood at version `restores`, or none if it `empties`.

    Where somebody has changed the field since it was seen, both values are shown and nothing is written.
    """
    field = field_standing(visit, customer_id, name, version_seen(visit, "seen"))
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
    return _changed(visit, field, answer, emptied=value is None)


def _changed(visit: Visit, field: FieldStanding, answer: Answer, *, emptied: bool) -> Response:
    home = f"/customers/{field.customer_id}"
    if field.offered:
        told = f"{field.label}: {field.owner} owns it, so its value stands. "
        told += f"{'That it is empty' if emptied else 'Yours'} is offered beside it, to be settled."
        return visit.redirect(home, told)
    told = f"{field.label} {'emptied' if emptied else 'changed'}."
    if field.owner is not None:
        told += f" It stands until {field.owner}, who owns it, tells another."
    if "identity-taken" in answer.anomalies:
        told += " Another customer has the same: perhaps the same person."
    return visit.redirect(f"{home}?changed={field.name}&stood={field.version}", told)


def _value(visit: Visit, customer_id: str, name: str) -> str | None:
    if "empties" in visit.form:
        return None
    version = version_seen(visit, "restores")
    if version is None:
        return visit.form.get("value", "").strip()
    return field_standing(visit, customer_id, name, version).seen


def _ask(
    visit: Visit, field: FieldStanding, value: str | None, status: int = 200, *, error: str = ""
) -> Response:
    template = "customers/_change.html" if visit.partial else "customers/change.html"
    return visit.page(template, status, field=field, value=value or "", error=error)
