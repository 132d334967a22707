"""Money: an exact amount and its ISO 4217 currency, never added across currencies."""

import re
from decimal import Decimal, DefaultContext, InvalidOperation, getcontext

from domain.currencies import CURRENCIES, DECIMALS
from domain.errors import InvalidValue

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?\Z")
_BEFORE, _AFTER = 18, 20  # digits before and after the point

# Python rounds arithmetic to 28 digits; with 100, sums and products of any two amounts stay exact in every thread.
DefaultContext.prec = getcontext().prec = 100


def amount(value: str | int | Decimal, field: str = "amount") -> Decimal:
    """Read an exact decimal amount. Raises InvalidValue for floats, blanks, NaN, grouping or exponents.

    Also for more than 18 digits before the point or 20 after it: what is recorded can be kept and summed exactly.
    """
    if isinstance(value, Decimal) and value.is_finite():
        return _bounded(value, field)
    if isinstance(value, int) and not isinstance(value, bool):
        return _bounded(Decimal(value), field)
    if isinstance(value, str) and _NUMBER.match(value.strip()):
        try:
            return _bounded(Decimal(value.strip()), field)
        except InvalidOperation:
            pass
    raise InvalidValue(field=field, value=str(value), rule="an exact decimal number such as 12.50")


def _bounded(value: Decimal, field: str) -> Decimal:
    exponent = value.as_tuple().exponent
    if value.adjusted() >= _BEFORE or not isinstance(exponent, int) or exponent < -_AFTER:
        raise InvalidValue(field=field, rule="at most 18 digits before the point and 20 after it")
    return value


def currency(code: str, field: str = "currency") -> str:
    """Check an ISO 4217 code, upper case. Raises InvalidValue for one that does not exist."""
    if code not in CURRENCIES:
        raise InvalidValue(field=field, value=code, rule="an ISO 4217 currency code such as EUR")
    return code


def written(value: Decimal, code: str) -> str:
    """Return an amount in its currency as people read it everywhere: `EUR 412,300.00`."""
    return f"{code} {figures(value, code)}"


def figures(value: Decimal, code: str) -> str:
    """Return an amount whose currency stands beside it: with that one's decimals, and every further digit it has."""
    exponent = value.normalize().as_tuple().exponent
    decimals = max(DECIMALS.get(code, 2), -exponent if isinstance(exponent, int) else 0)
    return f"{value:,.{decimals}f}"
