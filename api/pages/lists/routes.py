"""The lists: a page of rows with what all rows come to, saved filters, and the file."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.http.head import get_only
from api.pages.freshness import freshness
from api.pages.lists.asking import asked_for
from api.pages.lists.catalogue import LISTS
from api.pages.lists.definition import ListPage
from api.pages.lists.exporting import export
from api.pages.lists.rows import Options, flags, page_of, rows_of
from api.pages.saved import saved_filters, saving
from api.pages.visit import Visit, visitor

router = APIRouter()
_options = Options()
Cursor = Annotated[str | None, Query(max_length=1_000)]


def _show(page: ListPage) -> Callable[..., Response]:
    def show(visit: Annotated[Visit, visitor(page.action)], cursor: Cursor = None) -> Response:
        """Show a page of the rows that are asked for, and what all of them come to; for htmx the rows alone."""
        asked = asked_for(page, visit.request.query_params)
        time_zone, keyring = visit.settings.time_zone, visit.service.log.keyring
        with visit.reading() as connection:
            if visit.partial:
                rows = rows_of(connection, keyring, asked, time_zone, cursor)
                return visit.page("lists/_rows.html", page=page, asked=asked, rows=rows, flags=flags)
            rows, totals = page_of(connection, keyring, asked, time_zone, cursor)
            shown: dict[str, Any] = {
                "totals": totals,
                "options": _options.of(connection, visit.caller.tenant, page),
                "freshness": freshness(connection),
            }
        return visit.page(
            "lists/page.html",
            page=page,
            asked=asked,
            rows=rows,
            flags=flags,
            saved=saved_filters(visit, page.name, asked.query),
            first=cursor is None,
            **shown,
        )

    return show


def _file(page: ListPage) -> Callable[..., Response]:
    def file(visit: Annotated[Visit, visitor(page.action)]) -> Response:
        """Give all rows that are asked for as CSV."""
        return export(visit, asked_for(page, visit.request.query_params), visit.settings.time_zone)

    return file


def _query(page: ListPage) -> Callable[[Mapping[str, str]], str]:
    return lambda parameters: asked_for(page, parameters).query


for _page in LISTS.values():
    router.add_api_route(f"/{_page.name}", _show(_page), methods=["GET"])
    router.add_api_route(get_only(f"/{_page.name}.csv"), _file(_page), methods=["GET"])
    saving(router, _page.name, _page.action, _query(_page))
