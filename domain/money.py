"""Money: an exact amount and its ISO 4217 currency, never added across currencies."""

import re
from decimal import Decimal, InvalidOperation

from domain.currencies import CURRENCIES
from domain.errors import InvalidValue

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?\Z")


def amount(value: str | int | Decimal, field: str = "amount") -> Decimal:
    """Read an exact decimal amount. Raises InvalidValue for floats, blanks, NaN, grouping or exponents."""
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.match(value.strip()):
        try:
            return Decimal(value.strip())
        except InvalidOperation:
            pass
    raise InvalidValue(field=field, value=str(value), rule="an exact decimal number such as 12.50")


def currency(code: str, field: str = "currency") -> str:
    """Check an ISO 4217 code, upper case. Raises InvalidValue for one that does not exist."""
    if code not in CURRENCIES:
        raise InvalidValue(field=field, value=code, rule="an ISO 4217 currency code such as EUR")
    return code
