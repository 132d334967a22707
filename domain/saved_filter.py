"""Filters of lists and the board that people keep under a name, for themselves or shared with all of the tenant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from domain.errors import InvalidValue, Refusal
from domain.event import Event, stored
from domain.record import EventsWithdrawn

LISTS = ("board", "leads", "customers", "deals", "orders", "refunds", "invoices")
_LONGEST_NAME, _LONGEST_QUERY = 60, 2_000


@stored("filter-saved.v1", sealed=("name", "query"))
@dataclass(frozen=True, slots=True, kw_only=True)
class FilterSaved(Event):
    """A person keeps what a list or the board is asked for under a name; it may name someone, so both are sealed."""

    filter_id: str
    list: str
    person: str
    name: str | None
    query: str | None
    shared: bool = False


@stored("filter-removed.v1")
@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRemoved(Event):
    """The filter is no longer kept."""

    filter_id: str


SavedFilterEvent = FilterSaved | FilterRemoved | EventsWithdrawn


class FilterNotFound(Refusal):
    """There is no such saved filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFilters:
    """The filters that the people of a tenant keep, by id."""

    filters: Mapping[str, FilterSaved] = field(default_factory=dict)

    def seen_by(self, person: str, of_list: str) -> tuple[FilterSaved, ...]:
        """Return the filters of a list that a person may use, by name: their own and those shared."""
        seen = (
            one
            for one in self.filters.values()
            if one.list == of_list and (one.shared or one.person == person)
        )
        return tuple(sorted(seen, key=lambda one: ((one.name or "").casefold(), one.filter_id)))


NEW = SavedFilters()


def evolve(state: SavedFilters, event: SavedFilterEvent) -> SavedFilters:
    """Return the state after an event."""
    match event:
        case FilterSaved(filter_id=filter_id):
            return SavedFilters(filters={**state.filters, filter_id: event})
        case FilterRemoved(filter_id=gone):
            return SavedFilters(filters={ident: one for ident, one in state.filters.items() if ident != gone})
        case EventsWithdrawn():
            return state
        case _:
            assert_never(event)


def save(  # noqa: PLR0913 - a filter's fields
    state: SavedFilters,
    *,
    filter_id: str,
    of_list: str,
    person: str,
    name: str,
    query: str,
    shared: bool,
    at: datetime,
) -> list[SavedFilterEvent]:
    """Keep a filter, in place of the one that had this id; nothing when it is kept so. Raises InvalidValue."""
    name = name.strip()
    if of_list not in LISTS:
        raise InvalidValue(field="list", rule=f"one of {', '.join(LISTS)}")
    if not 0 < len(name) <= _LONGEST_NAME:
        raise InvalidValue(field="name", rule=f"1 to {_LONGEST_NAME} characters")
    if len(query) > _LONGEST_QUERY:
        raise InvalidValue(field="query", rule=f"at most {_LONGEST_QUERY} characters")
    known = state.filters.get(filter_id)
    if known is not None and (known.name, known.query, known.shared) == (name, query, shared):
        return []
    saved = FilterSaved(
        occurred_at=at,
        filter_id=filter_id,
        list=of_list,
        person=person,
        name=name,
        query=query,
        shared=shared,
    )
    return [saved]


def remove(
    state: SavedFilters, *, filter_id: str, person: str, of_anyone: bool, at: datetime
) -> list[SavedFilterEvent]:
    """Keep a filter no longer: a person's own, or that `of_anyone`. Raises FilterNotFound."""
    known = state.filters.get(filter_id)
    if known is None or (known.person != person and not of_anyone):
        raise FilterNotFound(filter_id=filter_id)
    return [FilterRemoved(occurred_at=at, filter_id=filter_id)]
