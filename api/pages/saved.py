"""Saved filters: those a person may use, kept and removed through commands, so that they survive like all else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Response

from api.pages.visit import Visit, visitor
from commands.command import RemoveFilter, SaveFilter
from commands.desk import Desk
from commands.filters import FILTERS
from domain.errors import InvalidValue
from domain.saved_filter import FilterSaved, SavedFilters

_MOST = 20  # parameters of an address


@dataclass(frozen=True, slots=True)
class Saved:
    """The filters of a page that a visitor may use, each with whether they may remove it; `query` is asked now."""

    page: str
    query: str
    filters: tuple[tuple[FilterSaved, bool], ...]


def saved_filters(visit: Visit, page: str, query: str) -> Saved:
    """Return the filters of a page that the visitor may use, as the log has them at this moment."""
    state: SavedFilters = Desk(visit.service.log, visit.caller.tenant).state(FILTERS)
    kept = state.seen_by(visit.caller.key_id, page)
    return Saved(page, query, tuple((one, _may_remove(visit, one)) for one in kept))


def saving(router: APIRouter, page: str, action: str, query_of: Callable[[Mapping[str, str]], str]) -> None:
    """Add the addresses by which what a page is asked for is kept under a name, and kept no longer.

    `query_of` returns the one way to ask for what parameters of the page's address say; it raises what is wrong.
    """

    def keep(visit: Annotated[Visit, visitor(action)]) -> Response:
        """Keep what the page is asked for under a name. Raises InvalidValue."""
        try:
            asked = parse_qsl(visit.form.get("query", ""), max_num_fields=_MOST)
        except ValueError:
            raise InvalidValue(field="query", rule=f"at most {_MOST} parameters") from None
        query = query_of(dict(asked))
        visit.do(
            SaveFilter(
                list=page,
                person=visit.caller.key_id,
                name=visit.form.get("name", ""),
                query=query,
                shared=visit.form.get("shared") == "yes",
            )
        )
        return visit.redirect(f"/{page}?{query}" if query else f"/{page}", flash="Filter saved.")

    def forget(visit: Annotated[Visit, visitor(action)], filter_id: str) -> Response:
        """Keep a filter no longer. Raises FilterNotFound."""
        person, of_anyone = visit.caller.key_id, visit.caller.role == "admin"
        visit.do(RemoveFilter(filter_id=filter_id, person=person, of_anyone=of_anyone))
        return visit.redirect(f"/{page}", flash="Filter removed.")

    router.add_api_route(f"/{page}/filters", keep, methods=["POST"])
    router.add_api_route(f"/{page}/filters/{{filter_id}}/removed", forget, methods=["POST"])


def _may_remove(visit: Visit, kept: FilterSaved) -> bool:
    """Say whether the visitor may remove a filter: their own, an admin also those that others share."""
    return kept.person == visit.caller.key_id or visit.caller.role == "admin"
