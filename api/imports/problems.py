"""What can be wrong with a row: each reason has a name that people and programs can rely on."""

from typing import NamedTuple

REASONS = {
    "malformed-row": "as many columns as the header, quotes closed",
    "encoding-error": "text in the mapping's encoding, without control characters",
    "id-missing": "an id",
    "id-mangled": "an id as the source wrote it, not a rounded number such as 1.23E+17",
    "value-missing": "a value",
    "value-unknown": "one of the values the mapping or the record knows",
    "value-too-long": "at most 200 characters; 320 of an e-mail address, 500 of a line's title, 2,000 of a reason",
    "number-missing": "a number",
    "number-malformed": "an exact decimal number such as 12.50",
    "unknown-currency": "an ISO 4217 currency code such as EUR",
    "date-missing": "a date",
    "date-malformed": "a date in one of the mapping's formats",
    "date-without-zone": "a date with a zone, or a time_zone in the mapping",
    "duplicate-conflict": "one value in all rows of the record",
    "record-incomplete": "no other row of the same record is bad",
    "record-too-large": "not more rows in one record than an import holds in memory",
    "no-rule": "a record of the mapping whose conditions hold",
}
"""Every reason for which an import skips a row by itself, and the rule the row broke."""


class Row(NamedTuple):
    """One row of a file: its cells, and where it stands."""

    cells: list[str]
    file: str
    line: int


class Unusable(Exception):
    """A row cannot be used: why, in which column, and where. Never holds the value: it may be personal."""

    def __init__(self, reason: str, column: str | None, row: Row | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.column = column
        self.row = row
