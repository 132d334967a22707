"""Decoded events and states make no reference cycles: looking for some in every batch would cost a quarter of it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_SELDOM = (2_000_000, 20, 100)
NOW_AND_THEN = (100_000, 10, 10)
"""How seldom where some cycles are made, as by refusals that are kept with where they were raised."""


@contextmanager
def collecting_seldom(how: tuple[int, int, int] = _SELDOM) -> Iterator[None]:
    """Look for reference cycles seldom until the block ends; what has none is freed at once as always."""
    usual = gc.get_threshold()
    gc.set_threshold(*how)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
