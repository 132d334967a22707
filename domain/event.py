"""Events: what every fact has in common, and the registry of their stored names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, at `occurred_at` (aware UTC) by the clock of the system that reports it."""

    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """How an event class is kept: its stored `name` and the `sealed` fields that identify a person."""

    name: str
    sealed: frozenset[str] = field(default_factory=frozenset)


_E = TypeVar("_E", bound=type[Event])
_by_class: dict[type[Event], Stored] = {}
_by_name: dict[str, type[Event]] = {}


def stored(name: str, *, sealed: tuple[str, ...] = ()) -> Callable[[_E], _E]:
    """Register an event class under its stored name, `kebab-case.vN`, and declare its personal fields.

    A sealed field is encrypted under the customer's own key; once that key is destroyed it reads as None,
    so its type must admit None. Raises ValueError when a name is given twice.
    """

    def register(cls: _E) -> _E:
        if name in _by_name:
            raise ValueError(f"stored name {name!r} already belongs to {_by_name[name].__qualname__}")
        _by_class[cls] = Stored(name, frozenset(sealed))
        _by_name[name] = cls
        return cls

    return register


def stored_as(cls: type[Event]) -> Stored:
    """Return how events of this class are kept. Raises KeyError for a class without `@stored`."""
    return _by_class[cls]


def registered() -> Mapping[str, type[Event]]:
    """Return every event class by its stored name."""
    return dict(_by_name)
