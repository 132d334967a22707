"""Records of rows: each rule of a mapping compiled to a function from a group's rows to commands."""

from collections import abc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.failures import Misuse
from api.imports.kinds import FORM_VALUE, PROFILE, TOUCH, Field
from api.imports.mapping import Condition, Expression, Input, Mapping, Record
from api.imports.problems import Row, Unusable
from api.imports.values import Compiler, Value
from commands.command import Command
from domain.customer import Profile
from domain.lead import Touch

Rows = Sequence[Row]
Test = Callable[[Rows, Rows], bool]
Parts = dict[str, Any]
Fields = abc.Mapping[str, Field]
_TEXT = Field("text", required=False)
_IDENTITIES = ("source_id", "email", "phone")


@dataclass(slots=True)
class Unit:
    """Rows that stand or fall together: their commands, or why and by which column each row is skipped."""

    rows: list[Row]
    commands: list[tuple[str, Command]] = field(default_factory=list)
    skipped: list[tuple[Row, str, str | None]] = field(default_factory=list)


class Rules:
    """The records of one input, compiled for the columns of its files."""

    def __init__(self, mapping: Mapping, given: Input, compiler: Compiler) -> None:
        self._per_row = given.per == "row"
        self._compares = any(c.changed for r in given.records for c in (*r.when, *r.unless))
        self._rules = [
            _Rule(mapping, record, compiler)
            for record in given.records
            if not any(compiler.conditions.never(condition) for condition in record.when)
        ]
        self._order = [compiler.text(Expression(column=name)) for name in given.order_by]

    def units(self, rows: list[Row], *, whole: bool = True) -> Iterator[Unit]:
        """Turn the rows of one group into units."""
        if not whole:
            yield Unit(rows, skipped=[(row, "record-too-large", None) for row in rows])
            return
        if self._order and len(rows) > 1:
            rows.sort(key=lambda row: ([_sortable(read(row)) for read in self._order], row.cells))
        if not self._per_row:
            yield self._unit(rows, [])
            return
        for index, row in enumerate(rows):
            yield self._unit([row], rows[:index] if self._compares else [])

    def _unit(self, rows: list[Row], earlier: Rows) -> Unit:
        unit = Unit(rows)
        try:
            for rule in self._rules:
                if not rule.holds(rows, earlier):
                    continue
                if rule.reason is not None:
                    return Unit(rows, skipped=[(row, rule.reason, None) for row in rows])
                unit.commands.append((rule.make, rule.command(rows)))
        except Unusable as unusable:
            return _spoiled(rows, unusable)
        if not unit.commands:
            unit.skipped = [(row, "no-rule", None) for row in rows]
        return unit


class _Rule:
    def __init__(self, mapping: Mapping, record: Record, compiler: Compiler) -> None:
        self.make = record.make
        self.reason = record.reason
        self._when = [_test(condition, compiler) for condition in record.when]
        self._unless = [_test(condition, compiler) for condition in record.unless]
        if record.make != "nothing":
            self._prepare(mapping, record, compiler)

    def _prepare(self, mapping: Mapping, record: Record, compiler: Compiler) -> None:
        kind = record.kind
        given = dict(record.set)
        amounts = [name for name, f in kind.fields.items() if f.type == "number" and name in given]
        if (
            "currency" in kind.fields
            and "currency" not in given
            and (kind.fields["currency"].required or amounts)
        ):
            if mapping.currency is None:
                raise Misuse(
                    f"{mapping.name}: {record.make} needs set.currency, or a currency for the whole mapping"
                )
            given["currency"] = Expression(value=mapping.currency)
        elif "currency" in given and given["currency"].default is None:
            given["currency"] = given["currency"].model_copy(update={"default": mapping.currency})
        self._command = kind.command
        self._set = _values(given, kind.fields, compiler)
        self._profile = _values(record.profile, PROFILE, compiler)
        self._touch = _values(record.touch, TOUCH, compiler)
        self._form = _values(record.form, dict.fromkeys(record.form, FORM_VALUE), compiler)
        self._lines = _values(record.lines, kind.lines or {}, compiler)
        self._line = kind.line
        self._needs_customer = kind.profile == "required"
        self._optional_money = None if kind.fields.get("currency", _TEXT).required else amounts
        self._shipped = kind.lines is not None and kind.line is None
        self._lines_when = [_test(condition, compiler) for condition in record.lines_when]

    def holds(self, rows: Rows, earlier: Rows) -> bool:
        """Say whether this record is made of these rows."""
        if not all(test(rows, earlier) for test in self._when):
            return False
        return not self._unless or not all(test(rows, earlier) for test in self._unless)

    def command(self, rows: Rows) -> Command:
        """Make the command. Raises Unusable naming the row."""
        parts: Parts = {name: found for name, read in self._set if (found := read(rows)) is not None}
        if self._profile:
            parts["profile"] = self._customer(rows)
            if parts["profile"] is None and self._needs_customer:
                raise Unusable("id-missing", None, rows[0])
        if self._touch:
            parts["touch"] = Touch(**{name: read(rows) for name, read in self._touch})
        if self._form:
            told = {name: found for name, read in self._form if (found := read(rows)) is not None}
            parts["fields"] = told or None
        if self._lines or self._shipped:
            self._add_lines(rows, parts)
        if self._optional_money is not None and not any(name in parts for name in self._optional_money):
            parts.pop("currency", None)
        command: Command = self._command(**parts)
        return command

    def _customer(self, rows: Rows) -> Profile | None:
        told = {name: read(rows) for name, read in self._profile}
        return Profile(**told) if any(told.get(name) for name in _IDENTITIES) else None

    def _add_lines(self, rows: Rows, parts: Parts) -> None:
        lines = [
            {name: read([row]) for name, read in self._lines}
            for row in rows
            if self._lines and all(test([row], []) for test in self._lines_when)
        ]
        if self._line is not None:
            parts["lines"] = tuple(self._line(**line) for line in lines)
            return
        quantities: Parts = {}
        for line in lines:
            quantities[line["sku"]] = quantities.get(line["sku"], 0) + line["quantity"]
        parts["quantities"] = quantities


def _values(given: dict[str, Expression], fields: Fields, compiler: Compiler) -> list[tuple[str, Value]]:
    return [(name, compiler.value(expression, fields[name])) for name, expression in given.items()]


def _test(condition: Condition, compiler: Compiler) -> Test:
    if condition.changed is None:
        passes = compiler.conditions.test(condition)
        return lambda rows, _: passes(rows)
    read = compiler.conditions.column(condition)

    def changed(rows: Rows, earlier: Rows) -> bool:
        now = read(rows[0])
        return bool(now) and now != next((then for row in reversed(earlier) if (then := read(row))), "")

    return changed


def _spoiled(rows: list[Row], unusable: Unusable) -> Unit:
    bad = unusable.row or rows[0]
    told = [
        (row, unusable.reason, unusable.column) if row is bad else (row, "record-incomplete", None)
        for row in rows
    ]
    return Unit(rows, skipped=told)


def _sortable(text: str) -> tuple[int, int, str]:
    return (0, int(text), "") if text.isdecimal() else (1, 0, text)
