"""The pages of leads, deals, orders, refunds and invoices: what stands, what belongs to it, what happened."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Response

from api.http.errors import not_found
from api.http.v1.border import PathId
from api.pages.customers.feed import Feed
from api.pages.customers.timeline import Asked
from api.pages.freshness import freshness
from api.pages.lists.catalogue import DEALS, INVOICES, LEADS, ORDERS, REFUNDS
from api.pages.lists.definition import ListPage
from api.pages.lists.rows import flags
from api.pages.records.details import details
from api.pages.seen import Position
from api.pages.visit import Visit, visitor
from domain.tenant import business_day

router = APIRouter()


def _show(page: ListPage) -> Callable[..., Response]:
    named = Annotated[PathId, Path(alias=page.key)]

    def show(
        visit: Annotated[Visit, visitor(page.action)],
        ident: named,
        stood: Position = None,
        at: Position = None,
    ) -> Response:
        """Show a record; after a deal was changed, what `stood` at a position can be brought back."""
        time_zone = visit.settings.time_zone
        with visit.reading() as connection:
            if "\x00" in ident:
                raise not_found()
            found = details(connection, visit.service.log, visit.caller.tenant, page, ident)
            if found is None:
                raise not_found()
            current = freshness(connection)
        feed = Feed(
            customer_id="",
            asked=Asked(),
            page=found.events,
            time_zone=time_zone,
            total=len(found.events.entries),
        )
        return visit.page(
            "records/page.html",
            found=found,
            page=page,
            feed=feed,
            freshness=current,
            flags=flags,
            answers=_answers,
            undo=(stood, at) if page is DEALS and stood is not None and at is not None else None,
            today=business_day(datetime.now(UTC), time_zone),
        )

    return show


def _answers(fields: object) -> dict[str, str]:
    """Return what was filled in, by the form's own names."""
    return msgspec.json.decode(fields, type=dict[str, str]) if isinstance(fields, msgspec.Raw) else {}


for _page in (LEADS, DEALS, ORDERS, REFUNDS, INVOICES):
    router.add_api_route(f"/{_page.name}/{{{_page.key}}}", _show(_page), methods=["GET"])
