"""Of several rows one value, of several columns one number."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from api.imports.conversions import Scalar
from api.imports.problems import Row, Unusable

Each = Callable[[Row], Scalar]
Take = Callable[[Each, Sequence[Row], str | None], Scalar]
_PLACES = 10


def _only(each: Each, rows: Sequence[Row], told: str | None) -> Scalar:
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


def _first(each: Each, rows: Sequence[Row], _: str | None) -> Scalar:
    return next((value for row in rows if (value := each(row)) is not None), None)


def _last(each: Each, rows: Sequence[Row], _: str | None) -> Scalar:
    return next((value for row in reversed(rows) if (value := each(row)) is not None), None)


def _min(each: Each, rows: Sequence[Row], _: str | None) -> Scalar:
    return min((value for row in rows if (value := each(row)) is not None), default=None)


def _max(each: Each, rows: Sequence[Row], _: str | None) -> Scalar:
    return max((value for row in rows if (value := each(row)) is not None), default=None)


def _sum(each: Each, rows: Sequence[Row], _: str | None) -> Scalar:
    found = [value for row in rows if (value := each(row)) is not None]
    return sum(found, Decimal(0)) if found else None


TAKES: Mapping[str, Take] = {
    "only": _only,
    "first": _first,
    "last": _last,
    "min": _min,
    "max": _max,
    "sum": _sum,
}


def times(one: Each, other: Each) -> Each:
    """Return the product; None where either is missing."""

    def product(row: Row) -> Scalar:
        left, right = one(row), other(row)
        return None if left is None or right is None else left * right

    return product


def over(one: Each, other: Each) -> Each:
    """Return the quotient, to ten places; the value itself where the other is missing or zero."""

    def quotient(row: Row) -> Scalar:
        left, right = one(row), other(row)
        return left if left is None or not right else round(left / right, _PLACES)

    return quotient


def plus(one: Each, other: Each) -> Each:
    """Return the sum; the value itself where the other is missing."""

    def total(row: Row) -> Scalar:
        left, right = one(row), other(row)
        return left if left is None or right is None else left + right

    return total


def minus(one: Each, other: Each) -> Each:
    """Return the difference; the value itself where the other is missing."""

    def difference(row: Row) -> Scalar:
        left, right = one(row), other(row)
        return left if left is None or right is None else left - right

    return difference
