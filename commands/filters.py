"""Saved filters of lists and the board."""

from commands.command import Context, RemoveFilter, SaveFilter
from commands.desk import Desk
from domain import saved_filter
from domain.ids import external_id

FILTERS = "filters-saved"


def save(desk: Desk, command: SaveFilter, context: Context) -> str:
    """Keep a filter under a name, by which a person has one filter of a list."""
    filter_id = external_id(
        context.tenant, "filter", command.person, f"{command.list}/{command.name.strip()}"
    )
    events = saved_filter.save(
        desk.state(FILTERS),
        filter_id=filter_id,
        of_list=command.list,
        person=command.person,
        name=command.name,
        query=command.query,
        shared=command.shared,
        at=context.now,
    )
    desk.append(FILTERS, events)
    return filter_id


def remove(desk: Desk, command: RemoveFilter, context: Context) -> str:
    """Keep a filter no longer."""
    events = saved_filter.remove(
        desk.state(FILTERS),
        filter_id=command.filter_id,
        person=command.person,
        of_anyone=command.of_anyone,
        at=context.now,
    )
    desk.append(FILTERS, events)
    return command.filter_id
