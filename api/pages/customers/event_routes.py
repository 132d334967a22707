"""One event by itself: what it changed, what it told, who, when and why."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.http.errors import not_found
from api.http.policy import READ_BY
from api.pages.customers.explained import explained
from api.pages.records.naming import records_of
from api.pages.visit import Visit, visitor
from domain.ids import id_of, kind_of

router = APIRouter()
_SAID = "SELECT customer_id, summary FROM read.timeline WHERE position = %s AND stream = %s"


@router.get("/events/{position}")
def event(
    visit: Annotated[Visit, visitor("customers:read")], position: Annotated[int, Path(ge=1, le=2**62)]
) -> Response:
    """Show an event of a record that the visitor may read; all others do not exist."""
    found = explained(visit.service.log, visit.caller.tenant, position)
    if found is None or not visit.caller.may(READ_BY.get(kind_of(found.recorded.stream), "")):
        raise not_found()
    if visit.partial:
        return visit.page("customers/_event.html", event=found)
    stream = found.recorded.stream
    with visit.reading() as connection:
        said = connection.execute(_SAID, (position, stream)).fetchone()
        record = records_of(connection, [stream]).get(stream)
    customer = said[0] if said else id_of(stream) if kind_of(stream) == "customer" else None
    return visit.page(
        "customers/event.html", event=found, customer=customer, record=record, summary=said and said[1]
    )
