from domain.event import registered
from tests.examples import EVENTS


def test_every_event_has_exactly_one_canonical_example() -> None:
    assert sorted(type(event).__name__ for event in EVENTS) == sorted(
        cls.__name__ for cls in registered().values()
    )
