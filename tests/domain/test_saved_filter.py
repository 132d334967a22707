from typing import Any

import pytest

from domain import saved_filter
from domain.errors import InvalidValue
from domain.saved_filter import FilterNotFound, FilterRemoved, FilterSaved
from tests.domain.story import fold, given
from tests.examples import at

ASKED: dict[str, Any] = {
    "of_list": "deals",
    "person": "olga",
    "name": "Mine",
    "query": "owner=olga",
    "shared": False,
}
MINE = FilterSaved(
    occurred_at=at(),
    filter_id="f-1",
    list="deals",
    person="olga",
    name="Mine",
    query="owner=olga",
    shared=False,
)
OURS = FilterSaved(
    occurred_at=at(),
    filter_id="f-2",
    list="deals",
    person="pavel",
    name="big",
    query="sort=-amount",
    shared=True,
)
REMOVED = FilterRemoved(occurred_at=at(5), filter_id="f-1")


def test_a_filter_is_kept_once_and_replaced_by_another_of_its_name() -> None:
    given().when(saved_filter.save, filter_id="f-1", **ASKED, at=at()).then(MINE)
    given(MINE).when(saved_filter.save, filter_id="f-1", **ASKED, at=at(5)).then_nothing()
    anew = FilterSaved(
        **{name: getattr(MINE, name) for name in MINE.__slots__} | {"query": "", "occurred_at": at(5)}
    )
    given(MINE).when(saved_filter.save, filter_id="f-1", **(ASKED | {"query": ""}), at=at(5)).then(anew)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("list", {"of_list": "secrets"}), ("name", {"name": " "}), ("query", {"query": "x" * 2001})],
)
def test_what_is_no_filter_is_refused_by_field(field: str, wrong: dict[str, str]) -> None:
    given().when(saved_filter.save, filter_id="f-1", **(ASKED | wrong), at=at()).then_refuses(
        InvalidValue, field=field
    )


def test_a_person_sees_their_own_filters_and_those_shared() -> None:
    state = fold(saved_filter, [MINE, OURS])
    assert [one.name for one in state.seen_by("olga", "deals")] == ["big", "Mine"]
    assert [one.name for one in state.seen_by("pavel", "deals")] == ["big"]
    assert state.seen_by("olga", "orders") == ()


def test_a_filter_is_removed_by_its_person_or_by_one_who_may_remove_anyones() -> None:
    asked = {"filter_id": "f-1", "of_anyone": False, "at": at(5)}
    given(MINE).when(saved_filter.remove, **asked, person="olga").then(REMOVED)
    given(MINE).when(saved_filter.remove, **asked, person="pavel").then_refuses(FilterNotFound)
    given(MINE).when(saved_filter.remove, **(asked | {"of_anyone": True}), person="pavel").then(REMOVED)
    given().when(saved_filter.remove, **asked, person="olga").then_refuses(FilterNotFound)
    assert fold(saved_filter, [MINE, REMOVED]).seen_by("olga", "deals") == ()
