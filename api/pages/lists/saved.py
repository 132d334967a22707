"""Saved filters: those a person may use, kept and removed through commands, so that they survive like all else."""

from api.pages.visit import Visit
from commands.command import RemoveFilter, SaveFilter
from commands.desk import Desk
from commands.filters import FILTERS
from domain.saved_filter import FilterSaved, SavedFilters


def saved_filters(visit: Visit, of_list: str) -> tuple[FilterSaved, ...]:
    """Return the filters of a list that the visitor may use, as the log has them at this moment."""
    state: SavedFilters = Desk(visit.service.log, visit.caller.tenant).state(FILTERS)
    return state.seen_by(visit.caller.key_id, of_list)


def may_remove(visit: Visit, kept: FilterSaved) -> bool:
    """Say whether the visitor may remove a filter: their own, an admin also those that others share."""
    return kept.person == visit.caller.key_id or visit.caller.role == "admin"


def save(visit: Visit, of_list: str, query: str) -> None:
    """Keep what a list is asked for under the name in the form. Raises InvalidValue."""
    visit.do(
        SaveFilter(
            list=of_list,
            person=visit.caller.key_id,
            name=visit.form.get("name", ""),
            query=query,
            shared=visit.form.get("shared") == "yes",
        )
    )


def remove(visit: Visit, filter_id: str) -> None:
    """Keep a filter no longer. Raises FilterNotFound."""
    of_anyone = visit.caller.role == "admin"
    visit.do(RemoveFilter(filter_id=filter_id, person=visit.caller.key_id, of_anyone=of_anyone))
