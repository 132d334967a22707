"""Where the header leads: one table; each sees what the policy lets them read."""

from dataclasses import dataclass

from api.http.auth import Caller


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation: its word, its address and the action that one must be allowed to see it."""

    label: str
    href: str
    action: str


PLACES = (
    Place("Board", "/board", "deals:read"),
    Place("Customers", "/customers", "customers:read"),
    Place("Leads", "/leads", "leads:read"),
    Place("Deals", "/deals", "deals:read"),
    Place("Orders", "/orders", "orders:read"),
    Place("Refunds", "/refunds", "orders:read"),
    Place("Invoices", "/invoices", "invoices:read"),
)

SETTINGS = (
    Place("Settings", "/settings", "settings:read"),
    Place("People", "/people", "people:read"),
    Place("API keys", "/keys", "keys:read"),
)


def places_of(caller: Caller | None) -> list[Place]:
    """Return where a caller can go."""
    return [] if caller is None else [place for place in PLACES if caller.may(place.action)]


def settings_of(caller: Caller) -> list[Place]:
    """Return what a caller may set up."""
    return [place for place in SETTINGS if caller.may(place.action)]


def is_current(place: Place, path: str) -> bool:
    """Say whether an address is at or below a place."""
    return path == place.href or path.startswith(f"{place.href}/")
