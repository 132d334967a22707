"""Any event of any class, built from its type hints."""

import types
import typing
from dataclasses import is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

from hypothesis import strategies as st

from domain.event import Event

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
_SIMPLE: dict[object, st.SearchStrategy[Any]] = {
    str: TEXT,
    bool: st.booleans(),
    int: st.integers(-(2**53), 2**53),
    Decimal: st.decimals(
        allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9
    ),
    datetime: st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
    date: st.dates(),
    type(None): st.none(),
}


def values(hint: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one for each kind of type
    """Return any value of a type."""
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        return st.builds(hint, **{name: values(inner) for name, inner in typing.get_type_hints(hint).items()})
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return st.sampled_from(inner)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(values(choice) for choice in inner))
    if origin is tuple:
        if inner[1:] == (...,):
            return st.lists(values(inner[0]), max_size=3).map(tuple)
        return st.tuples(*(values(one) for one in inner))
    return st.dictionaries(values(inner[0]), values(inner[1]), max_size=3)


def events(cls: type[Event]) -> st.SearchStrategy[Event]:
    """Return any event of a class."""
    found: st.SearchStrategy[Event] = values(cls)
    return found
