"""Given what happened, when something is decided, then this follows."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pytest

from domain.errors import Refusal
from domain.event import Event

Decision = Callable[..., Any]


def fold(aggregate: Any, events: Iterable[Event], state: Any = None) -> Any:
    """Return the state of an aggregate (a module of domain) after these events."""
    return reduce(aggregate.evolve, events, aggregate.NEW if state is None else state)


@dataclass(frozen=True)
class Given:
    events: tuple[Event, ...]

    def when(self, decision: Decision, **content: Any) -> "When":
        state = fold(sys.modules[decision.__module__], self.events)
        return When(lambda: decision(state, **content))


@dataclass(frozen=True)
class When:
    decide: Callable[[], Any]

    def then(self, *events: Event) -> None:
        assert self.decide() == list(events)

    def then_nothing(self) -> None:
        assert self.decide() == []

    def then_refuses(self, reason: type[Refusal], **detail: Any) -> None:
        with pytest.raises(Refusal) as refused:
            self.decide()
        assert type(refused.value) is reason
        assert {name: refused.value.detail.get(name) for name in detail} == detail


def given(*events: Event) -> Given:
    return Given(events)
