"""The pages of a customer: who they are, what happened, the history of a field."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

import psycopg
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import PlainTextResponse

from api.http.errors import not_found
from api.http.v1.border import PathId
from api.pages.customers.feed import Count, Feed, Text, asked_of
from api.pages.customers.field_history import field_history
from api.pages.customers.holdings import holdings
from api.pages.customers.identity import LABELS, identity
from api.pages.customers.merging import named
from api.pages.customers.standing import Standing, standing
from api.pages.customers.timeline import Asked, chips, newest, timeline
from api.pages.customers.versions import version_of
from api.pages.freshness import freshness
from api.pages.headers import PAGE_HEADERS
from api.pages.seen import version_seen
from api.pages.visit import Visit, visitor
from commands.command import SettleConflict
from domain.customer import PERSONAL
from domain.errors import InvalidValue
from domain.ownership import EMPTY

router = APIRouter()
Reader = Annotated[Visit, visitor("customers:read")]
Writer = Annotated[Visit, visitor("customers:write")]
Asking = Annotated[Asked, Depends(asked_of)]
_ACCEPTS: Mapping[str, Literal["owner", "offered"]] = {"owner": "owner", "offered": "offered"}


@router.get("/customers/{customer_id}")
def customer(
    visit: Reader, customer_id: PathId, asked: Asking, changed: Text = "", stood: Count = None
) -> Response:
    """Show a customer; one that was merged leads to the one it was merged into.

    After a field was `changed`, what `stood` at a version can be brought back.
    """
    settings = visit.settings
    with visit.reading() as connection:
        who = known(connection, customer_id)
        if who.customer_id != customer_id:
            return visit.redirect(f"/customers/{who.customer_id}")
        card = identity(connection, who, settings.owners)
        shown: dict[str, Any] = {
            "card": card,
            "held": holdings(connection, who),
            "suspected": named(connection, card.suspected),
            "freshness": freshness(connection),
            "feed": _feed(connection, who, asked, settings.time_zone),
            "ids": who.ids,
        }
    version = version_of(visit, f"customer-{who.customer_id}", card.position)
    undo = (changed, stood) if changed in LABELS and stood is not None else None
    return visit.page("customers/page.html", version=version, undo=undo, **shown)


@router.get("/customers/{customer_id}/timeline")
def timeline_part(visit: Reader, customer_id: PathId, asked: Asking) -> Response:
    """Show the timeline of a customer alone."""
    if not visit.partial:
        return visit.redirect(f"/customers/{customer_id}")
    with visit.reading() as connection:
        who = known(connection, customer_id)
        feed = _feed(connection, who, asked, visit.settings.time_zone)
    return visit.page("customers/_timeline.html", feed=feed)


@router.get("/customers/{customer_id}/newest")
def position_of_newest(visit: Reader, customer_id: PathId) -> Response:
    """Say the position of the newest event of a customer, by which a page knows that it is old."""
    with visit.reading() as connection:
        who = known(connection, customer_id)
        return PlainTextResponse(str(newest(connection, who)), headers=dict(PAGE_HEADERS))


@router.get("/customers/{customer_id}/events")
def older(  # noqa: PLR0913, PLR0917 - what the address can say
    visit: Reader,
    customer_id: PathId,
    asked: Asking,
    day: date,
    n: Annotated[int, Query(ge=1, le=2**31)] = 1,
    of: Count = -1,
) -> Response:
    """Show older events of a timeline, the first of which is number `n` of `of`."""
    if not visit.partial:
        return visit.redirect(f"/customers/{customer_id}")
    with visit.reading() as connection:
        who = known(connection, customer_id)
        page = timeline(connection, who, asked)
    feed = Feed(
        customer_id=who.customer_id,
        asked=asked,
        page=page,
        time_zone=visit.settings.time_zone,
        total=-1 if of is None else of,
        first=n,
        last_day=day,
    )
    return visit.page("customers/_entries.html", feed=feed)


@router.get("/customers/{customer_id}/fields/{name}")
def field(visit: Reader, customer_id: PathId, name: str) -> Response:
    """Show every value that a field of a customer had."""
    if name not in LABELS:
        raise not_found()
    with visit.reading() as connection:
        who = known(connection, customer_id)
        card = identity(connection, who, {})
    stands = card.fields[name]
    tellings = field_history(visit.service.log, visit.caller.tenant, who.ids, name)
    stood = [
        one.position
        for one in tellings
        if one.customer_id == who.customer_id
        and (one.value, one.source) == (stands.value or EMPTY, stands.told_by)
    ]
    return visit.page(
        "customers/_field.html" if visit.partial else "customers/field.html",
        field=stands,
        tellings=tellings,
        customer_id=who.customer_id,
        version=version_of(visit, f"customer-{who.customer_id}", card.position),
        forgotten=card.forgotten and name in PERSONAL,
        stands=stood[0] if stood else None,
    )


@router.post("/customers/{customer_id}/conflicts")
def settle(visit: Writer, customer_id: PathId) -> Response:
    """Settle whose value of a field stands; refused where the customer has changed since the visitor looked."""
    exist(visit, customer_id)
    accept = visit.form.get("accept", "")
    if accept not in _ACCEPTS:
        raise InvalidValue(field="accept", rule="owner or offered")
    command = SettleConflict(
        customer_id=customer_id, field=visit.form.get("field", ""), accept=_ACCEPTS[accept]
    )
    answer = visit.do(command, expected=version_seen(visit, "seen"))
    visit.passed(answer.position)
    return visit.redirect(f"/customers/{customer_id}", flash="Settled. The other value stays in the history.")


def known(connection: psycopg.Connection, customer_id: str) -> Standing:
    """Return whom an id stands for. Raises Problem 404 where this tenant has no such customer."""
    who = standing(connection, customer_id) if "\x00" not in customer_id else None
    if who is None:
        raise not_found()
    return who


def exist(visit: Visit, *customer_ids: str) -> None:
    """Raise Problem 404 unless this tenant has all these customers."""
    with visit.reading() as connection:
        for customer_id in customer_ids:
            known(connection, customer_id)


def _feed(connection: psycopg.Connection, who: Standing, asked: Asked, time_zone: str) -> Feed:
    counted = chips(connection, who, asked)
    total = sum(chip.count for chip in counted.kinds if not asked.kinds or chip.kind in asked.kinds)
    return Feed(
        customer_id=who.customer_id,
        asked=asked,
        page=timeline(connection, who, asked),
        chips=counted.kinds,
        newest=counted.newest,
        time_zone=time_zone,
        total=-1 if asked.before is not None else total,
    )
