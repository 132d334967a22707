"""What a list is asked for, as its address says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from api.http.errors import Problem
from api.http.v1.listing import OF_PERSON, like
from api.pages.lists.definition import Choice, ListPage
from commands.sound import EARLIEST, LATEST

_LONGEST = 200
_RESERVED = ("q", "from", "until", "customer_id", "sort")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which rows of a list, in which order: by a column, the highest first where `down`."""

    page: ListPage
    values: Mapping[str, str] = field(default_factory=dict)
    sort: str
    down: bool = True

    @property
    def query(self) -> str:
        """The query of the address that asks this, always the same for the same."""
        return self.query_with()

    @property
    def filtered(self) -> bool:
        """Say whether anything is left out."""
        return bool(self.values)

    def query_with(self, **changed: str | None) -> str:
        """Return the query of the address that asks this with some of it changed, or left out (None)."""
        asked: dict[str, str | None] = {**self.values, "sort": self.parameter, **changed}
        return urlencode(sorted((name, value) for name, value in asked.items() if value))

    def sorted_by(self, column: str) -> str:
        """Return the query of the address that sorts by a column: the other way round if it does already."""
        down = not self.down if column == self.sort else column != "title"
        return self.query_with(sort=f"{'-' if down else ''}{column}")

    @property
    def parameter(self) -> str | None:
        """What the address says of the order; None where it is the usual one."""
        return (
            None
            if (self.sort, self.down) == (self.page.at, True)
            else f"{'-' if self.down else ''}{self.sort}"
        )

    def conditions(self, time_zone: str) -> tuple[list[str], dict[str, Any]]:
        """Return the conditions of the rows, and the values they name; days are days of the time zone."""
        conditions, named = list[str](), dict[str, Any]()
        for choice in self.page.choices:
            if value := self.values.get(choice.name):
                conditions.append(_condition(choice, value))
                named[choice.name] = value
        if customer := self.values.get("customer_id"):
            conditions.append(OF_PERSON)
            named["customer_id"] = customer
        if q := self.values.get("q"):
            conditions.append(f"({' OR '.join(self.page.search)})")
            named["q"] = like(q)
        for name, sign, days in (("from", ">=", 0), ("until", "<", 1)):
            if told := self.values.get(name):
                conditions.append(f"{self.page.at} {sign} %({name})s")
                named[name] = _midnight(_day(name, told) + timedelta(days=days), time_zone)
        return conditions, named


def asked_for(page: ListPage, parameters: Mapping[str, str]) -> Asked:
    """Return what an address asks of a list; what the list does not know is not heard.

    Raises Problem 400 for a value that is none, naming its field and rule.
    """
    known = {choice.name for choice in page.choices} | {"q", "from", "until"}
    if page.of_customers:
        known.add("customer_id")
    values = {name: value.strip() for name, value in parameters.items() if name in known and value.strip()}
    for name, value in values.items():
        if len(value) > _LONGEST or "\x00" in value:
            raise _malformed(name, f"at most {_LONGEST} characters")
        if name in {"from", "until"}:
            _day(name, value)
    for choice in page.choices:
        if (
            choice.conditions
            and values.get(choice.name, next(iter(choice.conditions))) not in choice.conditions
        ):
            raise _malformed(choice.name, f"one of {', '.join(choice.conditions)}")
    told = parameters.get("sort") or f"-{page.at}"
    column = told.removeprefix("-")
    if column not in page.sortable:
        raise _malformed("sort", f"one of {', '.join(sorted(page.sortable))}")
    return Asked(page=page, values=values, sort=column, down=told.startswith("-"))


def _condition(choice: Choice, value: str) -> str:
    return choice.conditions[value] if choice.conditions else f"{choice.column} = %({choice.name})s"


def _day(name: str, value: str) -> date:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = date.min
    if not EARLIEST.date() <= day < LATEST.date():
        raise _malformed(name, "a day from 1900 to 2199 such as 2026-03-31")
    return day


def _midnight(day: date, time_zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(time_zone))


def _malformed(name: str, rule: str) -> Problem:
    return Problem(400, "malformed", f"{name} must be {rule}.", errors=[{"field": name, "rule": rule}])
