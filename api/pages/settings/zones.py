"""The time zones that people choose from: cities by their part of the world, and what time it is there."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

_PARTS = {
    *("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia"),
    *("Europe", "Indian", "Pacific", "UTC"),
}


class Zone(NamedTuple):
    """A zone: its IANA name, how its place is called, what a clock shows there."""

    name: str
    label: str
    clock: str


def zones(chosen: str, now: datetime) -> Iterable[tuple[str, list[Zone]]]:
    """Return the zones of places, and the chosen one whatever it is, by their part of the world."""
    names = sorted({*_names(), chosen})
    return [
        (part, sorted((_zone(name, now) for name in those), key=lambda zone: zone.label))
        for part, those in groupby(names, _part)
    ]


@cache
def _names() -> frozenset[str]:
    return frozenset(name for name in available_timezones() if _part(name) in _PARTS)


def _part(name: str) -> str:
    return name.partition("/")[0]


def _zone(name: str, now: datetime) -> Zone:
    place, *regions = reversed(name.replace("_", " ").split("/")[1:] or [name])
    label = f"{place} ({', '.join(regions)})" if regions else place
    return Zone(name, label, f"{now.astimezone(ZoneInfo(name)):%H:%M}")
