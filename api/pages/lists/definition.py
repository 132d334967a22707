"""What a list is: a view, its columns, what it may be asked for, and which of its columns are added up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from api.http.v1.listing import Stored

Shown = Literal["text", "title", "status", "money", "time", "day", "person", "record", "flags"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list: how people call it, how it is shown, and whether rows can be sorted by it."""

    name: str
    label: str
    shown: Shown = "text"
    sorts: bool = False
    compact: bool = True
    """Whether it is on the page, too; all columns are in the file."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter by one value of several: of a column (`options` empty: those that there are), or each a condition."""

    name: str
    label: str
    column: str = ""
    options: tuple[str, ...] = ()
    conditions: Mapping[str, str] = field(default_factory=dict)

    @property
    def found(self) -> bool:
        """Say whether its options are the values that there are."""
        return not self.options and not self.conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """A list of one kind of record. `at` is the time that it is dated by, and that is never unknown.

    `sums` are the columns that are added up, by currency; `search` the conditions one of which a text must meet.
    Where rows are `stored`, they are read from there: a row is then found by its key alone, and its customer is the
    one that it was recorded with; customers are found there and shown by the view. `kept` is a table of the sums by
    currency and by `kept_by`, the columns of those filters that it can answer. Where several rows have one key, `tie`
    is what tells them apart.
    """

    name: str
    title: str
    one: str
    action: str
    view: str
    key: str
    at: str
    address: str
    columns: tuple[Column, ...]
    choices: tuple[Choice, ...]
    search: tuple[str, ...]
    sums: tuple[str, ...] = ()
    stored: Stored | None = None
    kept: str | None = None
    kept_by: frozenset[str] = frozenset()
    tie: str = ""
    empty: str = ""
    kinds: tuple[str, ...] = ()
    """The kinds of records whose changes may be seen in it, where that is not `one`."""

    @property
    def unique(self) -> str:
        """What tells its rows apart."""
        return self.tie or self.key

    @property
    def rows(self) -> Stored:
        """Where its rows are read from."""
        return self.stored or Stored(self.view, "true")

    @property
    def sortable(self) -> frozenset[str]:
        """The columns that rows can be sorted by."""
        return frozenset(column.name for column in self.columns if column.sorts)

    def has(self, name: str) -> bool:
        """Say whether it has a column."""
        return any(column.name == name for column in self.columns)

    def label(self, name: str) -> str:
        """Return what people call a column."""
        return next(column.label for column in self.columns if column.name == name)

    def address_of(self, row: Mapping[str, Any]) -> str:
        """Return where the page of a row is."""
        return f"{self.address}{row[self.key]}"

    @property
    def of_customers(self) -> bool:
        """Say whether each row names a customer other than itself."""
        return self.has("customer_id") and self.key != "customer_id"
