"""Values of rows: each expression of a mapping compiled to a function from a group's rows to one value."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from api.failures import Misuse
from api.imports.kinds import Field
from api.imports.mapping import Condition, Expression, Numbers
from api.imports.mapping import Mapping as ImportMapping
from api.imports.problems import Row, Unusable
from domain import money
from domain.currencies import CURRENCIES
from domain.errors import InvalidValue

Scalar = Any
"""What a value can be: str, Decimal, int, bool, date, datetime, or None where it is empty."""

Text = Callable[[Row], str]
Value = Callable[[Sequence[Row]], Scalar]
Test = Callable[[Sequence[Row]], bool]
Convert = Callable[[str], Scalar]
Tables = Mapping[tuple[str, str, str], Mapping[str, str]]
"""Lookup tables by (input, key column, given column)."""

PSEUDO = ("@line", "@as_of")
_MANGLED = re.compile(r"[+-]?\d([.,]\d+)?E\+\d+\Z", re.IGNORECASE)
_OFFSET = re.compile(r" (?=[+-]\d\d:?\d\d\Z)")
_BRACES = re.compile(r"\{([^{}]+)\}")
_PLACES = 10
_TRUE, _FALSE = {"true", "yes", "1"}, {"false", "no", "0", ""}


class Columns:
    """The columns of one file, by name."""

    def __init__(self, names: Sequence[str], place: str, as_of: str | None = None) -> None:
        self._at = {name.casefold(): index for index, name in reversed(list(enumerate(names)))}
        self._names = names
        self._place = place
        self._as_of = as_of or ""

    def has(self, name: str) -> bool:
        """Say whether there is such a column; capitals do not matter."""
        return name in PSEUDO or name.casefold() in self._at

    def text(self, name: str) -> Text:
        """Return the function that reads this column of a row. Raises Misuse where there is none."""
        if name == "@line":
            return lambda row: str(row.line)
        if name == "@as_of":
            return lambda _: self._as_of
        index = self._at.get(name.casefold())
        if index is None:
            raise Misuse(f"{self._place}: column {name!r} is missing; it has {', '.join(self._names)}")
        return lambda row: row.cells[index].strip()

    def first_of(self, names: str | list[str], *, optional: bool) -> Text:
        """Return the function that reads the first of these columns that is there and not empty."""
        wanted = [names] if isinstance(names, str) else names
        there = [self.text(name) for name in wanted if self.has(name)]
        if not there:
            if optional:
                return lambda _: ""
            return self.text(wanted[0])
        if len(there) == 1:
            return there[0]
        return lambda row: next((text for read in there if (text := read(row))), "")


class Compiler:
    """Compiles the expressions and conditions of one mapping for one file's columns."""

    def __init__(self, mapping: ImportMapping, columns: Columns, tables: Tables) -> None:
        self._mapping = mapping
        self._columns = columns
        self._tables = tables
        self._zone: tzinfo | None = ZoneInfo(mapping.time_zone) if mapping.time_zone else None
        self._number = number_reader(mapping.numbers)

    def value(self, expression: Expression, field: Field) -> Value:
        """Return the function that gives this field's value, None where it is empty.

        It raises Unusable for a value that cannot be read, or that is empty where the field needs one.
        """
        reads = [self._each(one, field) for one in self._alternatives(expression)]
        take = TAKES[expression.take]
        unless = [self.test(condition) for condition in expression.unless]
        told = self._told(expression)
        missing = MISSING.get(field.type, "value-missing")
        default = expression.default
        fallback = None if default is None else self._converted(expression, field)(default) if default else ""
        required, words = field.required, field.words

        def value(rows: Sequence[Row]) -> Scalar:
            found = None
            if not unless or not all(test(rows) for test in unless):
                for each in reads:
                    found = each(rows[0]) if len(rows) == 1 else take(each, rows, told)
                    if found is not None:
                        break
            if found is None:
                found = fallback
                if found is None and required:
                    raise Unusable(missing, told, rows[0])
            if words and found is not None and found not in words:
                raise Unusable("value-unknown", told, rows[0])
            return found

        return value

    def _alternatives(self, expression: Expression) -> list[Expression]:
        """Return one expression a column, of the columns that are there; at least one."""
        if not isinstance(expression.column, list):
            return [expression]
        there = [name for name in expression.column if self._columns.has(name)]
        return [expression.model_copy(update={"column": name}) for name in there or expression.column[:1]]

    def text(self, expression: Expression) -> Text:
        """Return the function that gives this expression's text of one row, "" where it is empty."""
        read = self._origin(expression)
        steps = [*self._steps(expression)]
        if not steps:
            return read
        told = self._told(expression)

        def text(row: Row) -> str:
            found = read(row)
            for step in steps:
                if not found:
                    return ""
                try:
                    found = step(found)
                except KeyError:
                    raise Unusable("value-unknown", told, row) from None
            return found

        return text

    def test(self, condition: Condition) -> Test:
        """Return the function that says whether any row, or every row, passes this condition."""
        if condition.sums is not None:
            return self._sums(condition, condition.sums)
        read = self.column(condition)
        passes = self._passes(condition)
        if condition.rows == "all":
            return lambda rows: all(passes(read(row)) for row in rows)
        return lambda rows: any(passes(read(row)) for row in rows)

    def never(self, condition: Condition) -> bool:
        """Say whether no row can pass this condition, because the file lacks its optional columns."""
        names = [condition.column] if isinstance(condition.column, str) else condition.column
        if not condition.optional or any(self._columns.has(name) for name in names):
            return False
        return condition.sums is not None or condition.changed is not None or not self._passes(condition)("")

    def _sums(self, condition: Condition, columns: Sequence[str]) -> Test:
        whole = self.column(condition)
        parts = [self._columns.first_of(name, optional=condition.optional) for name in columns]

        def adds_up(row: Row) -> bool:
            total = self._as_number(whole(row))
            found = [self._as_number(read(row) or "0") for read in parts]
            return total is not None and total == sum(part or 0 for part in found)

        return lambda rows: any(adds_up(row) for row in rows)

    def column(self, condition: Condition) -> Text:
        """Return the function that reads the text a condition is about."""
        return self._columns.first_of(condition.column, optional=condition.optional)

    def _passes(self, condition: Condition) -> Callable[[str], bool]:  # noqa: PLR0911 - one arm an operator
        c = condition
        if c.equals is not None:
            return lambda text: text == c.equals
        if c.one_of is not None:
            words = frozenset(c.one_of)
            return lambda text: text in words
        if c.starts_with is not None:
            prefix = c.starts_with
            return lambda text: text.startswith(prefix)
        if c.matches is not None:
            pattern = re.compile(c.matches)
            return lambda text: pattern.fullmatch(text) is not None
        if c.empty is not None:
            return lambda text: (not text) is c.empty
        if c.above is not None:
            above = c.above
            return lambda text: (number := self._as_number(text)) is not None and number > above
        if c.below is not None:
            below = c.below
            return lambda text: (number := self._as_number(text)) is not None and number < below
        return lambda _: True

    def _as_number(self, text: str) -> Decimal | None:
        try:
            return self._number(text)
        except ValueError:
            return None

    def _origin(self, expression: Expression) -> Text:
        if expression.value is not None:
            constant = expression.value
            return lambda _: constant
        if expression.template is not None:
            return self._template(expression.template, optional=expression.optional)
        return self._columns.first_of(expression.column or [], optional=expression.optional)

    def _template(self, template: str, *, optional: bool) -> Text:
        parts = _BRACES.split(template)
        reads = [self._columns.first_of(name, optional=optional) for name in parts[1::2]]
        fixed = parts[::2]

        def text(row: Row) -> str:
            cells = [read(row) for read in reads]
            if not any(cells):
                return ""
            pieces = [fixed[0]]
            for cell, after in zip(cells, fixed[1:], strict=True):
                pieces += (cell, after)
            return "".join(pieces).strip()

        return text

    def _steps(self, e: Expression) -> list[Callable[[str], str]]:
        steps: list[Callable[[str], str]] = []
        if e.strip_prefix is not None:
            prefix = e.strip_prefix
            steps.append(lambda text: text.removeprefix(prefix).strip())
        if e.strip_suffix is not None:
            suffix = e.strip_suffix
            steps.append(lambda text: text.removesuffix(suffix).strip())
        if e.split is not None:
            at, part = e.split, e.part
            steps.append(lambda text: _part(text.split(at), part))
        if e.case is not None:
            steps.append(str.lower if e.case == "lower" else str.upper)
        if e.map is not None:
            table, otherwise = e.map, e.otherwise
            if otherwise is None:
                steps.append(table.__getitem__)
            elif otherwise == "*":
                steps.append(lambda text: table.get(text, text))
            else:
                steps.append(lambda text: table.get(text, otherwise))
        if e.lookup is not None:
            given = self._tables[e.lookup.input, e.lookup.key, e.lookup.give]
            steps.append(lambda text: given.get(text, ""))
        return steps

    def _each(self, expression: Expression, field: Field) -> Callable[[Row], Scalar]:
        text = self.text(expression)
        convert = self._converted(expression, field)
        told = self._told(expression)
        if field.type == "text":
            return lambda row: text(row) or None

        def each(row: Row) -> Scalar:
            found = text(row)
            if not found:
                return None
            try:
                return convert(found)
            except Unusable as unusable:
                raise Unusable(unusable.reason, told, row) from None

        if field.type == "number":
            return self._arithmetic(expression, each)
        return each

    def _arithmetic(self, e: Expression, each: Callable[[Row], Scalar]) -> Callable[[Row], Scalar]:
        operations = [
            *((_times, column) for column in (e.times,) if column),
            *((_over, column) for column in (e.over,) if column),
            *((_plus, column) for column in e.plus),
            *((_minus, column) for column in e.minus),
        ]
        for operate, column in operations:
            operand = Expression(column=column, optional=e.optional)
            each = operate(each, self._each(operand, Field("number", required=False)))
        if e.negate:
            positive = each
            return lambda row: None if (found := positive(row)) is None else -found
        return each

    def _converted(self, expression: Expression, field: Field) -> Convert:  # noqa: PLR0911 - one arm a type
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
                return time_reader(tuple(expression.dates or self._mapping.dates), self._zone)
            case "date":
                read = time_reader(tuple(expression.dates or self._mapping.dates), self._zone or UTC)
                zone = self._zone or UTC
                return lambda text: _day(read(text), zone)
            case "flag":
                return _flag
            case "text":
                return str

    @staticmethod
    def _told(e: Expression) -> str | None:
        if isinstance(e.column, list):
            return e.column[0]
        return e.column or e.template


MISSING: Mapping[str, str] = {
    "id": "id-missing",
    "number": "number-missing",
    "integer": "number-missing",
    "time": "date-missing",
    "date": "date-missing",
    "currency": "unknown-currency",
}


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


def _parsed(text: str, form: str) -> datetime | None:
    try:
        if form == "iso":
            text = text.removesuffix(" UTC") + "+00:00" if text.endswith(" UTC") else _OFFSET.sub("", text)
            return datetime.fromisoformat(text)
        return datetime.strptime(text, form)  # noqa: DTZ007 - a naive time gets the mapping's zone
    except ValueError:
        return None


def _only(each: Callable[[Row], Scalar], rows: Sequence[Row], told: str | None) -> Scalar:
    found = None
    for row in rows:
        value = each(row)
        if value is None:
            continue
        if found is None:
            found = value
        elif value != found:
            raise Unusable("duplicate-conflict", told, row)
    return found


def _first(each: Callable[[Row], Scalar], rows: Sequence[Row], _: str | None) -> Scalar:
    return next((value for row in rows if (value := each(row)) is not None), None)


def _last(each: Callable[[Row], Scalar], rows: Sequence[Row], _: str | None) -> Scalar:
    return next((value for row in reversed(rows) if (value := each(row)) is not None), None)


def _min(each: Callable[[Row], Scalar], rows: Sequence[Row], _: str | None) -> Scalar:
    return min((value for row in rows if (value := each(row)) is not None), default=None)


def _max(each: Callable[[Row], Scalar], rows: Sequence[Row], _: str | None) -> Scalar:
    return max((value for row in rows if (value := each(row)) is not None), default=None)


def _sum(each: Callable[[Row], Scalar], rows: Sequence[Row], _: str | None) -> Scalar:
    found = [value for row in rows if (value := each(row)) is not None]
    return sum(found, Decimal(0)) if found else None


TAKES = {"only": _only, "first": _first, "last": _last, "min": _min, "max": _max, "sum": _sum}


def _times(one: Callable[[Row], Scalar], other: Callable[[Row], Scalar]) -> Callable[[Row], Scalar]:
    def product(row: Row) -> Scalar:
        left, right = one(row), other(row)
        return None if left is None or right is None else left * right

    return product


def _over(one: Callable[[Row], Scalar], other: Callable[[Row], Scalar]) -> Callable[[Row], Scalar]:
    def quotient(row: Row) -> Scalar:
        left, right = one(row), other(row)
        return left if left is None or not right else round(left / right, _PLACES)

    return quotient


def _plus(one: Callable[[Row], Scalar], other: Callable[[Row], Scalar]) -> Callable[[Row], Scalar]:
    def total(row: Row) -> Scalar:
        left, right = one(row), other(row)
        return left if left is None or right is None else left + right

    return total


def _minus(one: Callable[[Row], Scalar], other: Callable[[Row], Scalar]) -> Callable[[Row], Scalar]:
    def difference(row: Row) -> Scalar:
        left, right = one(row), other(row)
        return left if left is None or right is None else left - right

    return difference


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


def _part(parts: Sequence[str], index: int) -> str:
    return parts[index].strip() if -len(parts) <= index < len(parts) else ""
