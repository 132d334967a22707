"""Conditions on rows: each compiled to a function from a group's rows to yes or no."""

import re
from collections.abc import Callable, Sequence

from api.imports.columns import Columns, Text
from api.imports.conversions import Conversions
from api.imports.mapping import Condition
from api.imports.problems import Row

Test = Callable[[Sequence[Row]], bool]


class Conditions:
    """Compiles the conditions of a mapping for one file's columns."""

    def __init__(self, columns: Columns, conversions: Conversions) -> None:
        self._columns = columns
        self._conversions = conversions

    def test(self, condition: Condition) -> Test:
        """Return the function that says whether any row, or every row, passes this condition."""
        if condition.sums is not None:
            return self._sums(condition, condition.sums)
        read = self.column(condition)
        passes = self._passes(condition)
        if condition.rows == "all":
            return lambda rows: all(passes(read(row)) for row in rows)

        def test(rows: Sequence[Row]) -> bool:
            if len(rows) == 1:
                return passes(read(rows[0]))
            return any(passes(read(row)) for row in rows)

        return test

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
            total = self._conversions.number(whole(row))
            found = [self._conversions.number(read(row) or "0") for read in parts]
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
            return lambda text: (number := self._conversions.number(text)) is not None and number > above
        if c.below is not None:
            below = c.below
            return lambda text: (number := self._conversions.number(text)) is not None and number < below
        return lambda _: True
