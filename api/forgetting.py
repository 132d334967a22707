"""Who a person is over merged records, and what of theirs can still be read."""

from collections.abc import Iterator

from commands.customers import PERSONAL_KINDS
from domain.customer import CustomerAbsorbed, CustomerMerged, CustomerReleased, CustomerUnmerged
from domain.event import stored_as
from domain.record import effective
from streams.log import Log
from streams.records import Recorded


def same_person(log: Log, tenant: str, customer: str) -> list[str]:
    """Return the ids of every customer record that is this person by a merge that stands, the given one first."""
    found: dict[str, None] = {}
    waiting = [customer]
    while waiting:
        ident = waiting.pop()
        if ident not in found:
            found[ident] = None
            waiting += _merged_with(log.stream(tenant, f"customer-{ident}"))
    return list(found)


def sealed_fields(log: Log, tenant: str, customer: str) -> dict[str, dict[str, int]]:
    """Count the readable personal fields in a customer's streams, by stream and field; empty for nobody known."""
    own = f"customer-{customer}"
    others = [name for name in log.streams_of_customer(tenant, customer) if name.startswith(PERSONAL_KINDS)]
    streams = log.streams(tenant, [own, *others])
    return {name: counted for name, recorded in streams.items() if (counted := _counted(recorded))}


def _merged_with(recorded: list[Recorded]) -> Iterator[str]:
    partners: dict[str, None] = {}
    for _, event in effective([(entry.version, entry.event) for entry in recorded]):
        match event:
            case CustomerMerged(into=other) | CustomerAbsorbed(merged=other):
                partners[other] = None
            case CustomerUnmerged(out_of=other) | CustomerReleased(unmerged=other):
                partners.pop(other, None)
            case _:
                continue
    yield from partners


def _counted(recorded: list[Recorded]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for entry in recorded:
        for name in stored_as(type(entry.event)).sealed:
            if getattr(entry.event, name) is not None:
                counted[name] = counted.get(name, 0) + 1
    return dict(sorted(counted.items()))
