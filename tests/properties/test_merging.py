"""Merges can be undone in any order, and never make a circle."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain import customer
from domain.errors import Refusal
from tests.domain.story import fold
from tests.examples import REGISTERED, at

IDS = ("a", "b", "c", "d")


class Merging(RuleBasedStateMachine):
    """A few customers, merged and unmerged at random, beside a plain dictionary of who is in whom."""

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[str, Any] = dict.fromkeys(IDS, fold(customer, [REGISTERED]))
        self.into: dict[str, str] = {}

    @rule(loser=st.sampled_from(IDS), survivor=st.sampled_from(IDS), minutes=st.integers(0, 3))
    def merge(self, loser: str, survivor: str, minutes: int) -> None:
        allowed = loser != survivor and loser not in self.into and survivor not in self.into
        try:
            for_loser, for_survivor = customer.merge(
                self.states[loser],
                self.states[survivor],
                loser=loser,
                survivor=survivor,
                reason="same",
                at=at(minutes),
            )
        except Refusal:
            assert not allowed
            return
        assert allowed
        self.into[loser] = survivor
        self.record(loser, for_loser)
        self.record(survivor, for_survivor)

    @rule(loser=st.sampled_from(IDS), minutes=st.integers(0, 3))
    def unmerge(self, loser: str, minutes: int) -> None:
        survivor = self.states[loser].merged_into
        try:
            for_loser, for_survivor = customer.unmerge(
                self.states[loser],
                loser=loser,
                reason="twins",
                at=at(minutes),
            )
        except Refusal:
            assert loser not in self.into
            return
        assert self.into.pop(loser) == survivor
        self.record(loser, for_loser)
        self.record(survivor, for_survivor)

    def record(self, ident: str, events: list[Any]) -> None:
        self.states[ident] = fold(customer, events, self.states[ident])

    @invariant()
    def everyone_is_where_the_last_answer_said(self) -> None:
        assert {
            ident: state.merged_into for ident, state in self.states.items() if state.merged_into
        } == self.into

    @invariant()
    def nobody_is_merged_into_itself_through_others(self) -> None:
        for ident in IDS:
            seen = set()
            here: str | None = ident
            while here is not None:
                assert here not in seen
                seen.add(here)
                here = self.states[here].merged_into


TestMerging = Merging.TestCase
