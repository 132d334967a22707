"""The templates: everything escaped, nothing undefined; the filters that all of them share."""

import secrets
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from api.pages.assets import asset
from api.pages.navigation import is_current, places_of

FOLDER = Path(__file__).parent / "templates"
LOCALE = "en_GB"


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
    made.globals.update(asset=asset, places_of=places_of, is_current=is_current, fresh_id=fresh_id)
    made.filters.update(money=money, number=number, day=day, moment=moment, machine_time=machine_time)
    return made


def money(amount: Decimal | str, currency: str) -> str:
    """Return an amount as people write it, in its own currency: `EUR 412,300.00`."""
    return format_currency(Decimal(amount), currency, format="¤¤ #,##0.00", locale=LOCALE)


def number(value: Decimal | int | str) -> str:
    """Return a number with its thousands set apart."""
    return format_decimal(Decimal(value), locale=LOCALE)


def day(at: datetime) -> str:
    """Return the day of a time in UTC: `12 Mar 2026`."""
    return format_date(at.astimezone(UTC), "d MMM y", locale=LOCALE)


def moment(at: datetime) -> str:
    """Return a time in UTC to the minute, its zone named: `12 Mar 2026, 18:00 UTC`."""
    return format_datetime(at.astimezone(UTC), "d MMM y, HH:mm 'UTC'", locale=LOCALE)


def machine_time(at: datetime) -> str:
    """Return a time as the `datetime` attribute has it."""
    return at.astimezone(UTC).isoformat()


def fresh_id() -> str:
    """Return an id for a form that is shown, by which a repeated submission is recognised."""
    return secrets.token_urlsafe(12)
