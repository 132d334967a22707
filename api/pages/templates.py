"""The templates: everything escaped, nothing undefined; the filters that all of them share."""

import secrets
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from api.pages.assets import asset
from api.pages.navigation import is_current, places_of, settings_of
from domain.money import figures, written

FOLDER = Path(__file__).parent / "templates"
LOCALE = "en_GB"
ZONE: ContextVar[str] = ContextVar("ZONE", default="UTC")
"""The time zone in which the page that is being made tells days and times: the tenant's."""


@cache
def environment() -> Environment:
    """Return the one environment of all pages."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        asset=asset, places_of=places_of, settings_of=settings_of, is_current=is_current, fresh_id=fresh_id
    )
    made.globals.update(share=share, days_since=days_since, decimal=Decimal, zone=ZONE.get)
    made.filters.update(money=money, number=number, day=day, moment=moment, machine_time=machine_time)
    made.filters.update(amount=amount, plain_day=plain_day, lasting=lasting, standing=standing)
    return made


def money(value: Decimal | str, currency: str) -> str:
    """Return an amount in its own currency: `EUR 412,300.00`."""
    return written(Decimal(value), currency)


def amount(value: Decimal | str, currency: str) -> str:
    """Return an amount whose currency stands beside it: `412,300.00`."""
    return figures(Decimal(value), currency)


def number(value: Decimal | int | str) -> str:
    """Return a number with its thousands set apart, with every digit it has."""
    return format_decimal(Decimal(value), locale=LOCALE, decimal_quantization=False)


def day(at: datetime) -> str:
    """Return the tenant's day of a time: `12 Mar 2026`."""
    return format_date(at.astimezone(ZoneInfo(ZONE.get())), "d MMM y", locale=LOCALE)


def plain_day(on: date) -> str:
    """Return a day that belongs to no clock: `12 Mar 2026`."""
    return format_date(on, "d MMM y", locale=LOCALE)


def days_since(at: datetime) -> str:
    """Return for how long something is as it is: `12 days`."""
    days = (datetime.now(UTC) - at).days
    return "today" if days < 1 else "1 day" if days == 1 else f"{number(days)} days"


def share(part: Decimal, whole: Decimal) -> str:
    """Return a part as percent of a whole, for lengths: between 0 and 100."""
    return f"{min(max(part / whole, Decimal(0)), Decimal(1)) * 100:.2f}"


def moment(at: datetime) -> str:
    """Return a time to the minute in the tenant's time zone, and that one's name: `12 Mar 2026, 18:00 CET`."""
    return format_datetime(at, "d MMM y, HH:mm z", tzinfo=ZoneInfo(ZONE.get()), locale=LOCALE)


def lasting(seconds: float) -> str:
    """Return how long something lasts, in its largest fitting unit: `37 min`."""
    return format_timedelta(timedelta(seconds=seconds), threshold=2, format="short", locale=LOCALE)


def standing(seconds: float) -> str:
    """Return for how long something stood: `265 days`, below two days in the largest fitting unit."""
    days = timedelta(seconds=seconds).days
    return lasting(seconds) if days <= 1 else f"{number(days)} days"


def machine_time(at: datetime) -> str:
    """Return a time as the `datetime` attribute has it."""
    return at.astimezone(UTC).isoformat()


def fresh_id() -> str:
    """Return an id for a form that is shown, by which a repeated submission is recognised."""
    return secrets.token_urlsafe(12)
