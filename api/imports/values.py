"""Values of rows: each expression of a mapping compiled to a function from a group's rows to one value."""

import re
from collections import abc
from collections.abc import Callable, Sequence

from api.failures import Misuse
from api.imports.columns import Columns, Text
from api.imports.combining import TAKES, Each, minus, over, plus, times
from api.imports.conditions import Conditions
from api.imports.conversions import Conversions, Scalar
from api.imports.kinds import Field
from api.imports.mapping import Expression, Mapping
from api.imports.problems import REASONS, Row, Unusable

Value = Callable[[Sequence[Row]], Scalar]
Tables = abc.Mapping[tuple[str, str, str], abc.Mapping[str, str]]
"""Lookup tables by (input, key column, given column)."""

_BRACES = re.compile(r"\{([^{}]+)\}")
MISSING: abc.Mapping[str, str] = {
    "id": "id-missing",
    "number": "number-missing",
    "integer": "number-missing",
    "time": "date-missing",
    "date": "date-missing",
    "currency": "unknown-currency",
}


class Compiler:
    """Compiles the expressions of one mapping for one file's columns; its conditions by `conditions`."""

    def __init__(self, mapping: Mapping, columns: Columns, tables: Tables) -> None:
        self._columns = columns
        self._tables = tables
        self._conversions = Conversions(mapping)
        self.conditions = Conditions(columns, self._conversions)

    def value(self, expression: Expression, field: Field) -> Value:
        """Return the function that gives this field's value, None where it is empty.

        It raises Unusable for a value that cannot be read, or that is empty where the field needs one.
        """
        reads = [self._each(one, field) for one in self._alternatives(expression)]
        take = TAKES[expression.take]
        unless = [self.conditions.test(condition) for condition in expression.unless]
        told = self._told(expression)
        missing = MISSING.get(field.type, "value-missing")
        fallback = self._fallback(expression, field)
        required, words = field.required, field.words
        longest = field.longest if field.type in {"text", "id"} else None

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
            if longest is not None and found is not None and len(found) > longest:
                raise Unusable("value-too-long", told, rows[0])
            return found

        return self._constant(expression, value) if expression.value is not None else value

    @staticmethod
    def _constant(e: Expression, value: Value) -> Value:
        """Evaluate once what no row can change."""
        if e.unless or e.lookup or e.times or e.over or e.plus or e.minus:
            return value
        try:
            constant = value([Row([], "", 0)])
        except Unusable as unusable:
            raise Misuse(f"value {e.value!r}: {unusable.reason}: {REASONS[unusable.reason]}") from None
        return lambda _: constant

    def _fallback(self, expression: Expression, field: Field) -> Scalar:
        if not expression.default:
            return expression.default
        try:
            return self._conversions.of(field, expression.dates)(expression.default)
        except Unusable as unusable:
            raise Misuse(
                f"default {expression.default!r}: {unusable.reason}: {REASONS[unusable.reason]}"
            ) from None

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

    def _each(self, expression: Expression, field: Field) -> Each:
        text = self.text(expression)
        convert = self._conversions.of(field, expression.dates)
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

    def _arithmetic(self, e: Expression, each: Each) -> Each:
        operations = [
            *((times, column) for column in (e.times,) if column),
            *((over, column) for column in (e.over,) if column),
            *((plus, column) for column in e.plus),
            *((minus, column) for column in e.minus),
        ]
        for operate, column in operations:
            operand = Expression(column=column, optional=e.optional)
            each = operate(each, self._each(operand, Field("number", required=False)))
        if e.negate:
            positive = each
            return lambda row: None if (found := positive(row)) is None else -found
        return each

    @staticmethod
    def _told(e: Expression) -> str | None:
        if isinstance(e.column, list):
            return e.column[0]
        return e.column or e.template


def _part(parts: Sequence[str], index: int) -> str:
    return parts[index].strip() if -len(parts) <= index < len(parts) else ""
