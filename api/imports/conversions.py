"""From text to a value: exact numbers, times with a zone, ids as they were written."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from api.imports.kinds import Field
from api.imports.mapping import Mapping, Numbers
from api.imports.problems import Unusable
from domain import money
from domain.currencies import CURRENCIES
from domain.errors import InvalidValue

Scalar = Any
"""What a value can be: str, Decimal, int, bool, date, datetime, or None where it is empty."""

Convert = Callable[[str], Scalar]

_MANGLED = re.compile(r"[+-]?\d([.,]\d+)?E\+\d+\Z", re.IGNORECASE)
_OFFSET = re.compile(r" (?=[+-]\d\d:?\d\d\Z)")
_TRUE, _FALSE = {"true", "yes", "1"}, {"false", "no", "0", ""}


class Conversions:
    """How the texts of one mapping's files are read; what cannot be is Unusable, with the reason alone."""

    def __init__(self, mapping: Mapping) -> None:
        self._dates = tuple(mapping.dates)
        self._zone: tzinfo | None = ZoneInfo(mapping.time_zone) if mapping.time_zone else None
        self._number = number_reader(mapping.numbers)

    def number(self, text: str) -> Decimal | None:
        """Return the number a text is, or None."""
        try:
            return self._number(text)
        except ValueError:
            return None

    def of(self, field: Field, dates: Sequence[str] | None) -> Convert:  # noqa: PLR0911 - one arm a type
        """Return the function that reads a field's text."""
        formats = tuple(dates or self._dates)
        match field.type:
            case "number":
                return _as(self._number, "number-malformed")
            case "integer":
                return _as(int, "number-malformed")
            case "currency":
                return _currency
            case "id":
                return _id
            case "time":
                return time_reader(formats, self._zone)
            case "date":
                zone = self._zone or UTC
                read = time_reader(formats, zone)
                return lambda text: _day(read(text), zone)
            case "flag":
                return _flag
            case "text":
                return str


def number_reader(numbers: Numbers) -> Callable[[str], Decimal]:
    """Return the function that reads an exact number as the files write it; it raises ValueError."""
    decimal, thousands = numbers.decimal, numbers.thousands

    @lru_cache(maxsize=65_536)
    def number(text: str) -> Decimal:
        if thousands:
            text = text.replace(thousands, "")
        if decimal != ".":
            if "." in text:
                raise ValueError
            text = text.replace(decimal, ".")
        try:
            return money.amount(text)
        except InvalidValue as cause:
            raise ValueError from cause

    return number


def time_reader(formats: tuple[str, ...], zone: tzinfo | None) -> Callable[[str], datetime]:
    """Return the function that reads a time in one of these formats, as UTC; naive ones are of this zone.

    It raises Unusable: date-malformed, or date-without-zone.
    """

    @lru_cache(maxsize=65_536)
    def time(text: str) -> datetime:
        found = next((at for form in formats if (at := _parsed(text, form)) is not None), None)
        if found is None:
            raise Unusable("date-malformed", None)
        if found.tzinfo is None:
            if zone is None:
                raise Unusable("date-without-zone", None)
            found = found.replace(tzinfo=zone)
        try:
            return found.astimezone(UTC)
        except OverflowError:
            raise Unusable("date-malformed", None) from None

    return time


def _iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        zoned = text.removesuffix(" UTC") + "+00:00" if text.endswith(" UTC") else _OFFSET.sub("", text)
        return datetime.fromisoformat(zoned)


def _parsed(text: str, form: str) -> datetime | None:
    try:
        if form == "iso":
            return _iso(text)
        return datetime.strptime(text, form)  # noqa: DTZ007 - a naive time gets the mapping's zone
    except ValueError:
        return None


def _as(read: Callable[[str], Scalar], reason: str) -> Convert:
    def convert(text: str) -> Scalar:
        try:
            return read(text)
        except ValueError:
            raise Unusable(reason, None) from None

    return convert


def _id(text: str) -> str:
    if _MANGLED.match(text):
        raise Unusable("id-mangled", None)
    return text


def _currency(text: str) -> str:
    if text not in CURRENCIES:
        raise Unusable("unknown-currency", None)
    return text


def _flag(text: str) -> bool:
    lower = text.lower()
    if lower not in _TRUE | _FALSE:
        raise Unusable("value-unknown", None)
    return lower in _TRUE


def _day(at: datetime, zone: tzinfo) -> date:
    return at.astimezone(zone).date()
